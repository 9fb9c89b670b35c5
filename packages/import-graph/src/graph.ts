/** Which file of a repository imports which: what each states, resolved to files. Only files of the repository are in it. */
import { goResolver } from "./go.ts";
import { javaResolver } from "./java.ts";
import { javaScriptResolver } from "./javascript-modules.ts";
import { type Import, importsIn, isSource } from "./languages.ts";
import { pythonResolver } from "./python-modules.ts";

/** For each file the files that it imports; those of what a package hands on too, where the names tell. */
export type Graph = ReadonlyMap<string, ReadonlySet<string>>;

/** The text of a file; null where it cannot be read. */
export type ReadText = (path: string) => string | null | Promise<string | null>;

/** What a resolver sees of the repository. */
export interface Repository {
  files: ReadonlySet<string>;
  /** Texts of source files, and of the configuration that says where modules are. */
  texts: ReadonlyMap<string, string>;
}

/** Files that an import of `from` means; none for what is not of this repository. */
export type Resolve = (wanted: Import, from: string) => string[];

export interface GraphLimits {
  /** Source files. */
  files: number;
  /** Characters of all of them. */
  characters: number;
}

const defaultLimits: GraphLimits = { files: 10_000, characters: 100_000_000 };
const configuration = /(?:^|\/)(?:package|tsconfig(?:\.[\w-]+)?)\.json$|(?:^|\/)go\.mod$/;
const mostOfOne = 1_000_000;

/**
 * Reads the graph of a repository.
 * @param files all its files, with forward slashes
 * @returns null beyond the limits: half a graph would say that nothing links what is linked
 */
export async function readGraph(
  files: readonly string[],
  read: ReadText,
  limits: GraphLimits = defaultLimits,
): Promise<Graph | null> {
  const wanted = files.filter((path) => isSource(path) || configuration.test(path)).sort();
  if (wanted.length > limits.files) return null;
  const texts = new Map<string, string>();
  let characters = 0;
  for (const path of wanted) {
    const text = await read(path);
    if (text === null || text.length > mostOfOne) continue;
    characters += text.length;
    if (characters > limits.characters) return null;
    texts.set(path, text);
  }
  return graphOf({ files: new Set(files), texts });
}

function graphOf(repository: Repository): Graph {
  const stated = new Map<string, Import[]>();
  for (const [path, text] of repository.texts) if (isSource(path)) stated.set(path, importsIn(path, text));
  const resolvers: [RegExp, Resolve][] = [
    [/\.[cm]?[jt]sx?$/, javaScriptResolver(repository)],
    [/\.pyi?$/, pythonResolver(repository)],
    [/\.go$/, goResolver(repository)],
    [/\.java$/, javaResolver(repository)],
  ];
  const resolved = new Map<Import, string[]>();
  for (const [path, imports] of stated) {
    const resolve = resolvers.find(([pattern]) => pattern.test(path))![1];
    for (const one of imports) resolved.set(one, resolve(one, path));
  }
  const definers = definersIn(repository, stated, resolved);
  const graph = new Map<string, Set<string>>();
  for (const [path, imports] of stated) {
    const targets = new Set<string>();
    for (const one of imports)
      for (const target of resolved.get(one)!) {
        targets.add(target);
        for (const name of one.names ?? []) for (const file of definers(target, name)) targets.add(file);
      }
    targets.delete(path);
    graph.set(path, targets);
  }
  return graph;
}

const deepest = 6;

/** Where a name that a file hands on comes from: every file on the way there. */
function definersIn(
  { texts }: Repository,
  stated: ReadonlyMap<string, Import[]>,
  resolved: ReadonlyMap<Import, string[]>,
): (file: string, name: string) => ReadonlySet<string> {
  const known = new Map<string, Set<string>>();
  const find = (file: string, name: string, depth: number): ReadonlySet<string> => {
    const key = `${file}\0${name}`;
    const before = known.get(key);
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
        if (there === null && !has(texts.get(target), first!)) continue;
        found.add(target);
        const next = there === null ? name : there === "*" ? rest.join(".") : [there, ...rest].join(".");
        if (next !== "") for (const further of find(target, next, depth - 1)) found.add(further);
      }
    }
    return found;
  };
  return (file, name) => find(file, name, deepest);
}

const has = (text: string | undefined, word: string): boolean =>
  text !== undefined && new RegExp(String.raw`(?<![\w$])${word.replaceAll("$", "\\$")}(?![\w$])`).test(text);
