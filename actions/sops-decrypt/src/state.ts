/** What the post step has to undo. Names and paths only: the runner writes state to its debug log. */
import { rm, rmdir } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { saveState } from "@actions/core";
import { removePgpHome } from "@goatnote/sops-file";

/** Files to remove, and variables to blank. */
export interface Traces {
  files: string[];
  variables: string[];
}

const name = "traces";

const noted: Traces = { files: [], variables: [] };

/** Notes what is about to be left, before it is: a step that is killed is cleaned up after all the same. */
export function noteTraces({ files, variables }: Traces): void {
  noted.files.push(...files);
  noted.variables.push(...variables);
  saveState(name, JSON.stringify(noted));
}

/** How a home of `gpg` starts its name. It is a folder, and an agent may live in it. */
export const gpgHome = "goatnote-sops-gpg-";

/** What was noted; the runner hands state over as `STATE_<name>`. */
export function readTraces(environment: NodeJS.ProcessEnv): Traces {
  const text = environment[`STATE_${name}`] ?? "";
  return text === "" ? { files: [], variables: [] } : (JSON.parse(text) as Traces);
}

/** Removes a file, and its folder where that is one of ours. @returns false when it could not be removed */
export async function removeTrace(path: string): Promise<boolean> {
  try {
    if (basename(path).startsWith(gpgHome)) await removePgpHome(path);
    else await rm(path, { force: true });
    if (basename(dirname(path)).startsWith("goatnote-sops-")) await rmdir(dirname(path)).catch(() => {});
    return true;
  } catch {
    return false;
  }
}
