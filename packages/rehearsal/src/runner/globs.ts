import { readdirSync, statSync } from "node:fs";
import { join, resolve, sep } from "node:path";

/**
 * Files that path patterns select, as @actions/glob does: relative to a folder, hidden ones too, a folder stands for all
 * that is in it, and a pattern with `!` takes out what those before it selected. Absolute and sorted.
 */
export function findFiles(patterns: string[], folder: string): string[] {
  const rules = patterns.map((pattern) => {
    const negated = pattern.startsWith("!");
    const path = resolve(folder, negated ? pattern.slice(1) : pattern);
    return { negated, path, expression: new RegExp(`^${source(path)}(?:/.*)?$`) };
  });
  const found = new Set(rules.filter(({ negated }) => !negated).flatMap(({ path }) => filesBelow(fixedPart(path))));
  const selected = (file: string) =>
    rules.reduce((is, { negated, expression }) => (expression.test(file.replaceAll(sep, "/")) ? !negated : is), false);
  return [...found].filter(selected).sort();
}

/** The part of a pattern before its first wildcard. */
export function fixedPart(path: string): string {
  const parts = path.split(sep);
  const wild = parts.findIndex((part) => /[*?[]/.test(part));
  return wild < 0 ? path : parts.slice(0, wild).join(sep) || sep;
}

function filesBelow(path: string): string[] {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (!stat?.isDirectory()) return stat ? [path] : [];
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => statSync(file, { throwIfNoEntry: false })?.isFile());
}

function source(path: string): string {
  return path.replaceAll(sep, "/").replace(/\*\*\/|\*\*|\*|\?|\[[^\]/]+\]|[.+^$(){}|[\]\\]/g, (part) => {
    if (part.startsWith("[") && part.length > 2) return part.replace(/^\[!/, "[^");
    return { "**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]" }[part] ?? `\\${part}`;
  });
}
