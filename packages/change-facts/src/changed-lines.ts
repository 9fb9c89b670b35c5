import { patchBetween } from "./diff.ts";

/**
 * The lines that a change takes out of each of its files and puts in, without their signs, in git's order; one text for each
 * file, also for those that git is told to take for binary.
 *
 * @param base full id of a commit, or null for a first commit, all of whose lines are put in.
 * @throws GitError with the reason, also where the difference is larger than 50 MB.
 */
export const changedLines = async (repo: string, base: string | null, head: string): Promise<string[]> =>
  linesOf(await patchBetween(repo, base, head));

/** Reads `git diff-tree -p -U0`: a hunk says how many lines it has, so that a line is never taken for a header. */
export function linesOf(patch: string): string[] {
  const files: string[][] = [];
  let left = 0;
  for (const line of patch.split("\n")) {
    if (left > 0 && !line.startsWith("\\")) {
      files.at(-1)?.push(line.slice(1));
      left -= 1;
      continue;
    }
    if (line.startsWith("diff --git ")) files.push([]);
    const hunk = /^@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@/.exec(line);
    if (hunk) left = Number(hunk[1] ?? 1) + Number(hunk[2] ?? 1);
  }
  return files.map((lines) => lines.join("\n"));
}
