/** What a commit's sources say of test files and its change: how far they are along imports, and how alike. */
import { execFileSync } from "node:child_process";
import { changedLines } from "@goatnote/change-facts";
import type { FileChange } from "@goatnote/ci-history";
import { importPaths, readGraph, together, withConftests } from "@goatnote/import-graph";
import { recordOf, textSimilarities } from "@goatnote/test-selection";
import { git } from "./changes.ts";

/** Links of the given files, as a run records them; files that nothing links to the change are left out. */
export async function sourcesAt(
  repo: string,
  sha: string,
  changes: readonly FileChange[],
  files: readonly string[],
): Promise<ReturnType<typeof recordOf>> {
  const texts = textsOf(repo, sha);
  const changed = changes.map(({ path }) => path);
  const gone = changed.filter((path) => !texts.has(path));
  const read = await readGraph([...texts.keys()], (path) => texts.get(path)!, { gone });
  if (read.kind === "unknown") return {};
  const lines = await changedLines(repo, git(repo, "rev-parse", `${sha}^1`).trim(), sha);
  const likenesses = textSimilarities(lines, new Map(files.map((path) => [path, texts.get(path) ?? null])));
  const tests = new Set(files);
  const graph = together(
    withConftests(read.graph, (path) => tests.has(path), true),
    read.named,
  );
  return recordOf({ imports: importPaths(graph, changed), texts: likenesses }, files);
}

/** Every file of a commit, by path. */
function textsOf(repo: string, sha: string): Map<string, string> {
  const bytes = (args: string[], input?: string): Buffer =>
    execFileSync("git", ["-C", repo, ...args], { input, maxBuffer: 1 << 30 });
  const entries = bytes(["ls-tree", "-r", "-z", sha]).toString().split("\0");
  const blobs = entries.flatMap((entry) => {
    const [, id, path] = entry.match(/^100\d{3} blob (\S+)\t([\s\S]*)$/) ?? [];
    return id === undefined ? [] : [{ id, path: path! }];
  });
  const all = bytes(["cat-file", "--batch"], blobs.map(({ id }) => `${id}\n`).join(""));
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
