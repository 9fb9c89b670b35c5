/** What the checkout says of tests and change: imports between them, words in common. It ranks tests: where no run knew it, they are ranked without. */
import { lstat, readFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { warning } from "@actions/core";
import { describe, say } from "@goatnote/action-io";
import { type Change, changedLines } from "@goatnote/change-facts";
import {
  type Graph,
  importPaths,
  isSettings,
  isSource,
  readGraph,
  together,
  withConftests,
  within,
} from "@goatnote/import-graph";
import {
  type ImportLink,
  isMoreAlike,
  isNearer,
  keepCloser,
  type Runner,
  type Situation,
  type SourceLinks,
  textSimilarities,
} from "@goatnote/test-selection";
import { compiledFolders } from "./compiled.ts";

/** The links, or why there are none; as a situation has them. */
export interface SourcesNow
  extends Pick<Situation, "sources" | "sourcesUnknown" | "importsOfTests" | "compiled" | "holdingTests"> {
  /** Why nothing tells which tests a changed file may break; null where something does. */
  unlinked?: string | null;
}

// What tests share is in a folder of tests, where no runner collects it.
const amongTests = /(?:^|\/)(?:tests?|__tests__|specs?|test[-_]?utils?)\//i;

/** Tells files that are among tests and used by them alone: `django/test` is a part of the product. */
function sharedIn(graph: Graph, isTest: (path: string) => boolean): (path: string) => boolean {
  const isOfTests = (file: string): boolean =>
    isTest(file) || amongTests.test(file) || basename(file) === "conftest.py";
  const used = new Set([...graph].flatMap(([file, targets]) => (isOfTests(file) ? [] : [...(targets ?? [])])));
  return (path) => amongTests.test(path) && !used.has(path);
}

// What tests read is no module; and one of pytest may be named in a setting or an entry point, without an import.
const isHelper = (path: string): boolean =>
  path.endsWith(".py") &&
  !/(?:^|\/)(?:test[-_]?)?(?:fixtures?|data|samples?|cases|resources|snapshots|expected|golden)\//i.test(path);

/** A changed file that all tests may use without naming it: what the settings of a runner lead to, or a plug-in among the tests. */
function whyUnlinked(
  { graph, named, loaded }: Record<"graph" | "named" | "loaded", Graph>,
  changed: readonly string[],
  shared: readonly string[],
  isTest: (path: string) => boolean,
): string | null {
  const ofTests = together(graph, named);
  const ofSettings = together(graph, together(loaded, new Map([...named].filter(([path]) => isSettings(path)))));
  const tests = [...graph.keys()].filter(isTest);
  const amongShared = new Set(shared);
  const direct = new Set([...loaded.values()].flatMap((files) => [...(files ?? [])]));
  const byTests = reachedFrom(tests, ofTests);
  const settings = [...ofSettings.keys()].filter(
    (path) => isSettings(path) && tests.some((test) => within(test, dirname(path))),
  );
  const bySettings = reachedFrom(settings, ofSettings);
  const used = new Set([...ofTests.values()].flatMap((targets) => [...(targets ?? [])]));
  for (const path of changed) {
    // What a setting names is loaded for all tests, whichever import it as well.
    if (isTest(path) || (byTests.has(path) && !direct.has(path))) continue;
    const setting = bySettings.get(path);
    if (setting !== undefined && setting !== path)
      return `${path} is a part of ${setting}, and which tests that concerns is not known`;
    if (isHelper(path) && amongShared.has(path) && !used.has(path))
      return `${path} is among the tests and no import leads to it, so which tests use it is not known`;
  }
  return null;
}

/** The files that some lead to, each with the first of those that does; these with themselves. */
function reachedFrom(starts: readonly string[], graph: Graph): Map<string, string> {
  const found = new Map(starts.map((path) => [path, path]));
  // What is added while it is gone through comes later in it.
  for (const [path, start] of found)
    for (const target of graph.get(path) ?? []) if (!found.has(target)) found.set(target, start);
  return found;
}

/**
 * Reads the sources as they are checked out.
 * @param isTest whether the text of a file is that of tests
 */
export async function sourcesIn(
  workspace: string,
  files: readonly string[],
  change: Pick<Change, "base" | "head" | "files">,
  runner: Runner | null,
  isTest: (path: string) => boolean,
): Promise<SourcesNow> {
  const started = performance.now();
  const took = (): string => `${Math.round(performance.now() - started)} ms`;
  // The graph and the comparison both read the files of tests.
  const known = new Map<string, string | null>();
  const read = async (path: string): Promise<string | null> => {
    const text = known.has(path) ? (known.get(path) ?? null) : await textOf(join(workspace, path));
    if (isTest(path)) known.set(path, text);
    return text;
  };
  const changed = change.files.map(({ path }) => path);
  const compiledOf = async (reaches: (path: string) => boolean): Promise<Pick<Situation, "compiled">> =>
    runner?.compiles ? { compiled: await compiledFolders(runner, files, read, isTest, reaches) } : {};
  const compiledOfAny = () => compiledOf(() => true);
  try {
    const listed = new Set(files);
    const holding: string[] = [];
    for (const path of runner?.holdsTests ? changed.filter((path) => listed.has(path) && isSource(path)) : [])
      if (runner!.holdsTests!((await read(path)) ?? "")) holding.push(path);
    const gone = changed.filter((path) => !listed.has(path));
    const found = await readGraph(files, read, { gone });
    if (found.kind === "unknown") {
      say(`Imports are not followed: ${found.reason}.`);
      return { sources: null, sourcesUnknown: found.reason, ...(await compiledOfAny()) };
    }
    const specific = together(withConftests(found.graph, isTest, true), found.named);
    const imports = new Map<string, ImportLink>(importPaths(specific, changed));
    const touched = new Set(changed.map((path) => dirname(path)));
    const compiled = await compiledOf((path) => imports.has(path) || touched.has(dirname(path)));
    perPackage(imports, isNearer);
    const isShared = sharedIn(found.graph, isTest);
    const shared = changed.filter((path) => isTest(path) || isShared(path));
    const withAll = withConftests(found.graph, isTest);
    const importsOfTests = new Map<string, ImportLink>(importPaths(withAll, shared));
    perPackage(importsOfTests, isNearer);
    const more = { ...compiled, ...(holding.length > 0 && { holdingTests: holding }) };
    const present = changed.filter((path) => listed.has(path));
    const unlinked = whyUnlinked({ ...found, graph: withAll }, present, shared, isTest);
    say(`Followed the imports of ${found.graph.size} files in ${took()}.`);
    const texts = await textsIn(workspace, files.filter(isTest), change, read);
    if (typeof texts !== "string") {
      say(`Compared the changed lines with the text of test files, after ${took()}.`);
      return { sources: { imports, texts }, importsOfTests, unlinked, ...more };
    }
    say(`The text of test files is not compared with the changed lines: ${texts}.`);
    return { sources: { imports, texts: null }, sourcesUnknown: texts, importsOfTests, unlinked, ...more };
  } catch (error) {
    warning(`What links tests to the change in the sources is not known: ${describe(error)}`);
    return { sources: null, sourcesUnknown: reasonOf(error), ...(await compiledOfAny()) };
  }
}

// Some two seconds, and the test files of all but the largest projects.
const mostCharacters = 20_000_000;

/** An error as a part of a sentence. */
const reasonOf = (error: unknown): string => describe(error).replace(/\.$/, "");

/** How alike the test files and the changed lines are; or why that is not known. */
async function textsIn(
  workspace: string,
  files: readonly string[],
  { base, head }: Pick<Change, "base" | "head">,
  read: (path: string) => Promise<string | null>,
): Promise<NonNullable<SourceLinks["texts"]> | string> {
  const texts = new Map<string, string | null>();
  let characters = 0;
  for (const path of files) {
    const text = await read(path);
    texts.set(path, text);
    characters += text?.length ?? 0;
    if (characters > mostCharacters) return `the test files have more than ${mostCharacters} characters`;
  }
  try {
    const found = textSimilarities(await changedLines(workspace, base, head), texts);
    if (found === null) return "the test files and the change have too many identifiers";
    perPackage(found, isMoreAlike);
    return found;
  } catch (error) {
    return reasonOf(error);
  }
}

/** A package of Go is tested as a whole, and known by its folder: what is best of its test files. */
function perPackage<T>(links: Map<string, T>, isCloser: (link: T, known: T) => boolean): void {
  for (const [path, link] of [...links])
    if (path.endsWith("_test.go")) keepCloser(links, dirname(path), link, isCloser);
}

/** The text of a regular file: a link may lead out of the checkout. */
async function textOf(path: string): Promise<string | null> {
  try {
    return (await lstat(path)).isFile() ? await readFile(path, "utf8") : null;
  } catch {
    return null;
  }
}
