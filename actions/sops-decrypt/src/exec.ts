/** `sops-decrypt/exec`: one script with the values in its environment, and nothing of the action's own. Its exit code is the step's. */
import { randomUUID } from "node:crypto";
import { accessSync, existsSync, constants as fileConstants } from "node:fs";
import { mkdir, realpath } from "node:fs/promises";
import { constants } from "node:os";
import { delimiter, isAbsolute, join, resolve } from "node:path";
import { readContext, readInputs, run, say, UserError, type Values } from "@goatnote/action-io";
import { nameValues, openFiles, textOfNamed } from "./decrypt-files.ts";
import { execInputs } from "./inputs.ts";
import { writeSecretFile } from "./output-file.ts";
import { noteTraces, removeTrace } from "./state.ts";
import { checkVariables } from "./variables.ts";

export async function exec(): Promise<void> {
  const inputs = readInputs(execInputs, process.env);
  const context = await readContext(process.env);
  const opened = await openFiles(inputs, context);
  if (opened === null) {
    say("The script was not run.");
    return;
  }
  const named = nameValues(opened.files, inputs, "env");
  const environment = environmentOfScript(process.env);
  checkVariables(
    named.map(({ name }) => name),
    new Set(Object.keys(environment)),
    inputs["allow-env"],
  );
  const secrets = Object.fromEntries(named.map((each) => [each.name, textOfNamed(each)]));
  say(`Decrypted and verified ${opened.files.length} files; the script gets ${named.length} values.`);
  await runScript(inputs, context, { ...environment, ...secrets });
}

// Linux takes 128 KiB in one variable, and about 2 MiB in all.
const [longestVariable, longestEnvironment] = [100_000, 1_000_000];

/**
 * Where the system can, the script's shell takes the place of this process: signals reach it directly, and no process is
 * left whose environment (`/proc/<pid>/environ`) shows the script what the action was given.
 */
function replaceProcess(
  [program, ...args]: [string, ...string[]],
  cwd: string,
  environment: Record<string, string>,
): void {
  const sizes = Object.entries(environment).map((entry) => Buffer.byteLength(entry.join("=")));
  const tooLong =
    Math.max(...sizes) > longestVariable || sizes.reduce((sum, size) => sum + size, 0) > longestEnvironment;
  const path = findProgram(program, environment.PATH ?? "");
  if (process.platform === "win32" || !process.execve || tooLong || path === undefined) return;
  process.chdir(cwd);
  process.execve(path, [program, ...args], environment);
}

function findProgram(program: string, path: string): string | undefined {
  const candidates = path
    .split(delimiter)
    .filter(isAbsolute)
    .map((folder) => join(folder, program));
  return candidates.find((candidate) => {
    try {
      accessSync(candidate, fileConstants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** What a `run:` step would have, without what belongs to this action: inputs, state, the runner's tokens, keys of SOPS. */
export function environmentOfScript(environment: NodeJS.ProcessEnv): Record<string, string> {
  const entries = Object.entries(environment).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && !/^(INPUT_|STATE_|ACTIONS_|SOPS_)/i.test(entry[0]),
  );
  return Object.fromEntries(entries);
}

const shells = {
  bash: ["bash", "--noprofile", "--norc", "-eo", "pipefail"],
  sh: ["sh", "-e"],
} as const;

async function runScript(
  inputs: Values<typeof execInputs>,
  { workspace, temp }: { workspace: string; temp: string },
  environment: Record<string, string>,
): Promise<void> {
  const folder = join(await realpath(temp), `goatnote-sops-${randomUUID()}`);
  const script = join(folder, "script.sh");
  noteTraces({ files: [script], variables: [] });
  await mkdir(folder, { mode: 0o700 });
  await writeSecretFile(script, Buffer.from(`${inputs.run}\n`));
  const argv = [...shells[inputs.shell], script] as [string, ...string[]];
  const cwd = resolve(workspace, inputs["working-directory"]);
  if (!existsSync(cwd))
    throw new UserError(`Input \`working-directory\`: there is no folder ${inputs["working-directory"]}.`);
  const without = Object.fromEntries(Object.keys(process.env).map((name) => [name, undefined]));
  replaceProcess(argv, cwd, environment);
  const { code, signal } = await run(argv, {
    cwd,
    env: { ...without, ...environment },
    output: "inherit",
    check: false,
    keep: Object.keys(environment),
  });
  await removeTrace(script);
  process.exitCode = code ?? 128 + (signal ? constants.signals[signal] : 0);
}
