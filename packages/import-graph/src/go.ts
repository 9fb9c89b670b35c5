/** Imports of Go: whole packages by their path. */
import { posix } from "node:path";
import type { Repository, Resolve } from "./graph.ts";
import type { Import } from "./languages.ts";

// The package of the file itself.
const own = "";

const notCode = /\/\/[^\n]*|\/\*[\s\S]*?(?:\*\/|$)/g;
const declaration = /^[ \t]*import\s*(?:\(([^()]*)\)|([^\n(]+))/gm;

/** The packages that a file imports. */
export function goImports(source: string): Import[] {
  const text = source.replace(notCode, (found) => (found.startsWith("//") ? "" : " "));
  const stated = [...text.matchAll(declaration)].flatMap(([, block, line]) =>
    [...(block ?? line)!.matchAll(/"([^"\n]+)"|`([^`\n]+)`/g)].map(
      ([, a, b]): Import => ({ module: (a ?? b)!, names: null, locals: {} }),
    ),
  );
  return [{ module: own, names: null, locals: {} }, ...stated];
}

/** Packages of the repository's modules; a test file sees the other files of its folder without importing them. */
export function goResolver({ files, texts }: Repository): Resolve {
  const members = Map.groupBy(
    [...files].filter((path) => path.endsWith(".go") && !path.endsWith("_test.go")),
    (path) => posix.dirname(path),
  );
  const modules = new Map(
    [...texts].flatMap(([path, text]) => {
      const name = posix.basename(path) === "go.mod" ? text.match(/^module\s+"?([^\s"]+)/m)?.[1] : undefined;
      return name === undefined ? [] : [[name, posix.dirname(path)] as const];
    }),
  );
  return ({ module }, from) => {
    if (module === own) return from.endsWith("_test.go") ? (members.get(posix.dirname(from)) ?? []) : [];
    // The longest name that the path begins with.
    for (let end = module.length; end > 0; end = module.lastIndexOf("/", end - 1)) {
      const folder = modules.get(module.slice(0, end));
      if (folder !== undefined) return members.get(posix.join(folder, module.slice(end))) ?? [];
    }
    return [];
  };
}
