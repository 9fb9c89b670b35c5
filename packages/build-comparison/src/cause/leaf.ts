/** Two contents that are no archive: what their difference stands for. */
import { type Normaliser, smallestSet } from "./normalise.ts";
import type { Cause, Scene } from "./scene.ts";
import { timeAt } from "./times.ts";

/** What two contents differ in. */
export interface LeafDifference {
  /** Empty when nothing known explains it. */
  causes: Cause[];
  /** The first byte that differs. */
  offset: number;
  /** The text around it in each, readable. */
  first: string;
  second: string;
}

// Longer contents are explained by what is around their first difference.
export const largestExamined = 1024 * 1024;
const around = 128 * 1024;

/** @param tick called again and again while it goes on; may throw to end it */
export function compareLeaves(
  a: Buffer,
  b: Buffer,
  scene: Scene,
  normalisers: readonly Normaliser[],
  tick: () => void = () => {},
): LeafDifference {
  const offset = firstDifference(a, b);
  const excerpts = { offset, first: excerpt(a, offset), second: excerpt(b, offset) };
  if (a.length === 0 || b.length === 0) return { causes: [], ...excerpts };
  const large = Math.max(a.length, b.length) > largestExamined;
  const from = large ? Math.max(0, offset - 4096) : 0;
  const [first, second] = large ? [a.subarray(from, offset + around), b.subarray(from, offset + around)] : [a, b];
  const [textA, textB] = [first.toString("latin1"), second.toString("latin1")];
  const causes =
    smallestSet(textA, textB, normalisers) ??
    (isText(first) && isText(second)
      ? (orderOf(textA, textB, normalisers) ?? wordCauses(textA, textB, normalisers, tick))
      : (stringTableCauses(textA, textB, normalisers) ?? binaryCauses(first, second, scene)));
  return { causes: causes ?? [], ...excerpts };
}

/** The index of the first byte that differs, or the length of the shorter one. */
export function firstDifference(a: Buffer, b: Buffer): number {
  const length = Math.min(a.length, b.length);
  const step = 64 * 1024;
  let at = 0;
  while (at < length && a.compare(b, at, Math.min(at + step, length), at, Math.min(at + step, length)) === 0)
    at += step;
  while (at < length && a[at] === b[at]) at += 1;
  return Math.min(at, length);
}

const isText = (bytes: Buffer): boolean => !bytes.subarray(0, 8192).includes(0);

function excerpt(bytes: Buffer, offset: number): string {
  const from = Math.max(0, offset - 24);
  const piece = bytes.subarray(from, offset + 40);
  const readable = piece.toString("latin1").replace(/[^\x20-\x7e]/g, "·");
  return isText(bytes) ? readable : `${piece.subarray(offset - from, offset - from + 16).toString("hex")} ${readable}`;
}

const sortedLines = (text: string): string => text.split("\n").sort().join("\n");
const sortedWords = (text: string): string =>
  text
    .split(/([\w./+-]+)/)
    .sort()
    .join(" ");

/** Whether the two hold the same, in another order. */
function orderOf(a: string, b: string, normalisers: readonly Normaliser[]): Cause[] | undefined {
  for (const sorted of [sortedLines, sortedWords]) {
    const set = smallestSet(a, b, normalisers, (x, y) => sorted(x) === sorted(y));
    if (set) return ["order", ...set];
  }
  return undefined;
}

/** A table of strings, such as `.debug_line_str`: a linker orders them by a hash, so another string is another order. */
function stringTableCauses(a: string, b: string, normalisers: readonly Normaliser[]): Cause[] | undefined {
  const sorted = (table: string): string => table.split("\0").sort().join("\0");
  const set = smallestSet(a, b, normalisers, (x, y) => sorted(x) === sorted(y));
  return set?.length === 0 ? ["order"] : set;
}

/** Text that differs in single words: what they stand for, word by word. */
function wordCauses(a: string, b: string, normalisers: readonly Normaliser[], tick: () => void): Cause[] | undefined {
  const general = normalisers.filter(({ words }) => words === undefined);
  const wordsOf = (text: string): string[] => text.match(/[\w+/.-]+={0,2}|[^\w+/.-]/g) ?? [];
  const [first, second] = [wordsOf(a), wordsOf(b)];
  if (first.length !== second.length) return undefined;
  const found = new Set<Cause>();
  for (const [i, word] of first.entries()) {
    const other = second[i]!;
    if (word === other) continue;
    tick();
    const causes = causesOfWord(word, other, normalisers, general);
    if (causes === undefined) return undefined;
    for (const cause of causes) found.add(cause);
  }
  return [...found];
}

function causesOfWord(
  word: string,
  other: string,
  normalisers: readonly Normaliser[],
  general: readonly Normaliser[],
): Cause[] | undefined {
  const known = normalisers.find(({ words }) => words?.first === word && words.second === other);
  if (known) return [known.cause];
  const set = smallestSet(word, other, general);
  if (set) return set;
  return word.length === other.length && looksRandom(word) && looksRandom(other) && differMuch(word, other)
    ? ["random"]
    : undefined;
}

const looksRandom = (text: string): boolean => text.length >= 8 && /\d/.test(text);

/** Between what both begin and end with, most characters differ; in the next version of a name few do. */
function differMuch(a: string, b: string): boolean {
  const differing = Array.from(a, (_, i) => i).filter((i) => a[i] !== b[i]);
  const length = differing.at(-1)! - differing[0]! + 1;
  return differing.length >= 5 && differing.length * 2 > length;
}

/** Bytes of equal number: whether each difference is a moment near the clocks. */
function binaryCauses(a: Buffer, b: Buffer, scene: Scene): Cause[] | undefined {
  if (a.length !== b.length) return undefined;
  let differences = 0;
  for (let at = 0; at < a.length; at++) {
    if (a[at] === b[at]) continue;
    const length = timeAt(a, b, at, scene);
    if (length === 0 || ++differences > 1000) return undefined;
    at += length - 1;
  }
  return ["timestamp"];
}
