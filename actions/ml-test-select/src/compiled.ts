/** Folders that a runner compiles and that hold no tests: a change that breaks their build fails in a full run, and no test says so. */
import { posix } from "node:path";
import { isGoConstrained } from "@goatnote/import-graph";
import type { Runner } from "@goatnote/test-selection";

/**
 * The folders without tests that reach the change.
 * @param isTested whether recorded runs have tests of a folder: those of its test files may all be left out of a build
 * @param reaches whether a file is changed or leads to the change through imports
 */
export async function compiledFolders(
  runner: Runner,
  files: readonly string[],
  read: (path: string) => Promise<string | null>,
  isTested: (folder: string) => boolean,
  reaches: (path: string) => boolean,
): Promise<string[]> {
  const sources = Map.groupBy(
    files.filter((path) => runner.compiles?.(path)),
    (path) => posix.dirname(path),
  );
  const found: string[] = [];
  for (const [folder, paths] of sources)
    if (!isTested(folder) && paths.some(reaches) && (await builds(paths, read))) found.push(folder);
  return found;
}

/** Where all files are for other systems, the runner takes the folder that it is told for an error, and passes it over where it runs everything. */
async function builds(paths: readonly string[], read: (path: string) => Promise<string | null>): Promise<boolean> {
  for (const path of paths) {
    const text = await read(path);
    if (text !== null && !isGoConstrained(path, text)) return true;
  }
  return false;
}
