/**
 * Where modules of JavaScript and TypeScript are: beside the importer, in a package of the workspace, by `paths` of a
 * tsconfig.json, or where settings of a bundler or runner may lead.
 */
import { isBuiltin } from "node:module";
import { posix } from "node:path";
import type { Repository, Resolve } from "./graph.ts";
import { type CompilerOptions, isObject, parsed } from "./manifests.ts";
import { filesBelow, matcher, mostOfOneName, within } from "./patterns.ts";

const endings = [".ts", ".tsx", ".mts", ".cts", ".js", ".jsx", ".mjs", ".cjs", ".json", ".d.ts"];
// TypeScript names the file that it will emit, and a bundler's may have another ending.
const written: Record<string, string[]> = {
  ".js": [".ts", ".tsx"],
  ".jsx": [".tsx"],
  ".mjs": [".mts", ".ts"],
  ".cjs": [".cts", ".ts"],
};

/** What a name in a manifest stands for; one `*` in the pattern is what the `*` of the targets is. */
interface Mapping {
  pattern: string;
  /** Paths from the root, each with what it may be instead, in order. */
  targets: string[][];
}

interface Package {
  folder: string;
  /** Names of the packages that it depends on. */
  dependencies: string[];
  /** Null where the manifest has none. */
  name: string | null;
  /** Names that other files may use, with the package's own in front. */
  exports: Mapping[];
  /** Names that begin with `#`, for its own files. */
  imports: Mapping[];
}

interface Aliases {
  folder: string;
  paths: Mapping[];
}

/** Where a module is that a JavaScript or TypeScript file names. */
export function javaScriptResolver({ files, texts }: Repository, configured: readonly CompilerOptions[]): Resolve {
  // The innermost package is a file's own; of two with one name the outermost is meant, the other is a test's.
  const packages = [...texts].flatMap(([path, text]) => packageIn(path, text)).sort(deeperFirst);
  const aliases = configured.map(aliasesOf);
  const find = (path: string): string[] => moduleAt(files, path).flatMap((one) => [one, ...mocksOf(one)]);
  /** What jest and vitest take instead of a module, if told to. */
  const mocksOf = (path: string): string[] => {
    const mock = posix.join(posix.dirname(path), "__mocks__", posix.basename(path));
    return files.has(mock) ? [mock] : [];
  };
  const first = (paths: readonly string[]): string[] => {
    for (const path of paths) {
      const found = find(path);
      if (found.length > 0) return found;
    }
    return [];
  };
  // Conditions and patterns name several files, of which a bundler or test runner takes any.
  const every = (targets: readonly string[][]): string[] => [...new Set(targets.flatMap(meant))];
  /** What is built and tracked comes from the sources all the same; where it is not tracked, they are all there is. */
  const meant = ([path = "", ...instead]: string[]): string[] => {
    const found = find(path);
    const alike = instead.filter((other) => begin(other) === begin(path));
    return [...found, ...first(found.length > 0 ? alike : instead)];
  };
  const below = filesBelow(files);
  const ownPackage = (from: string): Package | undefined => packages.find(({ folder }) => within(from, folder));
  const guess = guesser(files, new Set(packages.flatMap(({ dependencies }) => dependencies)));
  return ({ module: written, isPattern }, from) => {
    if (isPattern) {
      // From the root of the project, which is its package's or the repository's.
      const bases = written.startsWith("/") ? new Set([ownPackage(from)?.folder ?? ".", "."]) : [posix.dirname(from)];
      return [...bases].flatMap((base) => {
        const pattern = posix.join(base, written);
        const folder = posix.dirname(pattern.replace(/[*?[{(].*$/s, "x"));
        return below(folder).filter(matcher(pattern));
      });
    }
    // What bundlers are told of a module follows a question mark.
    const module = written.replace(/\?.*$/s, "");
    if (/^\.\.?(?:\/|$)/.test(module)) {
      return every([built(posix.join(posix.dirname(from), module))]);
    }
    for (const { folder, paths } of aliases) {
      const found = within(from, folder) ? every(mapped(module, paths)) : [];
      if (found.length > 0) return found;
    }
    if (module.startsWith("#")) {
      const own = ownPackage(from);
      return own ? every(mapped(module, own.imports)) : [];
    }
    const owner = packages.findLast(({ name }) => name !== null && (module === name || module.startsWith(`${name}/`)));
    if (!owner) {
      const folder = ownPackage(from)?.folder ?? ".";
      // https://jestjs.io/docs/manual-mocks#mocking-node-modules
      const mocks = first([folder, "."].map((root) => posix.join(root, "__mocks__", module.replace(/^node:/, ""))));
      return mocks.length > 0 ? mocks : guess(module, folder);
    }
    const { folder, name, exports } = owner;
    const rest = module.slice(name!.length + 1);
    const usual = rest === "" ? ["src/index", "index", "lib/index"] : [rest, `src/${rest}`, `lib/${rest}`];
    const stated = every(mapped(module, exports));
    return stated.length > 0 ? stated : first(usual.map((path) => posix.join(folder, path)));
  };
}

/**
 * Files that a name may mean by settings that are code: `@/shop/cart` those that end in `shop/cart` in the importer's
 * package, or else anywhere. None for what is installed.
 */
function guesser(
  files: ReadonlySet<string>,
  installed: ReadonlySet<string>,
): (module: string, folder: string) => readonly string[] {
  let byName: Map<string, string[]> | undefined;
  const known = new Map<string, string[]>();
  const find = (module: string): string[] => {
    byName ??= Map.groupBy(files, (path) => posix.basename(path));
    const ends = [module, module.slice(module.indexOf("/") + 1)]
      .filter((end) => end !== "")
      .flatMap((end) => candidates(end).flat());
    const found = ends.flatMap((end) => {
      const alike = byName!.get(posix.basename(end)) ?? [];
      return alike.length > mostOfOneName ? [] : alike.filter((path) => `/${path}`.endsWith(`/${end}`));
    });
    return [...new Set(found)];
  };
  return (module, folder) => {
    const [first = "", second = ""] = module.split("/");
    const name = first.startsWith("@") && first !== "@" ? `${first}/${second}` : first;
    if (installed.has(name) || installed.has(`@types/${name}`) || isBuiltin(module) || /[:\\]|\/\//.test(module))
      return [];
    const all = known.get(module) ?? find(module);
    known.set(module, all);
    const own = all.filter((path) => within(path, folder));
    return own.length > 0 ? own : all;
  };
}

/** The files that a path of a module may mean: of several endings runners take one or the other first. */
export function moduleAt(files: ReadonlySet<string>, path: string): string[] {
  const group = candidates(posix.normalize(path).replace(/\/$/, ""))
    .map((some) => some.map((one) => posix.normalize(one)).filter((one) => files.has(one)))
    .find((some) => some.length > 0);
  return group ?? [];
}

const depth = (folder: string): number => (folder === "." ? 0 : folder.split("/").length);
const deeperFirst = (a: Package, b: Package): number => depth(b.folder) - depth(a.folder);

/** The paths that a name stands for. */
function mapped(module: string, mappings: readonly Mapping[]): string[][] {
  return mappings.flatMap(({ pattern, targets }) => {
    const [before, after] = pattern.split("*", 2) as [string, string | undefined];
    if (after === undefined) return module === before ? targets : [];
    const isMeant =
      module.length >= before.length + after.length && module.startsWith(before) && module.endsWith(after);
    if (!isMeant) return [];
    const star = module.slice(before.length, module.length - after.length);
    return targets.map((some) => some.map((target) => target.replaceAll("*", () => star)));
  });
}

/** The files that a path may mean: itself, or else by any of the endings, or else the index of a folder. */
function candidates(path: string): string[][] {
  const ending = posix.extname(path);
  const stem = path.slice(0, path.length - ending.length);
  return [
    [path],
    (written[ending] ?? []).map((other) => stem + other),
    endings.map((other) => path + other),
    endings.map((other) => `${path}/index${other}`),
  ];
}

/** The package of a manifest, see https://nodejs.org/api/packages.html. */
function packageIn(path: string, text: string): Package[] {
  if (posix.basename(path) !== "package.json") return [];
  const { name: stated, main, module, source, exports, imports, ...others } = parsed(text);
  const folder = posix.dirname(path);
  const name = typeof stated === "string" && stated !== "" ? stated : null;
  const mapping = (pattern: string, to: unknown): Mapping => ({
    pattern,
    targets: textsIn(to).map((target) => built(target).map((at) => posix.join(folder, at))),
  });
  const isList = isObject(exports) && Object.keys(exports).some((key) => key.startsWith("."));
  const listed: Record<string, unknown> = isList ? exports : { ".": exports };
  const exported = entriesOf({ ...listed, ".": [listed["."], source, module, main] });
  return [
    {
      folder,
      name,
      dependencies: kinds.flatMap((kind) => entriesOf(others[kind]).map(([dependency]) => dependency)),
      exports: name === null ? [] : exported.map(([key, to]) => mapping(posix.join(name, key), to)),
      imports: entriesOf(imports).map(([key, to]) => mapping(key, to)),
    },
  ];
}

const kinds = ["dependencies", "devDependencies", "peerDependencies", "optionalDependencies"];

const output = /^((?:.*\/)?)(?:dist|build|out|output|lib|esm?|cjs|umd|distribution)(?:\/|$)/s;

/** The name of a file up to its first dot. */
const begin = (path: string): string => posix.basename(path).replace(/(?<=[^.])\..*$/s, "");

/**
 * A path and, where it is in a folder that is usually built, where its source usually is: by its name, by the begin of its name
 * (`lib/cart.esm.js`), or the index of all.
 */
function built(path: string): string[] {
  const above = path.length > longestPath ? null : output.exec(path);
  if (!above) return [path];
  const [folder, rest] = [above[1]!, path.slice(above[0].length)];
  const sources = ["src/", "source/", "lib/", ""].map((name) => folder + name);
  return [
    path,
    ...sources.map((source) => source + rest),
    ...sources.map((source) => posix.join(source, posix.dirname(rest), begin(rest))),
    ...sources.slice(0, 2).map((source) => `${source}index`),
  ];
}

// No path is as long.
const longestPath = 1_000;

// More of them, or of stars in one, are made to be slow.
const mostEntries = 5_000;
const mostStars = 2;

const entriesOf = (value: unknown): [string, unknown][] =>
  isObject(value) ? Object.entries(value).slice(0, mostEntries) : [];

// Conditions within conditions; nobody writes more.
const deepest = 10;

const textsIn = (value: unknown, depth = 0): string[] => {
  if (typeof value === "string") return value.split("*", mostStars + 2).length > mostStars + 1 ? [] : [value];
  if (typeof value !== "object" || value === null || depth > deepest) return [];
  return Object.values(value).flatMap((one) => textsIn(one, depth + 1));
};

// https://www.typescriptlang.org/tsconfig/#configdir
const ownFolder = "${configDir}/";

function aliasesOf({ folder: leaf, stated }: CompilerOptions): Aliases {
  const paths = stated.flatMap(({ folder, options: { paths, baseUrl } }) => {
    const base = posix.join(folder, typeof baseUrl === "string" ? baseUrl : ".");
    const named = entriesOf(paths).map(([pattern, to]) => ({
      pattern,
      targets: textsIn(to).map((target) => [
        target.startsWith(ownFolder) ? posix.join(leaf, target.slice(ownFolder.length)) : posix.join(base, target),
      ]),
    }));
    return typeof baseUrl === "string" ? [...named, { pattern: "*", targets: [[posix.join(base, "*")]] }] : named;
  });
  return { folder: leaf, paths };
}
