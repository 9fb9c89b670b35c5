/**
 * The tree that an action's own repository holds: what a commit of this repository has in `dist/<action>`, with one rewrite.
 * It is read from git and not from the folder, so no setting of the machine (line ends, umask) can be in it.
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";

/** A file as git keeps it. */
export interface TreeFile {
  /** From the root of the tree, with forward slashes. */
  path: string;
  mode: string;
  content: Buffer;
}

/** Runs git in a folder. @returns what it wrote */
export function git(folder: string, args: string[], options: { input?: string | Buffer; env?: object } = {}): Buffer {
  const { input = "", env = {} } = options;
  return execFileSync("git", ["-C", folder, ...args], {
    input,
    env: { ...process.env, ...env },
    stdio: ["pipe", "pipe", "pipe"],
    maxBuffer: 1 << 28,
  });
}

/** The same, as text without the line end. */
export const gitText = (...args: Parameters<typeof git>): string =>
  git(...args)
    .toString()
    .trimEnd();

/**
 * The files of `dist/<action>` in a commit, as they are published.
 * @throws Error when a file is missing that users need, or one is there that an action's repository must not have
 */
export function releaseTree(repository: string, commit: string, action: string): TreeFile[] {
  const listed = gitText(repository, ["ls-tree", "-r", "-z", `${commit}:dist/${action}`])
    .split("\0")
    .filter(Boolean);
  const entries = listed.map((line) => {
    const [, mode = "", kind, hash = "", path = ""] = /^(\d+) (\w+) (\w+)\t(.*)$/s.exec(line) ?? [];
    if (kind !== "blob" || mode === "120000") throw new Error(`dist/${action}/${path} is no plain file.`);
    return { path, mode, hash };
  });
  const contents = blobs(
    repository,
    entries.map(({ hash }) => hash),
  );
  const files = entries.map(({ path, mode }, i) => ({ path, mode, content: contents[i] as Buffer }));
  const paths = files.map(({ path }) => path);
  const missing = ["action.yml", "README.md", "LICENSE", "licences.txt"].filter((file) => !paths.includes(file));
  if (missing.length > 0) throw new Error(`dist/${action} has no ${missing.join(", ")}.`);
  // A workflow there would run with that repository's token, and the Marketplace takes no action beside workflows.
  const workflow = paths.find((path) => /(^|\/)\.github\//.test(path));
  if (workflow) throw new Error(`dist/${action} has ${workflow}; an action's own repository holds no workflows.`);
  return files.map((file) => (/(^|\/)action\.ya?ml$/.test(file.path) ? rewritten(file, action) : file));
}

/** Contents by their names, in one process: each is answered as `<name> blob <size>`, a line end, the bytes, a line end. */
function blobs(repository: string, hashes: string[]): Buffer[] {
  const answer = git(repository, ["cat-file", "--batch"], { input: `${hashes.join("\n")}\n` });
  let at = 0;
  return hashes.map(() => {
    const start = answer.indexOf("\n", at) + 1;
    const size = Number(answer.subarray(at, start).toString().split(" ")[2]);
    at = start + size + 1;
    return answer.subarray(start, start + size);
  });
}

/** Here `$/` is this repository, there the action's own: `$/dist/<action>/run` becomes `$/run`. */
function rewritten(file: TreeFile, action: string): TreeFile {
  const text = file.content.toString().replaceAll(`uses: $/dist/${action}/`, "uses: $/");
  const left = /\$\/dist\/\S*/.exec(text)?.[0];
  if (left) throw new Error(`dist/${action}/${file.path} uses ${left}, which is not in the action's own repository.`);
  return { ...file, content: Buffer.from(text) };
}

/**
 * The name that git gives a tree, computed here and not by git: trees and blobs as in
 * https://git-scm.com/book/en/v2/Git-Internals-Git-Objects. SHA-1, 40 hex digits.
 */
export function treeHash(files: TreeFile[]): string {
  const entries = new Map<string, { mode: string; hash: string }>();
  const folders = new Map<string, TreeFile[]>();
  for (const file of files) {
    const [first = "", ...rest] = file.path.split("/");
    if (rest.length === 0) entries.set(first, { mode: file.mode, hash: objectHash("blob", file.content) });
    else folders.set(first, [...(folders.get(first) ?? []), { ...file, path: rest.join("/") }]);
  }
  for (const [name, inside] of folders) entries.set(`${name}/`, { mode: "40000", hash: treeHash(inside) });
  const sorted = [...entries].sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  const body = sorted.flatMap(([name, { mode, hash }]) => [
    Buffer.from(`${mode} ${name.replace(/\/$/, "")}\0`),
    Buffer.from(hash, "hex"),
  ]);
  return objectHash("tree", Buffer.concat(body));
}

function objectHash(kind: "blob" | "tree", content: Buffer): string {
  return createHash("sha1").update(`${kind} ${content.length}\0`).update(content).digest("hex");
}
