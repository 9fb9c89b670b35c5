/** Where modules of Python are: in packages, below `src` or the root, and beside the importer as pytest and scripts see them. */
import { posix } from "node:path";
import type { Repository, Resolve } from "./graph.ts";
import { filesBelow, matcher, sharedDepth } from "./patterns.ts";

export function pythonResolver({ files }: Repository): Resolve {
  const sources = [...files].filter((path) => path.endsWith(".py") || path.endsWith(".pyi"));
  const folders = new Set(sources.flatMap((path) => above(path)));
  const moduleAt = (path: string): string[] =>
    [`${path}.py`, `${path}/__init__.py`, `${path}.pyi`, `${path}/__init__.pyi`].filter((file) => files.has(file));
  const roots = rootsOf(sources, files);
  const ordered = new Map<string, string[]>();
  /** Of two packages of one name the one that is nearer to the importer is meant. */
  const nearestFirst = (own: string): string[] => {
    const known = ordered.get(own);
    if (known) return known;
    const ranked = roots.map((root) => [sharedDepth(own, root), root] as const).sort(([a], [b]) => b - a);
    const order = ranked.map(([, root]) => root);
    ordered.set(own, order);
    return order;
  };
  const below = filesBelow(new Set(sources));
  /** The modules directly in a package. */
  const within = (folder: string): readonly string[] => {
    const [module, start] = [matcher(posix.join(folder, "*.py")), matcher(posix.join(folder, "*/__init__.py"))];
    return below(folder).filter((path) => module(path) || start(path));
  };
  return ({ module: written, names, isPattern }, from) => {
    const module = isPattern ? written.slice(0, -1) : written;
    if (isPattern && module === "") return within(posix.dirname(from));
    const [, dots, rest] = module.match(/^(\.*)(.*)$/)!;
    const parts = rest === "" ? [] : rest!.split(".");
    const own = posix.dirname(from);
    if (dots !== "") {
      const base = Array.from({ length: dots!.length - 1 }).reduce<string>((folder) => posix.dirname(folder), own);
      return inPackage(base, parts, names);
    }
    // What is in a package is not found by its bare name, but where a script is started beside it.
    const inOwn = files.has(`${own}/__init__.py`);
    for (const root of inOwn ? [...nearestFirst(own), own] : [own, ...nearestFirst(own)]) {
      const found = isPattern ? within(posix.join(root, ...parts)) : inPackage(root, parts, names);
      if (found.length > 0) return found;
    }
    return [];
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
  }
  const projects = [".", ...[...files].filter((path) => manifest.test(path)).map((path) => posix.dirname(path))];
  const usual = projects.flatMap((folder) => [
    folder,
    ...["src", "lib", "python"].map((name) => posix.join(folder, name)),
  ]);
  return [...new Set([...usual, ...[...roots].sort()])];
}

/** The folders that a file is in, but for the root. */
function above(path: string): string[] {
  const found: string[] = [];
  for (let folder = posix.dirname(path); folder !== "."; folder = posix.dirname(folder)) found.push(folder);
  return found;
}
