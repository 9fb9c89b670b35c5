/** Manifests of JavaScript and TypeScript, as they are written. */
import { posix } from "node:path";

/** JSON with comments and commas at ends; nothing where it is none. */
export function parsed(text: string): Record<string, unknown> {
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

const named = /^(?:ts|js)config(?:\.[\w-]+)*\.json$/;
// Configurations that extend one another; nobody writes more.
const deepest = 10;

/** The settings of a tsconfig.json or jsconfig.json, with those of files of the repository that it extends. */
export interface CompilerOptions {
  /** The folder that they are for. */
  folder: string;
  /** Each with the folder that paths in it are relative to, the nearest first. */
  stated: { folder: string; options: Record<string, unknown> }[];
}

/** The settings that a repository has, in order of path. */
export function compilerOptionsIn(texts: ReadonlyMap<string, string>): CompilerOptions[] {
  const manifests = new Map(
    [...texts].filter(([path]) => named.test(posix.basename(path))).map(([path, text]) => [path, parsed(text)]),
  );
  const chain = (path: string, depth: number): CompilerOptions["stated"] => {
    const manifest = manifests.get(path) ?? manifests.get(`${path}.json`);
    if (manifest === undefined || depth === 0) return [];
    const { compilerOptions: options, extends: bases } = manifest;
    const folder = posix.dirname(path);
    const own =
      typeof options === "object" && options !== null ? [{ folder, options: options as Record<string, unknown> }] : [];
    const relative = [bases].flat().filter((base): base is string => typeof base === "string" && base.startsWith("."));
    return [...own, ...relative.toReversed().flatMap((base) => chain(posix.join(folder, base), depth - 1))];
  };
  return [...manifests.keys()].map((path) => ({ folder: posix.dirname(path), stated: chain(path, deepest) }));
}
