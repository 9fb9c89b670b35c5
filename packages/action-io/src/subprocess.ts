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
  /** Text for standard input; without it the child reads end-of-file at once. */
  input?: string;
  /** Milliseconds until the child is killed. */
  timeoutMs?: number;
  /** Bytes of standard output, and of standard error, that are kept; more is an error. Default 64 MiB. */
  maxOutput?: number;
  /** `capture` (default) keeps the output and returns it; `inherit` streams it to our own. */
  output?: "capture" | "inherit";
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
const secretNames = /^(INPUT_|STATE_|ACTIONS_)|TOKEN$|^(GITHUB_(ENV|OUTPUT|STATE|PATH|STEP_SUMMARY))$/i;

/**
 * The environment a child gets: ours without inputs, state, runner credentials, tokens and the runner's command files.
 * @param keep names that stay although they look secret
 */
export function childEnvironment(parent: NodeJS.ProcessEnv, keep: readonly string[] = []): Record<string, string> {
  const kept = Object.entries(parent).filter(
    ([name, value]) => value !== undefined && (!secretNames.test(name) || keep.includes(name)),
  );
  return Object.fromEntries(kept) as Record<string, string>;
}

/**
 * Runs a program to its end. SIGINT and SIGTERM of our own process are passed on while it runs.
 * @param argv program and arguments; never interpreted by a shell
 * @throws SubprocessError when it cannot be started, ends badly (unless `check: false`), runs too long or writes too much
 */
export async function run(argv: readonly [string, ...string[]], options: RunOptions = {}): Promise<RunResult> {
  const { output = "capture", check = true, maxOutput = 64 * 1024 * 1024 } = options;
  const [program, ...args] = argv;
  const environment = childEnvironment(process.env, options.keep);
  for (const [name, value] of Object.entries(options.env ?? {})) {
    if (value === undefined) delete environment[name];
    else environment[name] = value;
  }
  const stdio = output === "inherit" ? "inherit" : "pipe";
  const child = spawn(program, args, {
    cwd: options.cwd,
    env: environment,
    stdio: [options.input === undefined ? "ignore" : "pipe", stdio, stdio],
    shell: false,
    windowsHide: true,
  });
  const stopForwarding = forwardSignals(child);
  let fault: string | undefined;
  const stop = (reason: string): void => {
    fault ??= reason;
    child.kill("SIGKILL");
    // Grandchildren may hold the pipes open; nobody reads them any more.
    child.stdout?.destroy();
    child.stderr?.destroy();
  };
  const timer = options.timeoutMs
    ? setTimeout(() => stop(`ran longer than ${options.timeoutMs} ms`), options.timeoutMs)
    : undefined;
  const captured = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
  for (const name of ["stdout", "stderr"] as const) {
    let bytes = 0;
    child[name]?.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > maxOutput) stop(`wrote more than ${maxOutput} bytes to ${name}`);
      else captured[name].push(chunk);
    });
  }
  // A child that ends without reading its input closes the pipe; its exit code tells more than our write error.
  child.stdin?.on("error", () => {}).end(options.input);
  try {
    const [code, signal] = (await once(child, "close")) as [number | null, NodeJS.Signals | null];
    const text = (chunks: Buffer[]): string => Buffer.concat(chunks).toString("utf8");
    const result = { code, signal, stdout: text(captured.stdout), stderr: text(captured.stderr) };
    if (fault) throw new SubprocessError(`${program} ${fault} and was stopped.`);
    if (check && code !== 0) throw new SubprocessError(endedBadly(argv, result));
    return result;
  } catch (error) {
    if (error instanceof SubprocessError) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    const why =
      code === "ENOENT" ? "not found: is it installed and on PATH, and does the working directory exist?" : message;
    throw new SubprocessError(`${program} could not be started: ${why}`, { cause: error });
  } finally {
    clearTimeout(timer);
    stopForwarding();
  }
}

function endedBadly([program, ...args]: readonly [string, ...string[]], { code, signal, stderr }: RunResult): string {
  const command = [program, ...args.slice(0, 3)].join(" ");
  const lastLines = stderr.trim().split("\n").slice(-3).join(" ").slice(-500);
  return redact(`${command} ended with ${signal ?? `exit code ${code}`}${lastLines ? `: ${lastLines}` : "."}`);
}

function forwardSignals(child: ChildProcess): () => void {
  const handlers = (["SIGINT", "SIGTERM"] as const).map((signal) => [signal, () => void child.kill(signal)] as const);
  for (const [signal, handler] of handlers) process.on(signal, handler);
  return () => {
    for (const [signal, handler] of handlers) process.off(signal, handler);
  };
}
