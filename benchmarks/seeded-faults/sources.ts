/** How far test files are from a commit's change along imports, by the sources of that commit. */
import { execFileSync } from "node:child_process";
import type { FileChange, ImportDistance } from "@goatnote/ci-history";
import { importPaths, readGraph } from "@goatnote/import-graph";

/** Distances of the given files; those that no import leads to the change from are left out. */
export async function importDistances(
  repo: string,
  sha: string,
  changes: readonly FileChange[],
  files: readonly string[],
): Promise<ImportDistance[] | undefined> {
  const texts = textsOf(repo, sha);
  const changed = changes.map(({ path }) => path);
  const gone = changed.filter((path) => !texts.has(path));
  const read = await readGraph([...texts.keys()], (path) => texts.get(path)!, { gone });
  if (read.kind === "unknown") return undefined;
  const found = importPaths(read.graph, changed);
  return files.flatMap((path) => {
    const distance = found.get(path)?.distance;
    return distance === undefined ? [] : [{ path, distance }];
  });
}

/** Every file of a commit, by path. */
function textsOf(repo: string, sha: string): Map<string, string> {
  const git = (args: string[], input?: string): Buffer =>
    execFileSync("git", ["-C", repo, ...args], { input, maxBuffer: 1 << 30 });
  const entries = git(["ls-tree", "-r", "-z", sha]).toString().split("\0");
  const blobs = entries.flatMap((entry) => {
    const [, id, path] = entry.match(/^100\d{3} blob (\S+)\t([\s\S]*)$/) ?? [];
    return id === undefined ? [] : [{ id, path: path! }];
  });
  const all = git(["cat-file", "--batch"], blobs.map(({ id }) => `${id}\n`).join(""));
  let at = 0;
  return new Map(
    blobs.map(({ path }) => {
      const start = all.indexOf("\n", at) + 1;
      const size = Number(all.toString("latin1", at, start).split(" ")[2]);
      at = start + size + 1;
      return [path, all.toString("utf8", start, start + size)];
    }),
  );
}
