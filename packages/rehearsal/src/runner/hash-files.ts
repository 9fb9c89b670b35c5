import { createHash } from "node:crypto";
import { globSync, readFileSync, statSync } from "node:fs";
import { join, matchesGlob } from "node:path";

/** `hashFiles()`: the SHA-256 over the SHA-256 of every matching file under the workspace; empty when there is none. */
export function hashFiles(workspace: string, patterns: string[]): string {
  const lines = patterns
    .flatMap((pattern) => pattern.split("\n"))
    .map((line) => line.trim())
    .filter(Boolean);
  const excluded = lines.filter((line) => line.startsWith("!")).map((line) => line.slice(1));
  const files = globSync(
    lines.filter((line) => !line.startsWith("!")),
    { cwd: workspace },
  )
    .filter(
      (file) => !excluded.some((pattern) => matchesGlob(file, pattern)) && statSync(join(workspace, file)).isFile(),
    )
    .sort();
  if (files.length === 0) return "";
  const hash = createHash("sha256");
  for (const file of new Set(files))
    hash.update(
      createHash("sha256")
        .update(readFileSync(join(workspace, file)))
        .digest(),
    );
  return hash.digest("hex");
}
