/** Files as a commit has them, whatever lies on the disk. */
import { commitId, explain, GitError, git, tryGit } from "./git.ts";

/** Names of the files, no folders, at the root of a commit. Throws GitError where the clone does not have the commit. */
export async function rootFiles(repo: string, commit: string): Promise<string[]> {
  const listing = await git(repo, ["ls-tree", "-z", commitId(commit)]);
  return listing.split("\0").flatMap((entry) => /^100(?:644|755) blob \S+\t(.+)$/s.exec(entry)?.[1] ?? []);
}

/**
 * The bytes of a file in a commit.
 * @param path from the repository's root, with forward slashes
 * @throws GitError where the clone does not have the commit, or the commit has no such file
 */
export async function fileAt(repo: string, commit: string, path: string): Promise<Buffer> {
  const result = await tryGit(repo, ["cat-file", "blob", `${commitId(commit)}:${path}`], { encoding: "latin1" });
  if (result.code === 0) return Buffer.from(result.stdout, "latin1");
  if (/does not exist in|bad file|exists on disk, but not in/.test(result.stderr))
    throw new GitError(`The commit ${commit} has no file ${path}.`);
  throw new GitError(explain(repo, "cat-file", result));
}
