/** How far each file of the checkout is from the change along imports. It ranks tests: where no run knew it, they are ranked without. */
import { lstat, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { warning } from "@actions/core";
import { describe, say } from "@goatnote/action-io";
import { importPaths, readGraph } from "@goatnote/import-graph";
import type { ImportLink, Situation } from "@goatnote/test-selection";

/** Distances, or why there are none; as a situation has them. */
export type ImportsNow = Pick<Situation, "imports" | "importsUnknown">;

/** Reads the sources as they are checked out. */
export async function importsIn(
  workspace: string,
  files: readonly string[],
  changes: readonly { path: string }[],
): Promise<ImportsNow> {
  const started = performance.now();
  try {
    const listed = new Set(files);
    const changed = changes.map(({ path }) => path);
    const gone = changed.filter((path) => !listed.has(path));
    const read = await readGraph(files, (path) => textOf(join(workspace, path)), { gone });
    if (read.kind === "unknown") {
      say(`Imports are not followed: ${read.reason}.`);
      return { imports: null, importsUnknown: read.reason };
    }
    const links = new Map<string, ImportLink>(importPaths(read.graph, changed));
    // A package of Go is tested as a whole, and known by its folder.
    for (const [path, link] of [...links])
      if (path.endsWith("_test.go") && link.distance < (links.get(dirname(path))?.distance ?? Infinity))
        links.set(dirname(path), link);
    say(`Followed the imports of ${read.graph.size} files in ${Math.round(performance.now() - started)} ms.`);
    return { imports: links };
  } catch (error) {
    warning(`Imports are not followed: ${describe(error)}`);
    return { imports: null, importsUnknown: describe(error).replace(/\.$/, "") };
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
