/** Runs test files one by one, each in a process group of its own that ends at a time limit, with nothing inherited. */
import { spawn } from "node:child_process";
import { once } from "node:events";

export interface Suite {
  /** The program and its arguments; `{file}` stands for the test file, `{work}` for the checkout. */
  command: readonly string[];
  work: string;
  /** All that the tests see beside PATH, HOME and TMPDIR. */
  env: Record<string, string>;
  /** An empty folder. */
  home: string;
  limitMs: number;
}

export interface Outcome {
  status: "pass" | "fail" | "timeout";
  durationMs: number;
}

/** Runs one test file; no exit code other than 0 is a pass. */
export async function runFile({ command, work, env, home, limitMs }: Suite, file: string): Promise<Outcome> {
  const filled = [...command].map((part) => part.replaceAll("{file}", file).replaceAll("{work}", work));
  const started = performance.now();
  const child = spawn(filled[0]!, filled.slice(1), {
    cwd: work,
    env: { PATH: process.env.PATH, HOME: home, TMPDIR: home, ...env },
    stdio: "ignore",
    detached: true,
  });
  let isLate = false;
  const end = (): void => {
    try {
      process.kill(-child.pid!, "SIGKILL"); // all that it started
    } catch {}
  };
  const timer = setTimeout(() => {
    isLate = true;
    end();
  }, limitMs);
  const [code] = await once(child, "exit");
  clearTimeout(timer);
  end();
  const durationMs = performance.now() - started;
  return { status: isLate ? "timeout" : code === 0 ? "pass" : "fail", durationMs: Math.round(durationMs * 10) / 10 };
}
