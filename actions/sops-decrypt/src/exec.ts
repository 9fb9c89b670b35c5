/** `sops-decrypt/exec`: one script with the values in its environment, and nothing of the action's own. Its exit code is the step's. */
import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, realpath } from "node:fs/promises";
import { constants } from "node:os";
import { join, resolve } from "node:path";
import { readContext, readInputs, run, say, UserError, type Values } from "@goatnote/action-io";
import { nameValues, openFiles, textOfNamed } from "./decrypt-files.ts";
import { execInputs } from "./inputs.ts";
import { writeSecretFile } from "./output-file.ts";
import { noteTraces, removeTrace } from "./state.ts";
import { checkVariables } from "./variables.ts";

/** A script that is ready to run. Nothing in it is secret. */
interface Ready {
  argv: [string, ...string[]];
  cwd: string;
  script: string;
}

export async function exec(): Promise<void> {
  const ready = handed();
  if (ready) return runScript(ready, process.env);
  const inputs = readInputs(execInputs, process.env);
  const context = await readContext(process.env);
  const opened = await openFiles(inputs, context);
  if (opened === null) {
    say("The script was not run.");
    return;
  }
  const named = nameValues(opened.files, inputs, "env");
  const own = environmentOfScript(process.env);
  const names = named.map(({ name }) => name);
  checkVariables(names, new Set(Object.keys(own)), inputs["allow-env"]);
  const environment = { ...own, ...Object.fromEntries(named.map((each) => [each.name, textOfNamed(each)])) };
  checkSize(environment);
  const prepared = await prepare(inputs, context);
  const { length } = opened.files;
  say(`Decrypted and verified ${length} ${length === 1 ? "file" : "files"}; the script gets ${names.length} values.`);
  await startAnew(prepared, environment);
  await runScript(prepared, environment);
}

/** What a `run:` step would have, without what belongs to this action: inputs, state, the runner's tokens, keys of SOPS. */
function environmentOfScript(environment: NodeJS.ProcessEnv): Record<string, string> {
  const entries = Object.entries(environment).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && !/^(INPUT_|STATE_|ACTIONS_|SOPS_)/i.test(entry[0]),
  );
  return Object.fromEntries(entries);
}

const shells = {
  bash: ["bash", "--noprofile", "--norc", "-eo", "pipefail"],
  sh: ["sh", "-e"],
} as const;

async function prepare(
  { run: source, shell, "working-directory": directory }: Values<typeof execInputs>,
  { workspace, temp }: { workspace: string; temp: string },
): Promise<Ready> {
  const cwd = resolve(workspace, directory);
  if (!existsSync(cwd)) throw new UserError(`Input \`working-directory\`: there is no folder ${directory}.`);
  const folder = join(await realpath(temp), `goatnote-sops-${randomUUID()}`);
  const script = join(folder, "script.sh");
  noteTraces({ files: [script], variables: [] });
  await mkdir(folder, { mode: 0o700 });
  await writeSecretFile(script, Buffer.from(`${source}\n`));
  return { argv: [...shells[shell], script], cwd, script };
}

const handedOn = "--run=";

/** What this process was started with, where it was started anew. */
function handed(): Ready | null {
  const last = process.argv.at(-1) ?? "";
  return last.startsWith(handedOn) ? (JSON.parse(last.slice(handedOn.length)) as Ready) : null;
}

// Linux takes 128 KiB in one variable, and macOS 1 MiB in all; a failing execve would end this process without a word.
const [longestVariable, longestEnvironment] = [131_000, 1_000_000];

/** @throws UserError for what the system would not start a program with */
function checkSize(environment: Record<string, string>): void {
  if (process.platform === "win32") return;
  const sizes = Object.entries(environment).map((entry) => ({
    name: entry[0],
    size: Buffer.byteLength(entry.join("=")),
  }));
  const largest = sizes.reduce((a, b) => (b.size > a.size ? b : a));
  const advice =
    "The script was not run. Pick what it needs with `keys`, or write large values to a file (`sops-decrypt` with `export: file`).";
  if (largest.size > longestVariable)
    throw new UserError(
      `The variable ${largest.name} has ${largest.size} bytes, more than ${longestVariable}, which the system may not take. ${advice}`,
    );
  const whole = sizes.reduce((sum, { size }) => sum + size, 0);
  if (whole > longestEnvironment)
    throw new UserError(
      `The script's environment has ${whole} bytes, more than ${longestEnvironment}, which the system may not take; the largest of its variables is ${largest.name}. ${advice}`,
    );
}

/**
 * Where the system can, replaces this process by one that was given what the script is given and no more: Linux shows to
 * every process of the user what another was started with (`/proc/<pid>/environ`).
 */
async function startAnew(ready: Ready, environment: Record<string, string>): Promise<void> {
  if (process.platform === "win32" || !process.execve) return;
  // What the streams still hold would be lost with the process.
  for (const stream of [process.stdout, process.stderr])
    await new Promise<void>((resolve) => stream.write("", () => resolve()));
  const [program, file] = process.argv as [string, string];
  process.execve(process.execPath, [program, ...process.execArgv, file, handedOn + JSON.stringify(ready)], environment);
}

async function runScript({ argv, cwd, script }: Ready, environment: NodeJS.ProcessEnv): Promise<void> {
  const without = Object.fromEntries(Object.keys(process.env).map((name) => [name, undefined]));
  try {
    const { code, signal } = await run(argv, {
      cwd,
      env: { ...without, ...environment },
      output: "inherit",
      check: false,
    });
    process.exitCode = code ?? 128 + (signal ? constants.signals[signal] : 0);
  } finally {
    await removeTrace(script);
  }
}
