import { commitId, git } from "./git.ts";

/** A file that earlier commits changed together with a file of the change. */
export interface Companion {
  /** The file of the change that it shares the most commits with. */
  path: string;
  /** Commits that changed both. */
  commits: number;
  /** Commits that changed `path`. */
  of: number;
}

// What lies further back says little of what belongs together today; a commit of many files says nothing.
const mostCommits = 2000;
const mostFilesOfCommit = 30;
const mostPaths = 300;

/**
 * The files that changed together with those of a change, in the latest 2,000 commits up to `base` (Zimmermann, Zeller,
 * Weißgerber, Diehl: Mining Version Histories to Guide Software Changes, TSE 31, 2005). A shallow clone knows fewer.
 * @param base the commit before the change
 * @throws GitError with the reason
 */
export async function changedTogether(
  repo: string,
  base: string,
  paths: readonly string[],
): Promise<Map<string, Companion>> {
  const range = [`--max-count=${mostCommits}`, "--no-merges", "--no-renames", "--name-only", "-z", "--format=%x01"];
  const log = await git(repo, ["log", ...range, commitId(base), "--"]);
  const changed = new Set(paths.slice(0, mostPaths));
  const counts = new Map<string, number>();
  const shared = new Map<string, Map<string, number>>();
  for (const commit of log.split("\u0001")) {
    const files = commit
      .split("\0")
      .map((file) => file.replace(/^\n/, ""))
      .filter(Boolean);
    if (files.length > mostFilesOfCommit) continue;
    for (const path of files.filter((file) => changed.has(file))) {
      counts.set(path, (counts.get(path) ?? 0) + 1);
      for (const other of files) {
        if (other === path) continue;
        const known = shared.get(other) ?? new Map<string, number>();
        shared.set(other, known.set(path, (known.get(path) ?? 0) + 1));
      }
    }
  }
  const companions = [...shared].map(([file, known]): [string, Companion] => {
    const [path, commits] = [...known].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1))[0]!;
    return [file, { path, commits, of: counts.get(path)! }];
  });
  return new Map(companions);
}
