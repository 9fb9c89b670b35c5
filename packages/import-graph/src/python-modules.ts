/** Where modules of Python are: in packages, below `src` or the root, and beside the importer as pytest and scripts see them. */
import { posix } from "node:path";
import type { Repository, Resolve } from "./graph.ts";
import { filesBelow, matcher, sharedDepth, within } from "./patterns.ts";

export function pythonResolver({ files }: Repository): Resolve {
  const sources = [...files].filter((path) => path.endsWith(".py") || path.endsWith(".pyi"));
  const folders = foldersOf(sources);
  const moduleAt = (path: string): string[] =>
    [`${path}.py`, `${path}/__init__.py`, `${path}.pyi`, `${path}/__init__.pyi`].filter((file) => files.has(file));
  const roots = rootsOf(sources, files).filter((root) => root === "." || folders.has(root));
  const holding = rootsByName(roots, sources);
  /** Of projects in one repository the importer's own comes first, and with it its `src`; the innermost if one holds another. */
  const nearestFirst = (own: string, name: string): readonly string[] => {
    const some = holding.get(name) ?? [];
    const isNear = (root: string): boolean => root !== "." && within(own, root.replace(besideTests, "") || ".");
    const near = some.filter(isNear).sort((a, b) => sharedDepth(own, b) - sharedDepth(own, a));
    return [...near, ...some.filter((root) => !isNear(root))];
  };
  const below = filesBelow(new Set(sources));
  /** The modules directly in a package. */
  const modulesIn = (folder: string): readonly string[] => {
    const [module, start] = [matcher(posix.join(folder, "*.py")), matcher(posix.join(folder, "*/__init__.py"))];
    return below(folder).filter((path) => module(path) || start(path));
  };
  return ({ module: written, names, isPattern }, from) => {
    const module = isPattern ? written.slice(0, -1) : written;
    if (isPattern && module === "") return modulesIn(posix.dirname(from));
    const [, dots, rest] = module.match(/^(\.*)(.*)$/)!;
    const parts = rest === "" ? [] : rest!.split(".");
    const own = posix.dirname(from);
    if (dots !== "") {
      const base = Array.from({ length: dots!.length - 1 }).reduce<string>((folder) => posix.dirname(folder), own);
      return isPattern ? modulesIn(posix.join(base, ...parts)) : inPackage(base, parts, names);
    }
    const inRoot = (root: string): readonly string[] =>
      isPattern ? modulesIn(posix.join(root, ...parts)) : inPackage(root, parts, names);
    const beside = inRoot(own);
    // What is in a package is not found by its bare name, but where a script or unittest is started beside it.
    if (beside.length > 0 && !files.has(`${own}/__init__.py`)) return beside;
    for (const root of nearestFirst(own, parts[0] ?? "")) {
      const found = inRoot(root);
      if (found.length > 0) return [...found, ...beside];
    }
    return beside;
  };

  /** The module, the packages above it that are run on the way, and what is named of it where that is a module too. */
  function inPackage(base: string, parts: string[], names: string[] | null): string[] {
    const paths = parts.map((_, index) => posix.join(base, ...parts.slice(0, index + 1)));
    const last = paths.at(-1) ?? base;
    const self =
      parts.length === 0 ? [posix.join(base, "__init__.py")].filter((file) => files.has(file)) : moduleAt(last);
    if (self.length === 0 && !folders.has(last)) return [];
    const named = (names ?? []).flatMap((name) => moduleAt(posix.join(last, name.split(".")[0]!)));
    if (self.length === 0 && named.length === 0) return [];
    return [...new Set([...self, ...named, ...paths.slice(0, -1).flatMap(moduleAt)])];
  }
}

const manifest = /(?:^|\/)(?:pyproject\.toml|setup\.py|setup\.cfg|pytest\.ini|tox\.ini)$/;

/** Folders that absolute imports begin in: above the topmost package of each file, the root and those of manifests, and `src`, `lib` and `python` in any of these. */
function rootsOf(sources: readonly string[], files: ReadonlySet<string>): string[] {
  const roots = new Set<string>();
  for (const path of sources) {
    let folder = posix.dirname(path);
    while (folder !== "." && files.has(`${folder}/__init__.py`)) folder = posix.dirname(folder);
    roots.add(folder);
    for (const [at] of path
      .matchAll(/(?<=^|\/)(?:src|lib|python)(?=\/)/g)
      .map(({ index, 0: name }) => [path.slice(0, index + name.length)]))
      roots.add(at!);
  }
  const projects = [".", ...[...files].filter((path) => manifest.test(path)).map((path) => posix.dirname(path))];
  const usual = projects.flatMap((folder) => [
    folder,
    ...["src", "lib", "python"].map((name) => posix.join(folder, name)),
  ]);
  return [...new Set([...usual, ...[...roots].sort()])];
}

// A source folder beside the tests: its project is the folder above.
const besideTests = /(?:^|\/)(?:src|lib|python)$/;

/** The roots that have a module or folder of a name, in the order of `roots`. */
function rootsByName(roots: readonly string[], sources: readonly string[]): Map<string, string[]> {
  const isRoot = new Set(roots);
  const children = new Map<string, Set<string>>(roots.map((root) => [root, new Set()]));
  const seen = new Set<string>();
  for (const path of sources)
    for (let at = path; at !== "." && !seen.has(at); at = posix.dirname(at)) {
      seen.add(at);
      const folder = posix.dirname(at);
      if (isRoot.has(folder)) children.get(folder)!.add(posix.basename(at).replace(/\.pyi?$/, ""));
    }
  const found = new Map<string, string[]>();
  for (const [root, names] of children)
    for (const name of names) {
      const known = found.get(name);
      if (known) known.push(root);
      else found.set(name, [root]);
    }
  return found;
}

/** The folders that files are in, but for the root. */
function foldersOf(paths: readonly string[]): Set<string> {
  const found = new Set<string>();
  for (const path of paths)
    for (let folder = posix.dirname(path); folder !== "." && !found.has(folder); folder = posix.dirname(folder))
      found.add(folder);
  return found;
}
