import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

export interface ProcessOptions {
  command: string;
  args: string[];
  cwd: string;
  /** The whole environment; nothing is inherited. */
  env: Record<string, string>;
  /** Milliseconds; none where absent. */
  timeout?: number;
  onLine: (line: string) => void;
  /** Told the process group, which outlives the step when the step leaves processes behind. */
  onGroup: (pid: number) => void;
}

/** How long pipes may stay open after the process itself has ended, when it left children that hold them. */
const graceMs = 100;

/** Runs a process to its end. @returns its exit code, or "timeout" */
export async function runProcess(options: ProcessOptions): Promise<number | "timeout"> {
  const { command, args, cwd, env, timeout, onLine, onGroup } = options;
  const grouped = process.platform !== "win32";
  const child = spawn(command, args, { cwd, env, detached: grouped, stdio: ["ignore", "pipe", "pipe"] });
  if (child.pid) onGroup(child.pid);
  let timedOut = false;
  const timer =
    timeout === undefined
      ? undefined
      : setTimeout(() => {
          timedOut = true;
          killGroup(child.pid);
        }, timeout);
  for (const stream of [child.stdout, child.stderr]) createInterface({ input: stream }).on("line", onLine);
  const closed = new Promise((resolve) => child.once("close", resolve));
  try {
    const code = await new Promise<number>((resolve, reject) => {
      child.once("error", (error) => reject(new Error(`${command} cannot be started: ${error.message}`)));
      child.once("exit", (exitCode, signal) => resolve(exitCode ?? (signal ? 128 : 1)));
    });
    let wait: NodeJS.Timeout | undefined;
    await Promise.race([closed, new Promise((resolve) => (wait = setTimeout(resolve, graceMs)))]);
    clearTimeout(wait);
    return timedOut ? "timeout" : code;
  } finally {
    clearTimeout(timer);
  }
}

/** Ends a process and what it started. */
export function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(process.platform === "win32" ? pid : -pid, "SIGKILL");
  } catch {
    // It has ended already.
  }
}
