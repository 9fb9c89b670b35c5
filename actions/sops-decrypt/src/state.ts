/** What the post step has to undo. Names and paths only: the runner writes state to its debug log. */
import { rm, rmdir } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { saveState } from "@actions/core";

/** Files to remove, and variables to blank. */
export interface Traces {
  files: string[];
  variables: string[];
}

const name = "traces";

/** Notes what is about to be left, before it is: a step that is killed is cleaned up after all the same. */
export const noteTraces = (traces: Traces): void => saveState(name, JSON.stringify(traces));

/** What was noted; the runner hands state over as `STATE_<name>`. */
export function readTraces(environment: NodeJS.ProcessEnv): Traces {
  const noted = environment[`STATE_${name}`] ?? "";
  return noted === "" ? { files: [], variables: [] } : (JSON.parse(noted) as Traces);
}

/** Removes a file, and its folder where that is one of ours. @returns false when it could not be removed */
export async function removeTrace(path: string): Promise<boolean> {
  try {
    await rm(path, { force: true });
    if (basename(dirname(path)).startsWith("goatnote-sops-")) await rmdir(dirname(path)).catch(() => {});
    return true;
  } catch {
    return false;
  }
}
