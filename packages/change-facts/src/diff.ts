/** What differs between two commits. */
import { type Asked, commitId, commitish, git } from "./git.ts";

/** A file that differs; path and lines are a `FileChange` of a history. */
export interface ChangedFile {
  /** Relative to the repository, with forward slashes; bytes that are not UTF-8 are U+FFFD. */
  path: string;
  /** Lines; 0 and 0 for a binary file. The commit of a submodule counts as one line. */
  added: number;
  deleted: number;
  /** A renamed file is one deleted and one added. */
  status: "added" | "modified" | "deleted" | "type-changed";
  /** On an added file: the deleted file that git takes for its former self. */
  renamedFrom?: string;
  /** It is a submodule, before or after: what changed is in another repository. */
  isSubmodule?: true;
}

/** The difference of two commits. */
export interface Change {
  /** Null where the head has no history: the difference to nothing. */
  base: string | null;
  head: string;
  /** In git's order, by path. */
  files: ChangedFile[];
  /** Name of the head's author; null where it is empty. */
  author: string | null;
}

// git knows the empty tree of each object format without having it.
const EMPTY_TREE: Record<number, string> = {
  40: "4b825dc642cb6eb9a060e54bf8d69288fbee4904",
  64: "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321",
};

const statusOf: Record<string, ChangedFile["status"]> = { A: "added", D: "deleted", T: "type-changed" };

/**
 * The files that differ between two commits, with their lines, and the author of `head`.
 *
 * @param base full id of a commit, or null for a first commit, whose every file is added.
 * @throws GitError with the reason.
 */
export async function changeBetween(repo: string, base: string | null, head: string): Promise<Change> {
  const from = treeOf(base, head);
  const files = parseDiff(await diffTree(repo, ["--raw", "--numstat", "--no-renames"], from, head));
  await addRenames(repo, files, from, head);
  const author = (await git(repo, ["log", "-1", "--format=%aN", commitId(head), "--"])).trim();
  return { base, head, files, author: author || null };
}

const treeOf = (base: string | null, head: string): string =>
  base === null ? EMPTY_TREE[commitId(head).length]! : commitId(base);

/** Ids of each changed file's content before and after; zeros where there is none. */
export async function blobsBetween(
  repo: string,
  base: string | null,
  head: string,
): Promise<Map<string, [string, string]>> {
  const parts = (await diffTree(repo, ["--raw", "--no-abbrev", "--no-renames"], treeOf(base, head), head)).split("\0");
  const blobs = new Map<string, [string, string]>();
  for (let at = 0; parts[at]?.startsWith(":"); at += 2) {
    const [, , before = "", after = ""] = parts[at]!.split(" ");
    blobs.set(parts[at + 1]!, [before, after]);
  }
  return blobs;
}

// More lines than anyone reads are no change that a test could be told from.
const MAX_PATCH = 50_000_000;

/**
 * The difference as a patch without lines around it, of all files as text: a change could else hide its lines by an attribute of
 * git. Throws GitError where it is larger than 50 MB.
 */
export const patchBetween = (repo: string, base: string | null, head: string): Promise<string> =>
  diffTree(repo, ["-p", "-U0", "--text", "--no-renames", "--no-color"], treeOf(base, head), head, {
    maxOutput: MAX_PATCH,
  });

function diffTree(repo: string, how: string[], from: string, head: string, asked?: Asked): Promise<string> {
  const fixed = ["-r", "-z", "--no-ext-diff", "--no-textconv", "--ignore-submodules=none", "--no-relative"];
  return git(repo, ["diff-tree", ...fixed, ...how, from, commitId(head), "--"], asked);
}

/**
 * Reads `git diff-tree -z --raw --numstat`: first `:<modes> <ids> <status>` NUL path NUL for each file, then
 * `<added>` TAB `<deleted>` TAB path NUL for each file, in the same order. A path may hold anything but NUL.
 */
export function parseDiff(output: string): ChangedFile[] {
  const parts = output.split("\0");
  const files: ChangedFile[] = [];
  let at = 0;
  for (; parts[at]?.startsWith(":"); at += 2) {
    const status = statusOf[parts[at]!.at(-1)!] ?? "modified";
    const isSubmodule = /^:(?:160000 |\d+ 160000 )/.test(parts[at]!);
    files.push({ path: parts[at + 1]!, added: 0, deleted: 0, status, ...(isSubmodule && { isSubmodule }) });
  }
  for (const file of files) {
    // Two names that differ in bytes that are not UTF-8 look alike, so the order tells, not the name.
    const [, added, deleted] = /^(\d+|-)\t(\d+|-)\t/.exec(parts[at++] ?? "") ?? [];
    file.added = Number(added) || 0;
    file.deleted = Number(deleted) || 0;
  }
  return files;
}

async function addRenames(repo: string, files: ChangedFile[], from: string, head: string): Promise<void> {
  if (!files.some((file) => file.status === "added") || !files.some((file) => file.status === "deleted")) return;
  const parts = (await diffTree(repo, ["--raw", "-M", "--diff-filter=R"], from, head)).split("\0");
  const former = new Map<string, string>();
  for (let at = 0; parts[at]?.startsWith(":"); at += 3) former.set(parts[at + 2]!, parts[at + 1]!);
  for (const file of files) {
    const renamedFrom = file.status === "added" ? former.get(file.path) : undefined;
    if (renamedFrom !== undefined) file.renamedFrom = renamedFrom;
  }
}

/**
 * All files of a commit, or of the index where no commit is named. Submodules are listed as one path each.
 *
 * @param commit full id, `HEAD` or a ref in `refs/`.
 * @throws GitError with the reason.
 */
export async function listFiles(repo: string, commit?: string): Promise<string[]> {
  const args =
    commit === undefined
      ? ["ls-files", "-z", "--full-name", "--", ":/"]
      : ["ls-tree", "-r", "-z", "--name-only", "--full-tree", commitish(commit), "--"];
  return (await git(repo, args)).split("\0").slice(0, -1);
}
