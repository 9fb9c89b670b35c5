/** Keys and code of strangers do not meet: a job that has secrets and a checked-out pull request stops here. */
import { dirname } from "node:path";
import { run, UserError, type WorkflowContext } from "@goatnote/action-io";

/** Events that have the repository's secrets although a stranger may have caused them. */
const privileged = ["pull_request_target", "workflow_run", "issue_comment"];

/**
 * @param files the files that will be decrypted
 * @throws UserError when the event has secrets for strangers and something else is checked out than the commit of this repository that the event runs on
 */
export async function refuseCheckedOutHead(
  { event, sha, workspace }: WorkflowContext,
  files: readonly string[],
): Promise<void> {
  if (!privileged.includes(event)) return;
  for (const folder of new Set([workspace, ...files.map((file) => dirname(file))])) {
    const head = await headOf(folder);
    if (head === sha) continue;
    const found = head === null ? "what is there is no git checkout" : `${head.slice(0, 12)} is checked out there`;
    throw new UserError(
      `The event ${event} gives this job the repository's secrets, and ${folder} does not hold the commit of this repository that it runs on (${sha.slice(0, 12)}): ${found}. Code of a stranger could read what is decrypted. Decrypt in a job that checks out no pull request; if nothing of it is ever run, set \`allow-pull-request-head: true\`.`,
    );
  }
}

async function headOf(folder: string): Promise<string | null> {
  const { code, stdout } = await run(
    ["git", "-c", "safe.directory=*", "-c", "safe.bareRepository=explicit", "-C", folder, "rev-parse", "HEAD"],
    {
      check: false,
      timeoutMs: 60_000,
    },
  ).catch(() => ({ code: 1, stdout: "" }));
  return code === 0 ? stdout.trim() : null;
}
