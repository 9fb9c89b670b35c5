/** How far each file of the checkout is from the change along imports. It ranks tests: where it cannot be told, they are ranked without. */
import { lstat, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { warning } from "@actions/core";
import { describe, say } from "@goatnote/action-io";
import { importPaths, readGraph } from "@goatnote/import-graph";
import type { ImportLink, Imports } from "@goatnote/test-selection";

/** Reads the sources as they are checked out; null where they are too many, or cannot be read. */
export async function importsIn(
  workspace: string,
  files: readonly string[],
  changes: readonly { path: string }[],
): Promise<Imports | null> {
  const started = performance.now();
  try {
    const graph = await readGraph(files, (path) => textOf(join(workspace, path)));
    if (graph === null) {
      say("Imports are not followed: the checkout has more than 10,000 source files, or more than 100 MB of them.");
      return null;
    }
    const links = new Map<string, ImportLink>(
      importPaths(
        graph,
        changes.map(({ path }) => path),
      ),
    );
    // A package of Go is tested as a whole, and known by its folder.
    for (const [path, link] of [...links])
      if (path.endsWith("_test.go") && link.distance < (links.get(dirname(path))?.distance ?? Infinity))
        links.set(dirname(path), link);
    say(`Followed the imports of ${graph.size} files in ${Math.round(performance.now() - started)} ms.`);
    return links;
  } catch (error) {
    warning(`Imports are not followed: ${describe(error)}`);
    return null;
  }
}

/** The text of a regular file: a link may lead out of the checkout. */
async function textOf(path: string): Promise<string | null> {
  try {
    return (await lstat(path)).isFile() ? await readFile(path, "utf8") : null;
  } catch {
    return null;
  }
}
