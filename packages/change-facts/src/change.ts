/** What a change is: the files and lines between two commits. */
import type { FileChange } from "@goatnote/ci-history";
import { git } from "./git.ts";

export interface ChangedFile extends FileChange {
  status: "added" | "modified" | "deleted";
}

/** A change between two commits that are in the clone. */
export interface KnownChange {
  kind: "known";
  /** The commit compared with, or the empty tree. */
  base: string;
  head: string;
  files: ChangedFile[];
  /** Who wrote the head commit; null when it has no name. */
  author: string | null;
}

/** A change that cannot be told, and why, with the way out. */
export interface UnknownChange {
  kind: "unknown";
  reason: string;
}

export type Change = KnownChange | UnknownChange;

/**
 * Files and lines that differ. A rename is a deletion and an addition; binary files and submodules count no lines.
 * @param base a commit or tree
 */
export async function changeBetween(repository: string, base: string, head: string): Promise<KnownChange> {
  const options = ["--no-renames", "--no-ext-diff", "--no-textconv", "-z", "--end-of-options", base, head, "--"];
  const numbers = await git(repository, ["diff", "--numstat", ...options]);
  const statuses = (await git(repository, ["diff", "--name-status", ...options])).split("\0");
  const statusOf = new Map<string, ChangedFile["status"]>();
  for (let index = 0; index + 1 < statuses.length; index += 2) {
    statusOf.set(
      statuses[index + 1]!,
      ({ A: "added", D: "deleted" } as const)[statuses[index] as "A" | "D"] ?? "modified",
    );
  }
  const files = numbers
    .split("\0")
    .filter(Boolean)
    .map((entry): ChangedFile => {
      const [added = "", deleted = "", ...path] = entry.split("\t");
      const name = path.join("\t");
      return {
        path: name,
        added: Number(added) || 0,
        deleted: Number(deleted) || 0,
        status: statusOf.get(name) ?? "modified",
      };
    });
  const author = (await git(repository, ["log", "-1", "--format=%an", "--end-of-options", head])).trim();
  return { kind: "known", base, head, files, author: author || null };
}

/** All files of a commit, relative to the repository, sorted. */
export async function listFiles(repository: string, commit: string): Promise<string[]> {
  return (await git(repository, ["ls-tree", "-r", "-z", "--name-only", "--full-tree", "--end-of-options", commit]))
    .split("\0")
    .filter(Boolean);
}
