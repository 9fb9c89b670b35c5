/** A report of diffoscope beside ours, bounded in time and size. https://diffoscope.org */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { run, UserError } from "@goatnote/action-io";

const longestMs = 10 * 60_000;

const notInstalled = "Input `diffoscope` is `always`, and it is not installed (apt-get install diffoscope-minimal).";

/** Before anything is built, that what is asked for is there. */
export async function requireDiffoscope(when: "auto" | "always" | "never"): Promise<void> {
  if (when !== "always") return;
  try {
    await run(["diffoscope", "--version"], { timeoutMs: 60_000, check: false });
  } catch (error) {
    if (/could not be started: not found/.test((error as Error).message)) throw new UserError(notInstalled);
  }
}

/** @returns what the reader should know, or undefined when there is nothing to say */
export async function runDiffoscope(
  when: "auto" | "always" | "never",
  first: string,
  second: string,
  output: string,
  deadline: number,
): Promise<string | undefined> {
  if (when === "never") return undefined;
  const timeoutMs = Math.min(longestMs, deadline - Date.now());
  if (timeoutMs < 1000) return "There was no time left for diffoscope.";
  await mkdir(output, { recursive: true });
  const report = join(output, "diffoscope.txt");
  const argv = [
    "diffoscope",
    "--exclude-directory-metadata=recursive",
    "--max-text-report-size=1048576",
    "--no-progress",
    `--text=${report}`,
    first,
    second,
  ] as [string, ...string[]];
  try {
    const { code, stderr } = await run(argv, { timeoutMs, check: false, maxOutput: 8 * 1024 * 1024 });
    return code === 0 || code === 1
      ? "A report of diffoscope is in the output folder."
      : `diffoscope failed: ${stderr.trim().split("\n").at(-1)}`;
  } catch (error) {
    if (when === "auto" && /could not be started: not found/.test((error as Error).message)) return undefined;
    return (error as Error).message;
  }
}
