import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Runner } from "./runner.ts";

/**
 * vitest takes parts of file paths. Single tests could be named by a pattern over their titles, but titles are made at
 * run time, and a new one would be skipped in silence; so the file is what is chosen.
 */
export const vitest: Runner = {
  name: "vitest",
  granularity: "file",
  ordered: false,
  command: (folder) => ["node", installed(folder) ?? "node_modules/vitest/vitest.mjs", "run"],
  reportTo: (path) => ["--reporter=default", "--reporter=junit", `--outputFile.junit=${path}`],
  // https://vitest.dev/config/include
  isTestFile: (path) => /\.(test|spec)\.[cm]?[jt]sx?$/.test(path),
  // A trailing `:12` would be read as a line.
  argument: ({ file }) => (/:\d+$/.test(file) ? null : file.startsWith("-") ? `./${file}` : file),
  notFound: () => false,
};

/** vitest's own entry, as Node would find it. `npx` is slower, and on Windows it is a batch file that needs a shell. */
function installed(folder: string): string | null {
  const entry = join(folder, "node_modules/vitest/vitest.mjs");
  if (existsSync(entry)) return entry;
  return dirname(folder) === folder ? null : installed(dirname(folder));
}
