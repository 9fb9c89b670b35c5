/** After the job, also when it failed or was cancelled: files of secrets go, variables are blanked. */
import { exportVariable, warning } from "@actions/core";
import { say } from "@goatnote/action-io";
import { readTraces, removeTrace } from "./state.ts";

export async function post(): Promise<void> {
  const { files, variables } = readTraces(process.env);
  const kept: string[] = [];
  for (const file of files) if (!(await removeTrace(file))) kept.push(file);
  for (const variable of variables) exportVariable(variable, "");
  if (kept.length > 0)
    warning(`Files with secrets could not be removed: ${kept.join(", ")}. Remove them on the runner.`);
  const removed = files.length - kept.length;
  if (removed > 0)
    say(
      `Removed ${removed} ${removed === 1 ? "file" : "files"}. On a self-hosted runner its bytes may stay on the disk until they are overwritten.`,
    );
  if (variables.length > 0)
    say(
      `Blanked ${variables.length} variables for what still runs in this job. What steps copied from them, and processes they left, keep them.`,
    );
}
