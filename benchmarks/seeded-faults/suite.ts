/** Runs test files, one by one or all at once, in a process group of their own that ends at a time limit, with nothing inherited. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { readReports } from "@goatnote/test-reports";

export interface Suite {
  /** The program and its arguments; `{file}` stands for the test file, `{files}` for all of them, `{work}` for the checkout. */
  command: readonly string[];
  /** The JUnit report that a run of all files leaves; without it each file runs alone and its exit code counts. */
  report: string | undefined;
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

/**
 * Runs test files.
 * @returns null where a runner of all files left no whole report: it ended too early, or too late.
 */
export async function runFiles(suite: Suite, files: readonly string[]): Promise<Map<string, Outcome> | null> {
  const { report, work } = suite;
  const found = new Map<string, Outcome>();
  if (!report) {
    for (const file of files) found.set(file, await run(suite, [file]));
    return found;
  }
  rmSync(report, { force: true });
  const { status } = await run(suite, files);
  const read = await readReports([report], { root: work, files });
  if (status === "timeout" || read.invalid.length > 0 || read.executions.length === 0) return null;
  for (const { file, status: verdict, duration_ms } of read.executions) {
    if (file === null || verdict === "skip") continue;
    const outcome = found.get(file) ?? { status: "pass", durationMs: 0 };
    outcome.durationMs += duration_ms ?? 0;
    if (verdict === "fail" || verdict === "error" || verdict === "timeout") outcome.status = "fail";
    found.set(file, outcome);
  }
  return found;
}

/** Runs the command once; no exit code other than 0 is a pass. */
async function run({ command, work, env, home, limitMs }: Suite, files: readonly string[]): Promise<Outcome> {
  const filled = command
    .flatMap((part) => (part === "{files}" ? files : part))
    .map((part) => part.replaceAll("{file}", files[0]!).replaceAll("{work}", work));
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
