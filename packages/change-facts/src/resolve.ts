/** Which two commits the change of a workflow run lies between. */
import { ensureCommit, headCommit, mergeBase, parentsOf } from "./commits.ts";
import { type Change, changeBetween } from "./diff.ts";
import { commitId, GitError, tryGit } from "./git.ts";

/** What the event's payload says, as plain values. */
export interface ChangeEvent {
  /** Name of the event: `pull_request`, `push`, … */
  name: string;
  /** The commit under test: `pull_request.head.sha`, `after`; the checked out one where absent. */
  head?: string | null;
  /** `pull_request.base.sha`, `merge_group.base_sha`. */
  base?: string | null;
  /** `before` of a push: zeros for a new branch. */
  before?: string | null;
  /** The last commit that this workflow tested, for events that carry no change, such as `schedule`. */
  previous?: string | null;
}

/** A change, or why it is not known. */
export type ResolvedChange = ({ kind: "known" } & Change) | { kind: "unknown"; reason: string };

const isNothing = (sha: string | null | undefined): sha is null | undefined => !sha || /^0+$/.test(sha);

/**
 * The change of a workflow run.
 *
 * - With a base (pull request, merge queue): from the merge base to the head. Where GitHub's merge of both is checked
 *   out, from its first parent to it, which is the same change as it is tested.
 * - A push: from `before`; of a new branch: from the parent.
 * - Others: from `previous`, or from the parent.
 *
 * Commits that a shallow clone lacks are fetched from `origin`. Never throws for a fault of git: the reason says what
 * is missing and what to do.
 */
export async function resolveChange(repo: string, event: ChangeEvent): Promise<ResolvedChange> {
  try {
    return { kind: "known", ...(await changeOf(repo, event)) };
  } catch (error) {
    if (error instanceof GitError) return { kind: "unknown", reason: error.message.replace(/\.$/, "") };
    throw error;
  }
}

async function changeOf(repo: string, event: ChangeEvent): Promise<Change> {
  const checkedOut = await headCommit(repo);
  const head = isNothing(event.head) ? checkedOut : commitId(event.head);
  if (!isNothing(event.base)) return changeFromBase(repo, commitId(event.base), head, checkedOut);
  if (event.name.startsWith("pull_request")) throw new GitError(`The ${event.name} event names no base commit.`);
  await ensureCommit(repo, head, "The head");
  if (event.name === "push" && !isNothing(event.before)) {
    const before = commitId(event.before);
    await ensureCommit(repo, before, "The commit before this push, which a forced push may have removed,");
    return changeBetween(repo, before, head);
  }
  if (event.name !== "push" && !isNothing(event.previous)) {
    const previous = commitId(event.previous);
    await ensureCommit(repo, previous, "The commit of the previous run");
    return changeBetween(repo, previous, head);
  }
  return changeFromParent(repo, head);
}

async function changeFromParent(repo: string, head: string): Promise<Change> {
  const [parent] = await parentsOf(repo, head);
  if (parent === undefined) return changeBetween(repo, null, head);
  await ensureCommit(repo, parent, "The parent of the head");
  return changeBetween(repo, parent, head);
}

async function changeFromBase(repo: string, base: string, head: string, checkedOut: string): Promise<Change> {
  if (checkedOut !== head) {
    const [target, merged] = await parentsOf(repo, checkedOut);
    if (target !== undefined && merged === head) {
      await ensureCommit(repo, target, "The first parent of the merge");
      return withAuthorOf(repo, head, await changeBetween(repo, target, checkedOut));
    }
  }
  await ensureCommit(repo, head, "The head of the pull request");
  await ensureCommit(repo, base, "The base of the pull request");
  return changeBetween(repo, await mergeBase(repo, base, head), head);
}

/** The author of the pull request's own commit, where the clone has it; else the merge's. */
async function withAuthorOf(repo: string, head: string, change: Change): Promise<Change> {
  const result = await tryGit(repo, ["log", "-1", "--format=%aN", commitId(head), "--"]);
  const author = result.code === 0 ? result.stdout.trim() : "";
  return author === "" ? change : { ...change, author };
}
