/** What git knows of the files of a change beyond their lines: decision points, age, and who worked on them. */

import { isShallow } from "./commits.ts";
import { decisionPoints } from "./decision-points.ts";
import { blobsBetween, type Change, type ChangedFile } from "./diff.ts";
import { commitId, git } from "./git.ts";

/** Facts of one changed file; null where git cannot tell. */
export interface FileFacts {
  /** Decision points after the change less those before it. */
  decisionDelta: number | null;
  /** Days between the last change of the file before this one, and this one; null for a new file too. */
  ageDays: number | null;
  /** How many people changed the file before, of those in the commits that were read. */
  authors: number | null;
}

export interface ChangeFacts {
  /** By path. */
  files: Map<string, FileFacts>;
  /** The clone is shallow, so ages and authors of files that last changed before its end are not known. */
  historyTruncated: boolean;
}

// What lies further back says little of what breaks today, and costs time.
const mostCommits = 5000;
const mostFiles = 300;
const mostBytes = 1024 * 1024;
const mostBytesOfAll = 64 * mostBytes;

/**
 * Reads the facts of a change. Of more than 300 files, the first 300 have facts. A shallow clone is left as it is:
 * to deepen it would change what later steps find.
 * @throws GitError with the reason
 */
export async function changeFacts(repo: string, change: Change): Promise<ChangeFacts> {
  const files = change.files.slice(0, mostFiles);
  const deltas = await decisionDeltas(repo, change, files);
  const { past, truncated } = await pastOf(repo, change, files);
  const facts = files.map(({ path }): [string, FileFacts] => {
    const known = past.get(path);
    return [
      path,
      {
        decisionDelta: deltas.get(path) ?? null,
        ageDays: known?.ageDays ?? null,
        authors: known?.authors.size ?? (truncated ? null : 0),
      },
    ];
  });
  return { files: new Map(facts), historyTruncated: truncated };
}

/** Decision points after less before, of files in a known language on both sides; a side without the file has none. */
async function decisionDeltas(
  repo: string,
  { base, head }: Change,
  files: readonly ChangedFile[],
): Promise<Map<string, number>> {
  const wanted = files.filter(({ path, status }) => status !== "type-changed" && decisionPoints(path, "") !== null);
  if (wanted.length === 0) return new Map();
  const blobs = await blobsBetween(repo, base, head);
  const ids = wanted.flatMap(({ path }) => blobs.get(path) ?? []).filter((id) => !/^0+$/.test(id));
  const contents = await blobContents(repo, ids);
  const deltas = new Map<string, number>();
  for (const { path } of wanted) {
    const sides = (blobs.get(path) ?? []).map((id) => {
      const text = /^0+$/.test(id) ? "" : contents.get(id);
      return text === undefined ? null : decisionPoints(path, text);
    });
    const [before, after] = sides;
    if (typeof before === "number" && typeof after === "number") deltas.set(path, after - before);
  }
  return deltas;
}

/** The texts of blobs, without those that are too large to be written by hand. */
async function blobContents(repo: string, ids: readonly string[]): Promise<Map<string, string>> {
  const sizes = await git(repo, ["cat-file", "--batch-check"], { input: lines(ids) });
  let sum = 0;
  const small = sizes
    .trim()
    .split("\n")
    .flatMap((line) => {
      const [id = "", type, size] = line.split(" ");
      if (type !== "blob" || Number(size) > mostBytes || sum + Number(size) > mostBytesOfAll) return [];
      sum += Number(size);
      return id;
    });
  const contents = new Map<string, string>();
  if (small.length === 0) return contents;
  // https://git-scm.com/docs/git-cat-file#_batch_output
  const output = Buffer.from(
    await git(repo, ["cat-file", "--batch"], { input: lines(small), encoding: "latin1" }),
    "latin1",
  );
  for (let at = 0; at < output.length; ) {
    const end = output.indexOf("\n", at);
    const [id = "", , size] = output.toString("latin1", at, end).split(" ");
    contents.set(id, output.toString("utf8", end + 1, end + 1 + Number(size)));
    at = end + 1 + Number(size) + 1;
  }
  return contents;
}

const lines = (ids: readonly string[]): string => ids.map((id) => `${id}\n`).join("");

interface FilePast {
  ageDays: number;
  authors: Set<string>;
}

/** Walks back from the base, commit by commit; a renamed file has the past of its former self. */
async function pastOf(
  repo: string,
  { base, head }: Change,
  files: readonly ChangedFile[],
): Promise<{ past: Map<string, FilePast>; truncated: boolean }> {
  const past = new Map<string, FilePast>();
  if (base === null) return { past, truncated: false };
  const truncated = await isShallow(repo);
  const now = Number((await git(repo, ["log", "-1", "--format=%ct", commitId(head), "--"])).trim());
  const former = new Map(files.map(({ path, renamedFrom }) => [renamedFrom ?? path, path]));
  const format = ["-z", "--format=%x00%ct%x00%aN%x00%P", "--name-only", "--no-renames", "--no-relative"];
  const log = await git(repo, ["log", `--max-count=${mostCommits}`, ...format, commitId(base), "--"]);
  // Each commit is NUL, time, NUL, author, NUL, parents, NUL, and its paths, each with a NUL behind it; the first path
  // follows a newline. Where a shallow clone ends, the commit without parents seems to add every file.
  let commit: { time: number; author: string } | null = null;
  const fields = log.split("\0");
  for (let at = 0; at < fields.length; at += 1) {
    if (fields[at] === "" && /^\d+$/.test(fields[at + 1] ?? "")) {
      const isEnd = truncated && fields[at + 3] === "";
      commit = isEnd ? null : { time: Number(fields[at + 1]), author: fields[at + 2] ?? "" };
      at += 3;
      continue;
    }
    const path = former.get((fields[at] ?? "").replace(/^\n/, ""));
    if (path === undefined || commit === null) continue;
    const known = past.get(path);
    if (known) known.authors.add(commit.author);
    else past.set(path, { ageDays: Math.max(0, now - commit.time) / 86_400, authors: new Set([commit.author]) });
  }
  return { past, truncated };
}
