/** The folder for manifest, report and what differs, without anything of an earlier check. */
import { mkdir, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { WorkflowContext } from "@goatnote/action-io";

/**
 * The folder that is given, or one below the runner's temporary folder that no other step of the job has.
 * @param written names in it that the step writes; one of before would pass for its own where it fails
 */
export async function outputFolder(
  given: string,
  { workspace, temp }: WorkflowContext,
  written: readonly string[],
): Promise<string> {
  if (given) {
    const folder = resolve(workspace, given);
    await mkdir(folder, { recursive: true });
    for (const name of written) await rm(join(folder, name), { recursive: true, force: true });
    return folder;
  }
  await mkdir(temp, { recursive: true });
  for (let number = 1; ; number++) {
    const folder = join(temp, number === 1 ? "repro-check" : `repro-check-${number}`);
    try {
      await mkdir(folder);
      return folder;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
  }
}
