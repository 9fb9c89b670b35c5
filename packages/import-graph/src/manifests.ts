/** Manifests of JavaScript and TypeScript, as they are written. */
import { posix } from "node:path";

export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** JSON with comments and commas at ends; nothing where it is none. */
export function parsed(text: string): Record<string, unknown> {
  const plain = text
    .replace(/("(?:[^"\\\n]|\\.)*"?)|\/\/[^\n]*|\/\*[\s\S]*?(?:\*\/|$)/g, "$1")
    .replace(/,(?=\s*[}\]])/g, "");
  try {
    const value: unknown = JSON.parse(plain);
    return isObject(value) ? value : {};
  } catch {
    return {};
  }
}

const named = /^(?:ts|js)config(?:\.[\w-]+)*\.json$/;
// Nobody writes more.
const mostExtended = 10;

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
  /** Each file once, so that what extends itself or many, again and again, ends. */
  const chain = (path: string, seen: Set<string>): CompilerOptions["stated"] => {
    const at = manifests.has(path) ? path : `${path}.json`;
    const manifest = seen.has(at) || seen.size > mostExtended ? undefined : manifests.get(at);
    if (manifest === undefined) return [];
    seen.add(at);
    const { compilerOptions, extends: bases } = manifest;
    const folder = posix.dirname(at);
    const own = isObject(compilerOptions) ? [{ folder, options: compilerOptions }] : [];
    const relative = [bases].flat().filter((base): base is string => typeof base === "string" && base.startsWith("."));
    return [...own, ...relative.toReversed().flatMap((base) => chain(posix.join(folder, base), seen))];
  };
  return [...manifests.keys()].map((path) => ({ folder: posix.dirname(path), stated: chain(path, new Set()) }));
}
