/** Keys and code of strangers do not meet: a job that has secrets and a checked-out pull request stops here. */
import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { basename, dirname, join, relative, sep } from "node:path";
import { run, UserError, type WorkflowContext } from "@goatnote/action-io";

/** Events that have the repository's secrets although a stranger may have caused them. */
const privileged = new Set([
  ...["pull_request_target", "workflow_run", "pull_request_review", "pull_request_review_comment"],
  ...["issues", "issue_comment", "discussion", "discussion_comment", "gollum", "fork", "watch"],
  ...["check_run", "check_suite", "status"],
]);

/**
 * @param files the files that will be decrypted
 * @throws UserError when the event has secrets for strangers and a checkout in the workspace, or a file, is not of the commit that the event runs on
 */
export async function refuseCheckedOutHead(
  { event, sha, workspace }: WorkflowContext,
  files: readonly string[],
): Promise<void> {
  if (!privileged.has(event)) return;
  const refuse = (what: string, found: string): never => {
    throw new UserError(
      `The event ${event} gives this job the repository's secrets, and ${what} is not of the commit of this repository that it runs on (${sha.slice(0, 12)}): ${found}. Code of a stranger could read what is decrypted. Decrypt in a job that checks out no pull request; if nothing of it is ever run, set \`allow-pull-request-head: true\`.`,
    );
  };
  for (const folder of new Set([workspace, ...files.map((file) => dirname(file))])) {
    const head = await revision(folder, "HEAD");
    if (head !== sha)
      refuse(folder, head === null ? "what is there is no git checkout" : `${head.slice(0, 12)} is checked out there`);
  }
  for (const folder of await checkoutsBelow(workspace, deepestCheckout)) {
    const head = await revision(folder, "HEAD");
    // A submodule is at the commit that this repository says.
    const path = relative(workspace, folder).replaceAll(sep, "/");
    if (head === null || (head !== sha && head !== (await revision(workspace, `${sha}:./${path}`))))
      refuse(folder, `${head?.slice(0, 12) ?? "something else"} is checked out there`);
  }
  for (const file of files)
    if (!(await isOfCommit(file, sha))) refuse(file, "it is not tracked there, or was changed since");
}

// Deep enough for `path: pr` of a checkout; further down lie what tools install.
const deepestCheckout = 3;

/** Folders below one that are checkouts of their own. Links are not followed. */
async function checkoutsBelow(folder: string, levels: number): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const inner = entries.filter((entry) => entry.isDirectory() && entry.name !== ".git").map(({ name }) => name);
  const found: string[] = [];
  for (const name of inner) {
    const path = join(folder, name);
    const names = await readdir(path).catch((): string[] => []);
    if (names.includes(".git")) found.push(path);
    if (levels > 1) found.push(...(await checkoutsBelow(path, levels - 1)));
  }
  return found;
}

/** Whether a file holds what the commit holds at its place. Git is not asked for a comparison, as filters are programs. */
async function isOfCommit(file: string, sha: string): Promise<boolean> {
  const wanted = await revision(dirname(file), `${sha}:./${basename(file)}`);
  if (wanted === null) return false;
  const content = await readFile(file);
  // On Windows git may have written CRLF.
  const written = Buffer.from(content.toString("latin1").replaceAll("\r\n", "\n"), "latin1");
  return [content, written].some((bytes) => blobName(bytes, wanted.length) === wanted);
}

/** https://git-scm.com/book/en/v2/Git-Internals-Git-Objects */
const blobName = (content: Buffer, length: number): string =>
  createHash(length === 64 ? "sha256" : "sha1")
    .update(`blob ${content.length}\0`)
    .update(content)
    .digest("hex");

/** The name of an object; null when there is none. Nothing that the checkout configures is run, and nothing fetched. */
async function revision(folder: string, name: string): Promise<string | null> {
  const safe = ["safe.directory=*", "safe.bareRepository=explicit", "protocol.allow=never", "core.fsmonitor=false"];
  const { code, stdout } = await run(
    ["git", ...safe.flatMap((setting) => ["-c", setting]), "-C", folder, "rev-parse", "--verify", "--quiet", name],
    { check: false, timeoutMs: 60_000 },
  ).catch(() => ({ code: 1, stdout: "" }));
  return code === 0 ? stdout.trim() : null;
}
