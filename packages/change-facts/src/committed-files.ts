/** Files as a commit has them, whatever lies on the disk. */
import { createHash } from "node:crypto";
import { commitId, explain, GitError, tryGit } from "./git.ts";

// Neither the network nor options of the job's own git have a say here.
const env = {
  GIT_NO_LAZY_FETCH: "1",
  GIT_CONFIG: undefined,
  GIT_CONFIG_COUNT: undefined,
  GIT_CONFIG_PARAMETERS: undefined,
};

/** Names of the files, no folders, at the root of a commit. Throws GitError where the clone does not have the commit. */
export async function rootFiles(repo: string, commit: string): Promise<string[]> {
  const root = await treeAt(repo, await rootOf(repo, commit));
  return [...root].flatMap(([name, { isFile }]) => (isFile ? [name] : []));
}

/**
 * The bytes of a file in a commit. Each object on the way from the commit's id to them is hashed again, so that they are what
 * the id says, whatever was written into the clone.
 * @param path from the repository's root, with forward slashes
 * @throws GitError where the clone does not have the commit, the commit has no such file, or an object is not what its id says
 */
export async function fileAt(repo: string, commit: string, path: string): Promise<Buffer> {
  const names = path.split("/");
  const file = names.pop()!;
  const missing = new GitError(`The commit ${commit} has no file ${path}.`);
  let tree = await treeAt(repo, await rootOf(repo, commit));
  for (const name of names) {
    const folder = tree.get(name);
    if (!folder?.isFolder) throw missing;
    tree = await treeAt(repo, folder.id);
  }
  const entry = tree.get(file);
  if (!entry?.isFile) throw missing;
  return objectAt(repo, "blob", entry.id);
}

/** The id of a commit's tree. */
async function rootOf(repo: string, commit: string): Promise<string> {
  const header = (await objectAt(repo, "commit", commitId(commit))).toString("latin1");
  return /^tree ([0-9a-f]+)\n/.exec(header)![1]!;
}

interface Entry {
  id: string;
  isFile: boolean;
  isFolder: boolean;
}

/** Entries of a tree, by name: each is its mode, a space, its name, a zero byte, and the bytes of its id. */
async function treeAt(repo: string, id: string): Promise<Map<string, Entry>> {
  const content = await objectAt(repo, "tree", id);
  const entries = new Map<string, Entry>();
  for (let at = 0; at < content.length; ) {
    const [space, zero] = [content.indexOf(" ", at), content.indexOf(0, at)];
    const [mode, name] = [content.toString("latin1", at, space), content.toString("utf8", space + 1, zero)];
    at = zero + 1 + id.length / 2;
    const entry = content.toString("hex", zero + 1, at);
    entries.set(name, { id: entry, isFile: /^100\d{3}$/.test(mode), isFolder: mode === "40000" });
  }
  return entries;
}

/** The bytes of an object, whose id is a hash of them. https://git-scm.com/book/en/v2/Git-Internals-Git-Objects */
async function objectAt(repo: string, type: "commit" | "tree" | "blob", id: string): Promise<Buffer> {
  const result = await tryGit(repo, ["cat-file", type, id], { encoding: "latin1", env });
  if (result.code !== 0) throw new GitError(explain(repo, "cat-file", result));
  const content = Buffer.from(result.stdout, "latin1");
  const hash = createHash(id.length === 40 ? "sha1" : "sha256")
    .update(`${type} ${content.length}\0`)
    .update(content);
  if (hash.digest("hex") !== id)
    throw new GitError(`The ${type} ${id} in ${repo} is not what its id says; check the repository out again.`);
  return content;
}
