/** What links a test to a change: failures together, shared words, nearness, sources. The raw numbers that scores are made of. */
import type { FileChange, Run } from "@goatnote/ci-history";
import { type Meeting, type Memory, mostFiles, placesOf, type TestMemory } from "./memory.ts";
import type { TextLikeness } from "./text-similarity.ts";
import { partsOf, words } from "./words.ts";

/** How changed places of one kind and a test met. */
export interface Together {
  /** The place with the largest share. */
  strongest: Meeting & { place: string };
  /** Sum of the shares of all changed places, 0 or more. */
  sum: number;
  /** Failures of the test in runs that changed one of the places, each place counted. */
  failures: number;
}

/** The changed path that is most like a test. */
export interface Likeness {
  /** Cosine of the words of test and path, rare words counting more; 0 to 1. */
  similarity: number;
  path: string;
  words: string[];
  /** Sum of the squared cosines over all changed paths. */
  sum: number;
}

/** A folder above both the test and a changed file. */
export interface Nearness {
  folder: string;
  /** Depth of the folder as a share of the test's own depth, above 0 to 1. */
  share: number;
}

/** How far the file of a test is from the change along imports. */
export interface ImportLink {
  /** Imports on the way; 0 for a changed file. */
  distance: number;
  /** The changed file at the end of the way, where it is known. */
  changed?: string;
  /** `changed` could not be read, and may import what changed. */
  unread?: true;
}

/** What the sources say of test files and the change. */
export interface SourceLinks {
  /** Files from which imports lead to the change; a file that is not in it is not linked so. */
  imports: ReadonlyMap<string, ImportLink>;
  /** Files whose text is like the changed lines; null where only imports were looked at, as earlier versions did. */
  texts: ReadonlyMap<string, TextLikeness> | null;
}

/** Which of two links of a file counts, where there are two. */
export const isNearer = (one: { distance: number }, other: { distance: number }): boolean =>
  one.distance < other.distance;
export const isMoreAlike = (one: { similarity: number }, other: { similarity: number }): boolean =>
  one.similarity > other.similarity;

/** Notes a link of a file, unless one that {@link isNearer} or {@link isMoreAlike} is known. */
export function keepCloser<T>(
  links: Map<string, T>,
  path: string,
  link: T,
  isCloser: (one: T, other: T) => boolean,
): void {
  const known = links.get(path);
  if (known === undefined || isCloser(link, known)) links.set(path, link);
}

/** What a run recorded of the sources; null where it did not look. */
export function sourcesOf({ import_distances: imports, text_similarities: texts }: Run): SourceLinks | null {
  if (!imports) return null;
  return {
    imports: new Map(imports.map(({ path, distance }) => [path.normalize(), { distance }])),
    texts: texts ? new Map(texts.map(({ path, similarity }) => [path.normalize(), { similarity }])) : null,
  };
}

/** What the record of a run keeps of the sources, see {@link sourcesOf}: of these files alone, in order of path. */
export function recordOf(
  sources: SourceLinks | null,
  files: readonly (string | null)[],
): Pick<Run, "import_distances" | "text_similarities"> {
  if (sources === null) return {};
  const { imports, texts } = sources;
  const paths = [...new Set(files)].filter((path) => path !== null).sort();
  const known = <T>(links: ReadonlyMap<string, T>): [string, T][] =>
    paths.flatMap((path) => (links.has(path) ? [[path, links.get(path)!]] : []));
  return {
    import_distances: known(imports).map(([path, { distance }]) => ({ path, distance })),
    ...(texts && { text_similarities: known(texts).map(([path, { similarity }]) => ({ path, similarity })) }),
  };
}

export interface Links {
  file: Together | undefined;
  folder: Together | undefined;
  likeness: Likeness | undefined;
  nearness: Nearness | undefined;
  /** Null where the sources were looked at and no import leads there; undefined where nobody looked. */
  imports: ImportLink | null | undefined;
  text: TextLikeness | undefined;
}

/** Gives the links of a test to one change. */
export type LinksOf = (test: TestMemory) => Links;

/** The links of every remembered test to a change; what they need is read when the first is asked for. */
export function linksTo(memory: Memory, changes: readonly FileChange[], sources: SourceLinks | null): LinksOf {
  let read: LinksOf | undefined;
  return (test) => {
    read ??= readLinks(memory, changes, sources);
    return read(test);
  };
}

function readLinks(memory: Memory, changes: readonly FileChange[], sources: SourceLinks | null): LinksOf {
  const met = meetings(memory, changes);
  const alike = likenesses(memory, changes);
  const near = new Set(changes.slice(0, mostFiles).flatMap(({ path }) => partsOf(path).folders));
  return (test) => ({
    file: met.file.get(test),
    folder: met.folder.get(test),
    likeness: alike.get(test),
    nearness: nearness(test, near),
    imports: sources === null || test.file === null ? undefined : (sources.imports.get(test.file) ?? null),
    text: test.file === null ? undefined : sources?.texts?.get(test.file),
  });
}

function meetings(
  memory: Memory,
  changes: readonly FileChange[],
): Record<"file" | "folder", Map<TestMemory, Together>> {
  const kinds = { file: new Map<TestMemory, Together>(), folder: new Map<TestMemory, Together>() };
  for (const place of placesOf(changes)) {
    const kind = kinds[place.endsWith("/") ? "folder" : "file"];
    for (const [test, meeting] of memory.meetings(place)) {
      const known = kind.get(test);
      if (!known) kind.set(test, { strongest: { ...meeting, place }, sum: meeting.share, failures: meeting.failures });
      else {
        known.sum += meeting.share;
        known.failures += meeting.failures;
        if (meeting.share > known.strongest.share) known.strongest = { ...meeting, place };
      }
    }
  }
  return kinds;
}

function likenesses(memory: Memory, changes: readonly FileChange[]): Map<TestMemory, Likeness> {
  const rarity = (word: string): number =>
    Math.log(1 + memory.tests.size / (memory.testsOfWord.get(word)?.length ?? 1));
  const norm = (all: Iterable<string>): number => Math.hypot(...[...all].map(rarity));
  const norms = new Map<TestMemory, number>();
  const best = new Map<TestMemory, Likeness>();
  for (const { path } of changes.slice(0, mostFiles)) {
    const pathWords = [...words(path)].filter((word) => memory.testsOfWord.has(word));
    const pathNorm = norm(pathWords);
    for (const [test, { product, words: common }] of sharing(memory, pathWords, rarity)) {
      const testNorm = norms.get(test) ?? norm(test.words);
      norms.set(test, testNorm);
      const similarity = product / (pathNorm * testNorm);
      const known = best.get(test);
      const sum = (known?.sum ?? 0) + similarity ** 2;
      if (similarity > (known?.similarity ?? 0)) best.set(test, { similarity, path, words: common, sum });
      else if (known) known.sum = sum;
    }
  }
  return best;
}

interface Shared {
  product: number;
  words: string[];
}

function sharing(memory: Memory, pathWords: string[], rarity: (word: string) => number): Map<TestMemory, Shared> {
  const found = new Map<TestMemory, Shared>();
  for (const word of pathWords) {
    const square = rarity(word) ** 2;
    for (const test of memory.testsOfWord.get(word) ?? []) {
      const entry = found.get(test) ?? { product: 0, words: [] };
      found.set(test, entry);
      entry.product += square;
      entry.words.push(word);
    }
  }
  return found;
}

function nearness(test: TestMemory, near: ReadonlySet<string>): Nearness | undefined {
  const above = test.file === null ? [] : partsOf(test.file).folders;
  const at = above.findIndex((folder) => near.has(folder));
  return at < 0 ? undefined : { folder: above[at] as string, share: (above.length - at) / above.length };
}
