/** Commits that a shallow clone may lack, and how to get them. */
import { commitId, explain, GitError, git, isCommitId, tryGit } from "./git.ts";

/** How a clone without enough history is mended. */
const FULL_HISTORY = "set `fetch-depth: 0` in actions/checkout";

/** Generations by which a clone is deepened, in turn, until two commits have a common ancestor. */
const DEEPEN_BY = [50, 500, 5000];

/** The id of the commit that is checked out. Throws GitError where there is none. */
export async function headCommit(repo: string): Promise<string> {
  const result = await tryGit(repo, ["rev-parse", "--verify", "--end-of-options", "HEAD^{commit}"]);
  const id = result.stdout.trim();
  if (result.code === 0 && isCommitId(id)) return id;
  if (result.stderr.includes("Needed a single revision")) throw new GitError(`${repo} has no commit yet.`);
  throw new GitError(explain(repo, "rev-parse", result));
}

/** The parents that the commit itself names, whether or not the clone has them. */
export async function parentsOf(repo: string, commit: string): Promise<string[]> {
  const header = (await git(repo, ["cat-file", "commit", commitId(commit)])).split("\n\n", 1)[0]!;
  return [...header.matchAll(/^parent ([0-9a-f]+)$/gm)].map((match) => match[1]!);
}

const has = async (repo: string, commit: string): Promise<boolean> =>
  (await tryGit(repo, ["cat-file", "-e", `${commitId(commit)}^{commit}`])).code === 0;

/** Whether the clone ends before the first commit. */
export const isShallow = async (repo: string): Promise<boolean> =>
  (await git(repo, ["rev-parse", "--is-shallow-repository"])).trim() === "true";

/**
 * Makes sure that the clone has a commit with its tree, fetching it from `origin` where it does not.
 *
 * @param name what the commit is, for the error: "the parent of the head".
 * @throws GitError that says what is missing and what to do.
 */
export async function ensureCommit(repo: string, commit: string, name: string): Promise<void> {
  if (await has(repo, commit)) return;
  // A depth would make a complete clone shallow.
  const depth = (await isShallow(repo)) ? ["--depth=1"] : [];
  const fault = await fetch(repo, [...depth], [commit]);
  if (fault === null && (await has(repo, commit))) return;
  throw new GitError(
    `${name} (${commit}) is not in this clone and could not be fetched; ${FULL_HISTORY}. ${fault ?? ""}`.trim(),
  );
}

/** The best common ancestor of two commits, both of which the clone has. Throws GitError where none is found. */
export async function mergeBase(repo: string, base: string, head: string): Promise<string> {
  let fault: string | null = null;
  for (const generations of [0, ...DEEPEN_BY]) {
    if (generations > 0) {
      if (!(await isShallow(repo))) break;
      fault = await fetch(repo, [`--deepen=${generations}`], [base, head]);
      if (fault !== null) break;
    }
    const found = (await tryGit(repo, ["merge-base", commitId(base), commitId(head)])).stdout.trim();
    if (isCommitId(found)) return found;
  }
  if (!(await isShallow(repo))) throw new GitError(`${base} and ${head} have no common ancestor.`);
  throw new GitError(
    `The common ancestor of ${base} and ${head} is not in this clone; ${FULL_HISTORY}. ${fault ?? ""}`.trim(),
  );
}

/** Fetches commits with their trees; files come when they are compared. Gives back why it failed, or null. */
async function fetch(repo: string, how: string[], commits: string[]): Promise<string | null> {
  const quiet = ["--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules", "--filter=blob:none"];
  const result = await tryGit(repo, ["fetch", ...quiet, ...how, "origin", ...commits.map(commitId)]);
  return result.code === 0 ? null : explain(repo, "fetch", result);
}
