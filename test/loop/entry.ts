/** One action started by itself, as the runner starts it: its inputs and variables, files for outputs and summary. */
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { nodeFor } from "@goatnote/rehearsal/node";
import { parse } from "yaml";
import { localeVariables, variablesOfMachine } from "../reproducibility/machine.ts";

export interface Ended {
  code: number | null;
  /** What the log holds, standard output and errors. */
  log: string;
  outputs: Record<string, string>;
  summary: string;
}

/**
 * Runs `main` of an action to its end.
 * @param action `<action>[/<sub-action>]` below the folder of built actions
 * @param inputs beside the defaults of its action.yml; expressions among these are empty
 * @param workspace where it starts; `_temp` beside it is the runner's temporary folder, and `_home` the home
 * @param through a command that starts it, such as one that cuts off the network or changes the user
 */
export async function runEntry(
  actions: string,
  action: string,
  inputs: Record<string, string>,
  workspace: string,
  env: Record<string, string> = {},
  through: readonly string[] = [],
): Promise<Ended> {
  // Of its own also the home, through which a check of a build looks.
  const [temp, home] = [`${workspace}_temp`, `${workspace}_home`];
  for (const folder of [temp, home]) mkdirSync(folder, { recursive: true });
  const [output, summary] = [join(temp, "output"), join(temp, "summary")];
  for (const file of [output, summary]) rmSync(file, { force: true });
  for (const file of [output, summary]) writeFileSync(file, "");
  const metadata = parse(readFileSync(join(actions, action, "action.yml"), "utf8")) as {
    inputs: Record<string, { default?: string }>;
  };
  const defaults = Object.entries(metadata.inputs).map(([name, { default: value = "" }]) => [
    name,
    value.includes("${{") ? "" : value,
  ]);
  const given = Object.entries({ ...(Object.fromEntries(defaults) as Record<string, string>), ...inputs });
  const [program, ...args] = [...through, ...nodeFor(action), join(actions, action, "main.js")];
  const child = spawn(program!, args, {
    cwd: workspace,
    env: {
      PATH: process.env.PATH,
      HOME: home,
      GITHUB_ACTIONS: "true",
      GITHUB_REPOSITORY: "octo/lab",
      GITHUB_EVENT_NAME: "push",
      GITHUB_REF: "refs/heads/main",
      GITHUB_RUN_ID: "17",
      GITHUB_JOB: "test",
      GITHUB_WORKSPACE: workspace,
      GITHUB_OUTPUT: output,
      GITHUB_STEP_SUMMARY: summary,
      RUNNER_TEMP: temp,
      ...(action === "repro-check" && { ...localeVariables(), PATH: variablesOfMachine().PATH }),
      ...Object.fromEntries(given.map(([name, value]) => [`INPUT_${name.toUpperCase()}`, value])),
      ...env,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const code = new Promise<number | null>((resolve) => child.on("close", resolve));
  const [out, errors] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return {
    code: await code,
    log: out + errors,
    outputs: outputsIn(output),
    summary: existsSync(summary) ? readFileSync(summary, "utf8") : "",
  };
}

/** https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands#multiline-strings */
function outputsIn(file: string): Record<string, string> {
  const found = readFileSync(file, "utf8").matchAll(/^([\w-]+)<<(\S+)\n([\s\S]*?)\n?\2$/gm);
  return Object.fromEntries([...found].map(([, name, , value]) => [name, value]));
}
