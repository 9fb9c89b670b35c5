/** Explains the difference of two whole results, artifact by artifact. */
import { open, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { Budget, NotOpened, OutOfTime } from "../formats/container.ts";
import { type ImageParts, imageParts, largestDocument, namesToCompare } from "../formats/image.ts";
import { compareEntries, type Difference, type Entry } from "../manifest/manifest.ts";
import { type Explaining, explain, explainDocument, type Finding, markDerived } from "./explain.ts";
import { compareLeaves } from "./leaf.ts";
import { normalisersFor } from "./normalise.ts";
import type { Cause, Scene } from "./scene.ts";

/** A folder and what is in it. */
export interface Result {
  folder: string;
  entries: readonly Entry[];
}

// Larger files are not held in memory; the place of their first difference is told.
const largest = 512 * 1024 * 1024;
// When so much has been explained, the rest would say the same again.
const mostFindings = 1000;

/**
 * @param budget tells afterwards whether its time was used up, and not all is explained
 * @returns findings, those that follow from others last
 */
export async function explainResults(
  first: Result,
  second: Result,
  scene: Scene,
  budget: Budget = new Budget(),
): Promise<Finding[]> {
  const context = explainingIn(scene, budget);
  const { normalisers } = context;
  const images = await explainImages(first, second, context);
  const differences = compareEntries(first.entries, second.entries).filter(({ path }) => !images.paths.has(path));
  const findings: Finding[] = [...images.findings];
  const plain = (place: string, what: string, causes: Cause[], texts: Partial<Finding> = {}): void => {
    findings.push({
      place: [place],
      what,
      format: "",
      causes,
      count: 1,
      first: "",
      second: "",
      offset: null,
      derived: false,
      ...texts,
    });
  };
  const explainFile = async (path: string, other: string): Promise<void> => {
    findings.push(...(await explainFiles(join(first.folder, path), join(second.folder, other), [path], context)));
  };

  const { renamed, rest } = pairRenamed(differences, first.entries, second.entries);
  for (const [a, b] of renamed) {
    if (findings.length >= mostFindings || budget.late) break;
    const { causes } = compareLeaves(Buffer.from(a), Buffer.from(b), scene, normalisers);
    plain(a, "name", causes.length > 0 ? causes : ["missing"], { first: a, second: b });
    await explainFile(a, b);
  }
  for (const { path, kind } of rest) {
    if (findings.length >= mostFindings || budget.late) break;
    if (kind === "content") await explainFile(path, path);
    else if (kind === "executable") plain(path, "executable bit", ["permissions"]);
    else if (kind === "target") {
      const [a, b] = [first, second].map(({ entries }) => targetOf(entries, path)) as [string, string];
      const { causes } = compareLeaves(Buffer.from(a), Buffer.from(b), scene, normalisers);
      plain(path, "target of the link", causes.length > 0 ? causes : ["unknown"], { first: a, second: b });
    } else plain(path, wordsOf[kind] ?? kind, ["missing"]);
  }
  return [...findings.filter(({ derived }) => !derived), ...findings.filter(({ derived }) => derived)];
}

/** What differs in images that are folders; the paths that this is about need no other explanation. */
async function explainImages(
  first: Result,
  second: Result,
  context: Explaining,
): Promise<{ findings: Finding[]; paths: Set<string> }> {
  const results = [first, second];
  const files = results.map(
    ({ entries }) => new Map(entries.flatMap((each) => (each.type === "file" ? [[each.path, each]] : []))),
  );
  const paths = files.map((own) => new Set(own.keys())) as [Set<string>, Set<string>];
  const parts: ImageParts[] = [];
  for (const [side, { folder }] of results.entries()) {
    const read = (path: string) =>
      files[side]!.get(path)!.size <= largestDocument ? readFile(join(folder, path)) : undefined;
    parts.push(await imageParts(paths[side]!, read, context.budget).catch(noImage));
  }
  const [a, b] = parts as [ImageParts, ImageParts];
  const about = new Set<string>();
  if (a.documents.size === 0 || b.documents.size === 0) return { findings: [], paths: about };
  const byName = new Map([...paths[1]].map((path) => [namesToCompare(b, paths[1], paths[0])(path), path]));
  const nameOf = namesToCompare(a, paths[0], paths[1]);
  const findings: Finding[] = [];
  for (const path of [...a.documents, ...a.names.keys()]) {
    const name = nameOf(path);
    const other = byName.get(name);
    if (about.has(path) || other === undefined || context.budget.late) continue;
    const [x, y] = [join(first.folder, path), join(second.folder, other)];
    const isDocument = a.documents.has(path) && b.documents.has(other);
    findings.push(
      ...(isDocument
        ? await explainDocument(await readFile(x), await readFile(y), [name], context)
        : await explainFiles(x, y, [name], context)),
    );
    for (const each of [path, other]) about.add(each);
  }
  return { findings: markDerived(findings, "image"), paths: about };
}

/** What is no image after all, or more than may be looked at, is compared file by file. */
const noImage = (error: unknown): ImageParts => {
  if (error instanceof NotOpened || error instanceof OutOfTime) return { names: new Map(), documents: new Set() };
  throw error;
};

/** Explains why two files differ, of whatever size; nothing when they do not. */
export async function explainFiles(
  first: string,
  second: string,
  place: string[],
  context: Explaining,
): Promise<Finding[]> {
  const sizes = await Promise.all([first, second].map(async (file) => (await stat(file)).size));
  if (Math.max(...sizes) <= largest) {
    const [a, b] = await Promise.all([readFile(first), readFile(second)]);
    return explain(a, b, place, context);
  }
  const offset = await firstDifferenceOfFiles(first, second);
  if (offset === null) return [];
  const what = "content (not opened: it is too large)";
  return [{ place, what, format: "", causes: ["unknown"], count: 1, first: "", second: "", offset, derived: false }];
}

/** What it takes to explain within a scene. */
export const explainingIn = (scene: Scene, budget: Budget = new Budget()): Explaining => ({
  scene,
  normalisers: normalisersFor(scene),
  budget,
});

const wordsOf: Partial<Record<Difference["kind"], string>> & Record<"type", string> = {
  type: "type",
  "only-in-first": "only in the first",
  "only-in-second": "only in the second",
};

const targetOf = (entries: readonly Entry[], path: string): string => {
  const entry = entries.find((each) => each.path === path);
  return entry?.type === "link" ? entry.target : "";
};

/** Files that only one build has, as many in both: the same files by another name. */
function pairRenamed(differences: readonly Difference[], first: readonly Entry[], second: readonly Entry[]) {
  const files = (kind: Difference["kind"], entries: readonly Entry[]): string[] => {
    const paths = new Set(entries.filter(({ type }) => type === "file").map(({ path }) => path));
    return differences.filter((each) => each.kind === kind && paths.has(each.path)).map(({ path }) => path);
  };
  const [left, right] = [files("only-in-first", first), files("only-in-second", second)];
  if (left.length === 0 || left.length !== right.length) return { renamed: [], rest: differences };
  const paired = new Set([...left, ...right]);
  return {
    renamed: left.map((path, i): [string, string] => [path, right[i]!]),
    rest: differences.filter(({ path }) => !paired.has(path)),
  };
}

/** Reads two files side by side. */
async function firstDifferenceOfFiles(first: string, second: string): Promise<number | null> {
  await using a = await open(first);
  await using b = await open(second);
  const size = 4 * 1024 * 1024;
  const [x, y] = [Buffer.allocUnsafe(size), Buffer.allocUnsafe(size)];
  for (let at = 0; ; at += size) {
    const [{ bytesRead: n }, { bytesRead: m }] = await Promise.all([a.read(x, 0, size, at), b.read(y, 0, size, at)]);
    const same = x.subarray(0, n).equals(y.subarray(0, m));
    if (!same) {
      let i = 0;
      while (i < Math.min(n, m) && x[i] === y[i]) i += 1;
      return at + i;
    }
    if (n === 0) return null;
  }
}
