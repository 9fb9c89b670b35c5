import { existsSync } from "node:fs";
import { dirname, join } from "node:path";

/**
 * A file of an installed package, as Node would find it. `npx` is slower, and on Windows it is a batch file that needs
 * a shell.
 * @param entry such as `vitest/vitest.mjs`
 */
export function installed(folder: string, entry: string): string {
  for (let at = folder; ; at = dirname(at)) {
    const path = join(at, "node_modules", entry);
    if (existsSync(path)) return path;
    if (dirname(at) === at) return `node_modules/${entry}`;
  }
}
