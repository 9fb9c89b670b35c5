/** Where modules of JavaScript and TypeScript are: beside the importer, in a package of the workspace, or by `paths` of a tsconfig.json. */
import { posix } from "node:path";
import type { Repository, Resolve } from "./graph.ts";

const endings = [".ts", ".tsx", ".mts", ".cts", ".js", ".jsx", ".mjs", ".cjs", ".json", ".d.ts"];
// TypeScript names the file that it will emit.
const written: Record<string, string[]> = {
  ".js": [".ts", ".tsx"],
  ".jsx": [".tsx"],
  ".mjs": [".mts"],
  ".cjs": [".cts"],
};

interface Workspace {
  name: string;
  folder: string;
  /** Paths in the package that its manifest names, in order. */
  entries: string[];
}

interface Alias {
  folder: string;
  prefix: string;
  /** Folders or files, from the root. */
  targets: string[];
}

export function javaScriptResolver({ files, texts }: Repository): Resolve {
  const packages = [...texts].flatMap(([path, text]) => workspace(path, text));
  const aliases = [...texts].flatMap(([path, text]) => aliasesIn(path, text));
  const find = (path: string): string[] => {
    const at = candidates(posix.normalize(path).replace(/\/$/, "")).find((candidate) =>
      files.has(posix.normalize(candidate)),
    );
    return at === undefined ? [] : [posix.normalize(at)];
  };
  const first = (paths: readonly string[]): string[] => {
    for (const path of paths) {
      const found = find(path);
      if (found.length > 0) return found;
    }
    return [];
  };
  return ({ module }, from) => {
    if (/^\.\.?(?:\/|$)/.test(module)) return find(posix.join(posix.dirname(from), module));
    for (const { folder, prefix, targets } of aliases)
      if (module.startsWith(prefix) && within(from, folder)) {
        const found = first(targets.map((target) => target + module.slice(prefix.length)));
        if (found.length > 0) return found;
      }
    const owner = packages.find(({ name }) => module === name || module.startsWith(`${name}/`));
    if (!owner) return [];
    const { folder, name, entries } = owner;
    const rest = module.slice(name.length + 1);
    const inside = rest === "" ? [...entries, "src/index", "index", "lib/index"] : [rest, `src/${rest}`, `lib/${rest}`];
    return first(inside.map((path) => posix.join(folder, path)));
  };
}

const within = (path: string, folder: string): boolean => folder === "." || path.startsWith(`${folder}/`);

function candidates(path: string): string[] {
  const ending = posix.extname(path);
  const stem = path.slice(0, path.length - ending.length);
  return [
    path,
    ...(written[ending] ?? []).map((other) => stem + other),
    ...endings.map((other) => path + other),
    ...endings.map((other) => `${path}/index${other}`),
  ];
}

function workspace(path: string, text: string): Workspace[] {
  if (posix.basename(path) !== "package.json") return [];
  const { name, main, module, exports } = parsed(text);
  if (typeof name !== "string" || name === "") return [];
  const own = typeof exports === "object" && exports !== null && "." in exports ? exports["."] : exports;
  const entries = [own, module, main].flatMap((one) => textsIn(one)).filter((entry) => !entry.includes("*"));
  return [{ name, folder: posix.dirname(path), entries }];
}

// Conditions within conditions; nobody writes more.
const deepest = 10;

const textsIn = (value: unknown, depth = 0): string[] => {
  if (typeof value === "string") return [value];
  if (typeof value !== "object" || value === null || depth > deepest) return [];
  return Object.values(value).flatMap((one) => textsIn(one, depth + 1));
};

function aliasesIn(path: string, text: string): Alias[] {
  if (!/^tsconfig/.test(posix.basename(path))) return [];
  const options = parsed(text).compilerOptions;
  if (typeof options !== "object" || options === null) return [];
  const { paths, baseUrl } = options as { paths?: unknown; baseUrl?: unknown };
  const folder = posix.dirname(path);
  const base = posix.join(folder, typeof baseUrl === "string" ? baseUrl : ".");
  const named = Object.entries(typeof paths === "object" && paths !== null ? paths : {}).map(([pattern, to]) => ({
    folder,
    prefix: pattern.replace(/\*$/, ""),
    targets: textsIn(to).map((target) => posix.join(base, target.replace(/\*$/, ""))),
  }));
  return typeof baseUrl === "string" ? [...named, { folder, prefix: "", targets: [`${base}/`] }] : named;
}

/** JSON with comments and commas at ends; nothing where it is none. */
function parsed(text: string): Record<string, unknown> {
  const plain = text
    .replace(/("(?:[^"\\\n]|\\.)*"?)|\/\/[^\n]*|\/\*[\s\S]*?(?:\*\/|$)/g, "$1")
    .replace(/,(?=\s*[}\]])/g, "");
  try {
    const value: unknown = JSON.parse(plain);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
