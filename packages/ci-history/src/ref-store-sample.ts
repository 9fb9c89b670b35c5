/** git for the tests and benchmarks: as a ref store wants it, but for this machine's configuration. */
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import type { Run } from "./model.ts";
import type { Git } from "./ref-store-repository.ts";
import { sampleRun } from "./sample-run.ts";

/** A run of some 20 kB that do not compress. */
export function largeRun(id: number): Run {
  const name = () => randomBytes(200).toString("base64");
  const tests = Array.from({ length: 100 }, () => ({ ...sampleRun().tests[0]!, id: name() }));
  return sampleRun({ run_id: String(id), tests });
}

/** git on the private repository `folder`. @param onCall told of each command before it starts */
export function sampleGit(folder: string, onCall: (args: readonly string[]) => void = () => {}): Git {
  return async (args, input) => {
    onCall(args);
    const quiet = ["-c", "gc.auto=0", "-c", "maintenance.auto=false"];
    const child = spawn("git", [`--git-dir=${folder}`, ...quiet, ...args]);
    child.stdin.on("error", () => {}).end(input);
    const chunks: Record<"stdout" | "stderr", Buffer[]> = { stdout: [], stderr: [] };
    for (const name of ["stdout", "stderr"] as const)
      child[name].on("data", (chunk: Buffer) => chunks[name].push(chunk));
    const code = await new Promise<number | null>((ended, failed) => child.on("close", ended).on("error", failed));
    return { code, stdout: Buffer.concat(chunks.stdout), stderr: Buffer.concat(chunks.stderr).toString() };
  };
}
