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
const explained = 4 * 1024 * 1024;
const around = 256 * 1024;

export function compareLeaves(a: Buffer, b: Buffer, scene: Scene, normalisers: readonly Normaliser[]): LeafDifference {
  const offset = firstDifference(a, b);
  const excerpts = { offset, first: excerpt(a, offset), second: excerpt(b, offset) };
  if (a.length === 0 || b.length === 0) return { causes: [], ...excerpts };
  const large = Math.max(a.length, b.length) > explained;
  const from = large ? Math.max(0, offset - 4096) : 0;
  const [first, second] = large ? [a.subarray(from, offset + around), b.subarray(from, offset + around)] : [a, b];
  const [textA, textB] = [first.toString("latin1"), second.toString("latin1")];
  const causes =
    smallestSet(textA, textB, normalisers) ??
    (isText(first) && isText(second)
      ? (orderOf(textA, textB, normalisers) ?? tokenCauses(textA, textB, normalisers))
      : binaryCauses(first, second, scene));
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

/** Text that differs in single words: what kind of words they are. */
function tokenCauses(a: string, b: string, normalisers: readonly Normaliser[]): Cause[] | undefined {
  const clean = (text: string, side: "first" | "second"): string[] =>
    normalisers.reduce((rest, { apply }) => apply(rest, side), text).match(/[\w+/=.-]+|[^\w+/=.-]/g) ?? [];
  const [first, second] = [clean(a, "first"), clean(b, "second")];
  if (first.length !== second.length) return undefined;
  const found = new Set<Cause>(smallestPartial(a, b, normalisers));
  for (const [i, word] of first.entries()) {
    const other = second[i]!;
    if (word === other) continue;
    if (/^[0-9a-f]{8,}$/i.test(word) && /^[0-9a-f]{8,}$/i.test(other)) found.add("random");
    else if (word.length >= 8 && word.length === other.length && /\d/.test(word + other)) found.add("random");
    else return undefined;
  }
  return [...found];
}

/** Known causes that are among the differences of two texts, though not all of them. */
function smallestPartial(a: string, b: string, normalisers: readonly Normaliser[]): Cause[] {
  return normalisers
    .filter(({ apply }) => {
      const [x, y] = [apply(a, "first"), apply(b, "second")];
      return x !== a && y !== b && firstDifference(Buffer.from(x, "latin1"), Buffer.from(y, "latin1")) > 0 && x !== y
        ? differingLines(x, y) < differingLines(a, b)
        : false;
    })
    .map(({ cause }) => cause);
}

function differingLines(a: string, b: string): number {
  const [first, second] = [a.split("\n"), b.split("\n")];
  return first.filter((line, i) => line !== second[i]).length + Math.abs(first.length - second.length);
}

/** Bytes of equal number: whether each difference is a moment near the clocks. */
function binaryCauses(a: Buffer, b: Buffer, scene: Scene): Cause[] | undefined {
  if (a.length !== b.length) return undefined;
  const clocks = { first: scene.first.clock, second: scene.second.clock };
  let differences = 0;
  for (let at = 0; at < a.length; at++) {
    if (a[at] === b[at]) continue;
    const length = timeAt(a, b, at, clocks);
    if (length === 0 || ++differences > 1000) return undefined;
    at += length - 1;
  }
  return ["timestamp"];
}
