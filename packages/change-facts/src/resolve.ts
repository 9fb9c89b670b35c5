/** From an event to the change that it is about. */
import { type Change, changeBetween } from "./change.ts";
import { git, hasCommit, isSha } from "./git.ts";

// git's well-known empty tree, for a first commit.
const emptyTree = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";

/** What is known of the event; see `WorkflowContext`. */
export interface ChangeEvent {
  /** A commit that the user names; it wins over the others. */
  base?: string;
  /** Tip of the base branch and of the change, for a pull request. */
  pullRequest?: { baseSha: string; headSha: string } | null;
  /** The branch's commit before a push; zeros for a new branch. */
  before?: string | null;
}

/**
 * The change that the checked-out commit is about: from the merge base for a pull request, from `before` for a push, else
 * from the parent. Never throws for a fault of git: what cannot be told has a reason.
 */
export async function resolveChange(repository: string, event: ChangeEvent): Promise<Change> {
  try {
    const head = (await git(repository, ["rev-parse", "--verify", "HEAD^{commit}"])).trim();
    const base = await baseOf(repository, event, head);
    return typeof base === "string" ? await changeBetween(repository, base, head) : base;
  } catch (error) {
    return { kind: "unknown", reason: (error as Error).message };
  }
}

async function baseOf(
  repository: string,
  { base, pullRequest, before }: ChangeEvent,
  head: string,
): Promise<string | Change> {
  if (base !== undefined) {
    if (!isSha(base)) return { kind: "unknown", reason: `${JSON.stringify(base)} is not a full commit id` };
    return (await fetched(repository, base)) ?? missing(base);
  }
  if (pullRequest) {
    const tip = await fetched(repository, pullRequest.baseSha);
    if (!tip) return missing(pullRequest.baseSha);
    return mergeBase(repository, tip, head);
  }
  if (before && isSha(before)) return (await fetched(repository, before)) ?? missing(before);
  return parentOf(repository, head);
}

const missing = (commit: string): Change => ({
  kind: "unknown",
  reason: `commit ${commit} is not in this clone and cannot be fetched; set \`fetch-depth: 0\` for actions/checkout`,
});

/** The commit, fetched without file contents when the clone lacks it; null when it cannot be had. */
async function fetched(repository: string, commit: string): Promise<string | null> {
  if (!isSha(commit)) return null;
  if (await hasCommit(repository, commit)) return commit;
  await git(repository, ["fetch", "--quiet", "--no-tags", "--filter=blob:none", "--depth=1", "origin", commit]).catch(
    () => {},
  );
  return (await hasCommit(repository, commit)) ? commit : null;
}

async function mergeBase(repository: string, base: string, head: string): Promise<string | Change> {
  const find = (): Promise<string> =>
    git(repository, ["merge-base", base, head]).then(
      (text) => text.trim(),
      () => "",
    );
  let found = await find();
  for (let depth = 64; found === "" && depth <= 4096; depth *= 4) {
    const isShallow = (await git(repository, ["rev-parse", "--is-shallow-repository"])).trim() === "true";
    if (!isShallow) break;
    const fetching = git(repository, [
      "fetch",
      "--quiet",
      "--no-tags",
      "--filter=blob:none",
      `--deepen=${depth}`,
      "origin",
      base,
    ]);
    if (
      await fetching.then(
        () => false,
        () => true,
      )
    )
      break;
    found = await find();
  }
  if (found !== "") return found;
  return {
    kind: "unknown",
    reason: `no common ancestor of ${base} and ${head} is in this clone; set \`fetch-depth: 0\` for actions/checkout`,
  };
}

async function parentOf(repository: string, head: string): Promise<string | Change> {
  const parent = (await git(repository, ["log", "-1", "--format=%P", head])).trim().split(" ")[0] ?? "";
  // A shallow clone hides the parent, which is not the same as having none.
  const raw = await git(repository, ["cat-file", "commit", head]);
  const real = /^parent ([0-9a-f]+)$/m.exec(raw)?.[1];
  if (real === undefined) return emptyTree;
  if (parent === real) return parent;
  return (await fetched(repository, real)) ?? missing(real);
}
