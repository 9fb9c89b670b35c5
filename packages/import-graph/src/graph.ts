/** Which file of a repository imports which: what each states, resolved to files. Only files of the repository are in it. */
import { goResolver } from "./go.ts";
import { javaResolver } from "./java.ts";
import { javaScriptResolver, moduleAt } from "./javascript-modules.ts";
import { jsxImports } from "./jsx.ts";
import { type Import, importsIn, isSource } from "./languages.ts";
import { compilerOptionsIn } from "./manifests.ts";
import { namedFiles } from "./named-files.ts";
import { pythonResolver } from "./python-modules.ts";
import { isSettings, loadedBySettings } from "./settings.ts";

/** For each file the files that it imports, those of what a package hands on too, where the names tell; null where it could not be read. */
export type Graph = ReadonlyMap<string, ReadonlySet<string> | null>;

/** The text of a file; null where it cannot be read. */
export type ReadText = (path: string) => string | null | Promise<string | null>;

/** What a resolver sees of the repository. */
export interface Repository {
  /** Also those that the change took away: what imports them breaks. */
  files: ReadonlySet<string>;
  /** Texts of the source files that could be read, and of the configuration that says where modules are. */
  texts: ReadonlyMap<string, string>;
}

/** Files that an import of `from` means; none for what is not of this repository. */
export type Resolve = (wanted: Import, from: string) => readonly string[];

export interface GraphLimits {
  /** Source files. */
  files: number;
  /** Characters of all of them. */
  characters: number;
  /** Imports, files that they lead to, and names that are looked up. */
  steps: number;
  milliseconds: number;
}

export interface GraphOptions {
  /** Files that are not there any more, so that only their names are known. */
  gone?: readonly string[];
  limits?: Partial<GraphLimits>;
  /** Milliseconds that go on and on. */
  now?: () => number;
}

/** The graph; the files that each source names in strings; and those that settings have a test runner load. Or why there is none. */
export type ReadGraph =
  | { kind: "known"; graph: Graph; named: Graph; loaded: Graph }
  | { kind: "unknown"; reason: string };

const defaultLimits: GraphLimits = { files: 10_000, characters: 100_000_000, steps: 5_000_000, milliseconds: 20_000 };
const configuration = /(?:^|\/)(?:package|(?:ts|js)config(?:\.[\w-]+)*|jest(?:[.-][\w-]+)*)\.json$|(?:^|\/)go\.mod$/;
const byteOrderMark = /^\uFEFF/;
const mostOfOne = 1_000_000;
// No path is as long; to take one apart would take the square of its length.
const longestModule = 1_000;

/** A limit that was reached. */
class Beyond extends Error {}

/**
 * Reads the graph of a repository.
 * @param files all its files, with forward slashes
 * @returns none beyond the limits: half a graph would say that nothing links what is linked
 */
export async function readGraph(
  files: readonly string[],
  read: ReadText,
  { gone = [], limits: given = {}, now = () => performance.now() }: GraphOptions = {},
): Promise<ReadGraph> {
  const limits = { ...defaultLimits, ...given };
  const spend = meter(limits, now);
  const wanted = files.filter((path) => isSource(path) || configuration.test(path)).sort();
  const texts = new Map<string, string>();
  let characters = 0;
  try {
    if (wanted.length > limits.files) throw new Beyond(`there are more than ${limits.files} source files`);
    for (const path of wanted) {
      spend(1);
      const text = await read(path);
      if (text !== null && text.length <= mostOfOne) texts.set(path, text.replace(byteOrderMark, ""));
      else if (!isSource(path)) throw new Beyond(`${path} cannot be read, or has more than ${mostOfOne} characters`);
      characters += texts.get(path)?.length ?? 0;
      if (characters > limits.characters)
        throw new Beyond(`the source files have more than ${limits.characters} characters`);
    }
    const graph = new Map<string, Set<string> | null>(wanted.filter(isSource).map((path) => [path, null]));
    const repository = { files: new Set([...files, ...gone]), texts };
    fill(graph, repository, spend);
    const { named, loaded } = readNamed(repository, spend);
    return { kind: "known", graph, named, loaded };
  } catch (error) {
    if (error instanceof Beyond) return { kind: "unknown", reason: error.message };
    throw error;
  }
}

/** Counts steps and looks at the clock; throws beyond a limit. */
function meter(limits: GraphLimits, now: () => number): (steps: number) => void {
  const started = now();
  let all = 0;
  return (steps) => {
    all += steps;
    if (all > limits.steps) throw new Beyond(`following the imports takes more than ${limits.steps} steps`);
    if (now() - started > limits.milliseconds)
      throw new Beyond(`following the imports takes more than ${limits.milliseconds / 1000} s`);
  };
}

function fill(graph: Map<string, Set<string> | null>, repository: Repository, spend: (steps: number) => void): void {
  /** What goes wrong with a file makes it one that could not be read. */
  const each = (paths: Iterable<string>, work: (path: string) => void): void => {
    for (const path of paths)
      try {
        work(path);
      } catch (error) {
        if (error instanceof Beyond) throw error;
        stated.delete(path);
      }
  };
  const stated = new Map<string, Import[]>();
  const configured = compilerOptionsIn(repository.texts);
  const unstated = jsxImports(configured);
  each([...repository.texts.keys()].filter(isSource), (path) => {
    const text = repository.texts.get(path)!;
    const imports = [...importsIn(path, text), ...unstated(path, text)];
    stated.set(path, imports);
    spend(1 + imports.length);
  });
  const resolvers: [RegExp, Resolve][] = [
    [/\.(?:[cm]?[jt]sx?|vue|svelte)$/, javaScriptResolver(repository, configured)],
    [/\.pyi?$/, pythonResolver(repository)],
    [/\.go$/, goResolver(repository)],
    [/\.java$/, javaResolver(repository)],
  ];
  const resolved = new Map<Import, readonly string[]>();
  each([...stated.keys()], (path) => {
    const resolve = resolvers.find(([pattern]) => pattern.test(path))![1];
    for (const one of stated.get(path)!) {
      const found = one.module.length > longestModule ? [] : resolve(one, path);
      spend(1 + found.length);
      resolved.set(one, found);
    }
  });
  const definers = definersIn(repository, stated, resolved, spend);
  each([...stated.keys()], (path) => {
    const targets = new Set<string>();
    for (const one of stated.get(path)!)
      for (const target of resolved.get(one)!) {
        targets.add(target);
        for (const name of one.names ?? []) for (const file of definers(target, name)) targets.add(file);
      }
    targets.delete(path);
    graph.set(path, targets);
  });
}

function readNamed({ files, texts }: Repository, spend: (steps: number) => void): Record<"named" | "loaded", Graph> {
  const namedIn = namedFiles(files, spend);
  const [named, loaded] = [new Map<string, Set<string>>(), new Map<string, Set<string>>()];
  for (const [path, text] of texts) {
    if (isSource(path)) named.set(path, namedIn(path, text));
    if (isSettings(path)) loaded.set(path, new Set(loadedBySettings(path, text).flatMap((at) => moduleAt(files, at))));
    spend(1 + (named.get(path)?.size ?? 0) + (loaded.get(path)?.size ?? 0));
  }
  return { named, loaded };
}

const deepest = 6;

/** Where a name that a file hands on comes from: every file on the way there. */
function definersIn(
  { texts }: Repository,
  stated: ReadonlyMap<string, Import[]>,
  resolved: ReadonlyMap<Import, readonly string[]>,
  spend: (steps: number) => void,
): (file: string, name: string) => ReadonlySet<string> {
  const known = new Map<string, Set<string>>();
  const words = new Map<string, Set<string>>();
  /** Whether the text has the word; one that could not be read may. */
  const has = (file: string, word: string): boolean => {
    const text = texts.get(file);
    if (text === undefined) return true;
    const all = words.get(file) ?? new Set(text.match(/[\w$]+/g));
    words.set(file, all);
    return all.has(word);
  };
  const find = (file: string, name: string, depth: number): ReadonlySet<string> => {
    const key = `${file}\0${name}`;
    const before = known.get(key);
    spend(1 + (before?.size ?? stated.get(file)?.length ?? 0));
    if (before) return before;
    const found = new Set<string>();
    known.set(key, found); // a circle ends here
    if (depth === 0) return found;
    const [first, ...rest] = name.split(".");
    for (const one of stated.get(file) ?? []) {
      const all = Object.hasOwn(one.locals, "*") && one.locals["*"] === "*";
      const there = Object.hasOwn(one.locals, first!) ? one.locals[first!]! : null;
      if (there === null && !all) continue;
      for (const target of resolved.get(one)!) {
        if (there === null && !has(target, first!)) continue;
        found.add(target);
        const next = there === null ? name : there === "*" ? rest.join(".") : [there, ...rest].join(".");
        if (next !== "") for (const further of find(target, next, depth - 1)) found.add(further);
      }
    }
    return found;
  };
  return (file, name) => find(file, name, deepest);
}
