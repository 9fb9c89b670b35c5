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

/** The `compilerOptions` of a tsconfig.json or a file beside it, such as tsconfig.base.json; null where there are none. */
export function compilerOptionsIn(path: string, text: string): Record<string, unknown> | null {
  if (!posix.basename(path).startsWith("tsconfig")) return null;
  const { compilerOptions } = parsed(text);
  return typeof compilerOptions === "object" ? (compilerOptions as Record<string, unknown> | null) : null;
}
