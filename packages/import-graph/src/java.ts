/** Imports of Java: classes by name, packages with `.*`, and as names without a module whatever else begins in upper case. */
import { posix } from "node:path";
import type { Repository, Resolve } from "./graph.ts";
import type { Import } from "./languages.ts";

const notCode = /\/\/[^\n]*|\/\*[\s\S]*?(?:\*\/|$)|"(?:[^"\\\n]|\\.)*"?/g;
const declaration = /^[ \t]*import\s+(static\s+)?([\w.]+?)(\.\*)?\s*;/gm;

/** The imports of a class; those of module `""` are names that a class of the same package may have. */
export function javaImports(source: string): Import[] {
  const text = source.replace(notCode, " ");
  const found = [...text.matchAll(declaration)].map(([, isStatic, name, star]): Import => {
    // `import static a.B.c` is of class a.B; `import static a.B.*` too.
    const module = isStatic && !star ? name!.slice(0, name!.lastIndexOf(".")) : name!;
    return { module, names: star && !isStatic ? ["*"] : null, locals: {} };
  });
  const names = [...new Set([...text.matchAll(/(?<![\w.])[A-Z]\w*/g)].map(([name]) => name))];
  return [...found, { module: "", names, locals: {} }];
}

const packageIn = /^[ \t]*package\s+([\w.]+)\s*;/m;

/** Classes by their package and file name. */
export function javaResolver({ files, texts }: Repository): Resolve {
  const packages = new Map<string, string>();
  const byPackage = new Map<string, Map<string, string[]>>();
  // Folders above the packages. Of a file without a text they tell the package.
  const roots = new Set<string>();
  const place = (path: string): string => {
    const root = [...roots].filter((one) => path.startsWith(one)).sort((a, b) => b.length - a.length)[0] ?? "";
    return posix.dirname(path.slice(root.length)).replace(/^\.$/, "").replaceAll("/", ".");
  };
  const add = (path: string, name: string): void => {
    packages.set(path, name);
    const classes = byPackage.get(name) ?? new Map<string, string[]>();
    byPackage.set(name, classes);
    const simple = posix.basename(path, ".java");
    classes.set(simple, [...(classes.get(simple) ?? []), path]);
  };
  for (const [path, text] of texts) {
    if (!path.endsWith(".java")) continue;
    const name = text.match(packageIn)?.[1] ?? "";
    add(path, name);
    const end = `${name.replaceAll(".", "/")}/${posix.basename(path)}`;
    if (name !== "" && path.endsWith(`/${end}`)) roots.add(path.slice(0, -end.length));
  }
  for (const path of files) if (path.endsWith(".java") && !texts.has(path)) add(path, place(path));
  const used = new Map<string, Set<string>>();
  return ({ module, names }, from) => {
    const classes = (of: string, wanted: readonly string[]): string[] =>
      wanted.flatMap((name) => byPackage.get(of)?.get(name) ?? []);
    if (module === "") return classes(packages.get(from) ?? "", names ?? []);
    if (names?.[0] === "*") {
      const words = used.get(from) ?? new Set(javaImports(texts.get(from) ?? "").at(-1)!.names!);
      used.set(from, words);
      return [...(byPackage.get(module) ?? [])].flatMap(([name, paths]) => (words.has(name) ? paths : []));
    }
    // Of a.b.C.D, which is a class within a class, a.b.C is the file.
    const parts = module.split(".");
    for (let end = parts.length; end > 0; end -= 1) {
      const found = classes(parts.slice(0, end - 1).join("."), [parts[end - 1]!]);
      if (found.length > 0) return found;
    }
    return [];
  };
}
