import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { findFiles } from "./globs.ts";

/** `hashFiles()`: the SHA-256 over the SHA-256 of every matching file under the workspace; empty when there is none. */
export function hashFiles(workspace: string, patterns: string[]): string {
  const lines = patterns.flatMap((pattern) => pattern.split("\n")).map((line) => line.trim());
  const files = findFiles(lines.filter(Boolean), workspace);
  if (files.length === 0) return "";
  const hash = createHash("sha256");
  for (const file of files) hash.update(createHash("sha256").update(readFileSync(file)).digest());
  return hash.digest("hex");
}
