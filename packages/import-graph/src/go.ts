/** Imports of Go: whole packages by their path, those that a string names, and the files that are embedded. */
import { posix } from "node:path";
import type { Repository, Resolve } from "./graph.ts";
import type { Import } from "./languages.ts";
import { filesBelow, matcher, within } from "./patterns.ts";

// The package of the file itself.
const own = "";

const notCode = /\/\/[^\n]*|\/\*[\s\S]*?(?:\*\/|$)/g;
const declaration = /^[ \t]*import\s*(?:\(([^()]*)\)|([^\n(]+))/gm;

const directive = /^\/\/go:embed[ \t]([^\n]*)/gm;
const patterns = /"([^"\n]*)"|`([^`\n]*)`|([^\s"`]+)/g;

// A program of the repository that a test builds or runs: "example.org/lab/cmd/run" or "./cmd/run".
const named = /["`]((?:\.{1,2}|[\w.~-]{1,200})(?:\/[\w.~-]{1,200}){1,20})["`]/g;

/**
 * The packages that a file imports or names in a string, and the patterns that it embeds
 * (https://pkg.go.dev/embed#hdr-Directives).
 */
export function goImports(source: string): Import[] {
  const text = source.replace(notCode, (found) => (found.startsWith("//") ? "" : " "));
  const stated = [...text.matchAll(declaration)].flatMap(([, block, line]) =>
    [...(block ?? line)!.matchAll(/"([^"\n]+)"|`([^`\n]+)`/g)].map(
      ([, a, b]): Import => ({ module: (a ?? b)!, names: null, locals: {} }),
    ),
  );
  const embedded = [...source.matchAll(directive)]
    .flatMap(([, line]) => [...line!.matchAll(patterns)].map(([, a, b, c]) => (a ?? b ?? c)!))
    .filter((pattern) => pattern !== "")
    .map((module): Import => ({ module, names: null, locals: {}, isPattern: true }));
  const known = new Set(stated.map(({ module }) => module));
  const others = new Set([...text.matchAll(named)].map(([, name]) => name!).filter((name) => !known.has(name)));
  const strings = [...others].map((module): Import => ({ module, names: null, locals: {} }));
  return [{ module: own, names: null, locals: {} }, ...stated, ...strings, ...embedded];
}

// What the Go command hands to a compiler beside Go (https://pkg.go.dev/cmd/go#hdr-File_types).
const compiled = /(?<!_test)\.(?:go|c|cc|cpp|cxx|m|h|hh|hpp|hxx|f|F|for|f90|s|S|sx|swig|swigcxx|syso)$/;

/**
 * Packages of the repository's modules and of their `vendor` folders, and embedded files; a test file sees the other files of its folder without importing
 * them.
 */
export function goResolver({ files, texts }: Repository): Resolve {
  const members = Map.groupBy(
    [...files].filter((path) => compiled.test(path)),
    (path) => posix.dirname(path),
  );
  const modules = goModules([...texts.keys()], (path) => texts.get(path) ?? null);
  const below = filesBelow(files);
  // The innermost module first. A workspace has its folder at the root.
  const roots = [...new Set([...modules.values(), "."])].sort((a, b) => b.length - a.length);
  return ({ module, isPattern }, from) => {
    if (isPattern) {
      const folder = posix.dirname(from);
      const pattern = posix.join(folder, module.replace(/^all:/, ""));
      // A folder is all that is below it.
      const [matches, segments] = [matcher(pattern), pattern.split("/").length];
      return below(folder).filter((path) => matches(path.split("/").slice(0, segments).join("/")));
    }
    if (module === own) return from.endsWith("_test.go") ? (members.get(posix.dirname(from)) ?? []) : [];
    if (module.startsWith(".")) return members.get(posix.join(posix.dirname(from), module)) ?? [];
    const folder = goFolderOf(module, modules);
    if (folder !== null) return members.get(folder) ?? [];
    for (const root of roots)
      if (within(from, root)) {
        const vendored = members.get(posix.join(root, "vendor", module));
        if (vendored) return vendored;
      }
    return [];
  };
}

const systems =
  "aix|android|darwin|dragonfly|freebsd|hurd|illumos|ios|js|linux|nacl|netbsd|openbsd|plan9|solaris|wasip1|windows|zos";
const processors = "386|amd64|arm|arm64|loong64|mips(?:64)?(?:le)?|ppc64(?:le)?|riscv64|s390x|sparc64|wasm";
const forSome = new RegExp(`_(?:${systems}|${processors})\\.go$`);

/** Whether a file may be left out of a build: by its name, by a comment, or since it needs C or is documentation (https://pkg.go.dev/cmd/go#hdr-Build_constraints). */
export const isGoConstrained = (path: string, text: string): boolean =>
  forSome.test(path) ||
  /^package documentation\b/m.test(text) ||
  /^\/\/(?:go:build| ?\+build)\b/m.test(text.slice(0, Math.max(0, text.search(/^package\b/m)))) ||
  goImports(text).some(({ module, isPattern }) => module === "C" && !isPattern);

/**
 * The folder of each module by its path (https://go.dev/ref/mod#go-mod-file-module), `.` for the root. Of two with one path
 * the outermost is meant: the other is test data.
 */
export function goModules(files: readonly string[], read: (path: string) => string | null): Map<string, string> {
  const modules = new Map<string, string>();
  const manifests = files.filter((path) => posix.basename(path) === "go.mod");
  for (const path of manifests.sort((a, b) => a.split("/").length - b.split("/").length)) {
    const name = read(path)?.match(/^module\s+(?:\(\s*)?"?([^\s"()]+)/m)?.[1];
    if (name !== undefined && !modules.has(name)) modules.set(name, posix.dirname(path));
  }
  return modules;
}

/**
 * The folder of a package: that of the module with the longest path that the package's path begins with, and what is left.
 * @param modules folder of each module by its path, `.` for the root
 * @returns null for a package of none of them
 */
export function goFolderOf(name: string, modules: ReadonlyMap<string, string>): string | null {
  for (let end = name.length; end > 0; end = name.lastIndexOf("/", end - 1)) {
    const folder = modules.get(name.slice(0, end));
    if (folder !== undefined) return posix.join(folder, name.slice(end));
  }
  return null;
}
