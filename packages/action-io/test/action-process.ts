/** For tests: JavaScript run in a process of its own, as a runner starts an action, with `io` being this package. */
import { type ChildProcess, spawn } from "node:child_process";
import { text } from "node:stream/consumers";

const entry = JSON.stringify(new URL("../src/index.ts", import.meta.url));

/** @param env all that the process gets, beside what it needs to start */
export function startAction(body: string, env: Record<string, string> = {}): ChildProcess {
  return spawn(process.execPath, ["--input-type=module", "-e", `import * as io from ${entry};\n${body}`], {
    env: { PATH: process.env.PATH, SystemRoot: process.env.SystemRoot, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
}

/** Waits for the end of a started process; line ends are those of Unix. */
export async function ended(child: ChildProcess): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const code = new Promise<number | null>((resolve, reject) => child.on("close", resolve).on("error", reject));
  const [stdout, stderr] = await Promise.all([text(child.stdout!), text(child.stderr!)]);
  return { code: await code, stdout: stdout.replaceAll("\r\n", "\n"), stderr: stderr.replaceAll("\r\n", "\n") };
}

/** Runs to the end. */
export const runAction = (body: string, env?: Record<string, string>) => ended(startAction(body, env));
