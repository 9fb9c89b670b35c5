/**
 * Starts other programs: argv in, nothing secret inherited, output streamed or captured, never a shell.
 * `node:child_process` and not `@actions/exec`, which has no time limit, drops the signal that ended a child,
 * and cannot pass a cancellation on.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { redact } from "./secrets.ts";

/** How a child is started. */
export interface RunOptions {
  cwd?: string;
  /** Variables to add to the inherited ones; `undefined` removes one. */
  env?: Record<string, string | undefined>;
  /** Names of variables that would be stripped as secret, and that this child needs. */
  keep?: readonly string[];
  /** Which variables are inherited; without it all that are not secret. */
  only?: RegExp;
  /** Text or bytes for standard input; without it the child reads end-of-file at once. */
  input?: string | Uint8Array;
  /** Milliseconds until the child is killed. */
  timeoutMs?: number;
  /** Bytes of standard output, and of standard error, that are kept; more is an error. Default 64 MiB. */
  maxOutput?: number;
  /** How bytes of standard output become text: `utf8` (default), or `latin1`, which keeps each byte as one character. */
  encoding?: "utf8" | "latin1";
  /** `capture` (default) keeps the output and returns it; `inherit` streams it to our own. */
  output?: "capture" | "inherit";
  /** Gets standard error as it comes, which is then not kept. */
  onStderr?: (chunk: Buffer) => void;
  /** With true (default), an exit code other than 0 or a signal is an error. */
  check?: boolean;
}

/** How a child ended. */
export interface RunResult {
  /** Exit code; null when a signal ended it. */
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

/** A child that could not be started, ended badly, ran too long or wrote too much. */
export class SubprocessError extends Error {
  override name = "SubprocessError";
}

// Inputs, state and tokens of the action that runs now, and what the runner hands to actions only.
const secretNames = /^(INPUT_|STATE_|ACTIONS_)|TOKEN$|^(GITHUB_(ENV|OUTPUT|STATE|PATH|STEP_SUMMARY|ARTIFACTS))$/i;

// Windows looks for a program in the working directory first, where a change under test may have put a `git.exe`; with
// this variable it does not: https://learn.microsoft.com/windows/win32/api/processenv/nf-processenv-needcurrentdirectoryforexepathw
const searchOnlyPath = { NoDefaultCurrentDirectoryInExePath: "1" };

// Node's timers take no more, and fire at once instead.
const longestTimer = 2 ** 31 - 1;
// A child that has ended may leave a process (a daemon) that holds its output open; what it wrote by then is the output.
const lingerMs = 5000;

/**
 * The environment a child gets: ours without inputs, state, runner credentials, tokens and the runner's command files.
 * On Windows it has a variable by which programs are found on PATH only, unless `changes` sets or removes it.
 * @param keep names that stay although they look secret
 * @param changes variables to set; `undefined` removes one
 * @param platform on `win32` names that differ in case only are the same
 */
export function childEnvironment(
  parent: NodeJS.ProcessEnv,
  keep: readonly string[] = [],
  changes: Record<string, string | undefined> = {},
  platform: NodeJS.Platform = process.platform,
): Record<string, string> {
  const same = (name: string): string => (platform === "win32" ? name.toUpperCase() : name);
  const kept = new Set(keep.map(same));
  const asked = new Set(Object.keys(changes).map(same));
  const search = Object.entries(platform === "win32" ? searchOnlyPath : {}).filter(([name]) => !asked.has(same(name)));
  const added = [...search, ...Object.entries(changes)];
  const changed = new Set(added.map(([name]) => same(name)));
  const inherited = Object.entries(parent).filter(
    ([name]) => !changed.has(same(name)) && (!secretNames.test(name) || kept.has(same(name))),
  );
  const all = [...inherited, ...added];
  return Object.fromEntries(all.filter((entry): entry is [string, string] => entry[1] !== undefined));
}

/**
 * Runs a program to its end. SIGINT and SIGTERM of our own process are passed on while it runs.
 * @param argv program and arguments; never interpreted by a shell
 * @throws SubprocessError when it cannot be started, ends badly (unless `check: false`), runs too long or writes too much
 */
export async function run(argv: readonly [string, ...string[]], options: RunOptions = {}): Promise<RunResult> {
  // Before it starts: it may be quicker to say that it is ready than we are to be told of signals.
  const stopPassing = passSignals();
  try {
    return await runToEnd(argv, options);
  } finally {
    stopPassing();
  }
}

async function runToEnd(argv: readonly [string, ...string[]], options: RunOptions): Promise<RunResult> {
  const { check = true, maxOutput = 64 * 1024 * 1024, timeoutMs } = options;
  const [program] = argv;
  const child = start(argv, options);
  const release = (): void => {
    child.stdout?.destroy();
    child.stderr?.destroy();
  };
  let fault: string | undefined;
  const stop = (reason: string): void => {
    fault ??= reason;
    child.kill("SIGKILL");
    // Grandchildren may hold the pipes open; nobody reads them any more.
    release();
  };
  let timer = timeoutMs
    ? setTimeout(() => stop(`ran longer than ${timeoutMs} ms`), Math.min(timeoutMs, longestTimer))
    : undefined;
  child.once("exit", () => {
    clearTimeout(timer);
    // After one more turn of the event loop, in which what is in the pipes is read.
    timer = setTimeout(() => setImmediate(release), lingerMs);
  });
  const captured = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
  for (const name of ["stdout", "stderr"] as const) {
    let bytes = 0;
    child[name]?.on("data", (chunk: Buffer) => {
      if (name === "stderr" && options.onStderr) return options.onStderr(chunk);
      bytes += chunk.length;
      if (bytes > maxOutput) stop(`wrote more than ${maxOutput} bytes to ${name}`);
      else captured[name].push(chunk);
    });
  }
  // A child that ends without reading its input closes the pipe; its exit code tells more than our write error.
  child.stdin?.on("error", () => {}).end(options.input);
  running.add(child);
  try {
    const [code, signal] = (await once(child, "close")) as [number | null, NodeJS.Signals | null];
    const text = (chunks: Buffer[], encoding?: "utf8" | "latin1"): string => Buffer.concat(chunks).toString(encoding);
    const result = { code, signal, stdout: text(captured.stdout, options.encoding), stderr: text(captured.stderr) };
    if (fault) throw new SubprocessError(`${program} ${fault} and was stopped.`);
    if (check && code !== 0) throw new SubprocessError(endedBadly(argv, result));
    return result;
  } catch (error) {
    throw error instanceof SubprocessError ? error : notStarted(program, error);
  } finally {
    clearTimeout(timer);
    running.delete(child);
  }
}

function start([program, ...args]: readonly [string, ...string[]], options: RunOptions): ChildProcess {
  const output = options.output === "inherit" ? "inherit" : "pipe";
  // The program itself is looked for by our own environment.
  if (process.platform === "win32") Object.assign(process.env, searchOnlyPath);
  try {
    return spawn(program, args, {
      cwd: options.cwd,
      env: childEnvironment(inherited(options.only), options.keep, options.env),
      stdio: [options.input === undefined ? "ignore" : "pipe", output, output],
      shell: false,
      windowsHide: true,
    });
  } catch (error) {
    throw notStarted(program, error);
  }
}

const inherited = (only: RegExp | undefined): NodeJS.ProcessEnv =>
  only ? Object.fromEntries(Object.entries(process.env).filter(([name]) => only.test(name))) : process.env;

function notStarted(program: string, error: unknown): SubprocessError {
  const { code, message } = error as NodeJS.ErrnoException;
  const reasons: Record<string, string> = {
    ENOENT: "not found: is it installed and on PATH, and does the working directory exist?",
    E2BIG: "its arguments or environment are too long for the system.",
  };
  return new SubprocessError(redact(`${program} could not be started: ${reasons[code ?? ""] ?? message}`), {
    cause: error,
  });
}

/** Redacted before it is cut: part of a secret would not be found any more. */
function endedBadly([program, ...args]: readonly [string, ...string[]], { code, signal, stderr }: RunResult): string {
  const words = [program, ...args.slice(0, 3)].map(redact);
  const command = words.map((word) => (word.length > 100 ? `${word.slice(0, 100)}…` : word)).join(" ");
  const lastLines = redact(stderr).trim().split("\n").slice(-3).join(" ").slice(-500);
  return `${command} ended with ${signal ?? `exit code ${code}`}${lastLines ? `: ${lastLines}` : "."}`;
}

const running = new Set<ChildProcess>();
const passOn = (signal: NodeJS.Signals): void => {
  for (const child of running) child.kill(signal);
};

// One listener per signal for all children: Node warns of a leak from the eleventh listener on.
let passing = 0;

/** Has signals passed on to what runs. @returns what ends it */
function passSignals(): () => void {
  if (passing++ === 0) process.on("SIGINT", passOn).on("SIGTERM", passOn);
  return () => {
    if (--passing === 0) process.off("SIGINT", passOn).off("SIGTERM", passOn);
  };
}
