/** A Nix that is ended at a deadline: a program beside the real one notes which process it becomes. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Nix } from "@goatnote/nix-store";

// A Nix that is told to end ends its builders first.
const graceMs = 10_000;
const lookEveryMs = 250;

/**
 * For one call that may take long.
 * @param folder of ours
 * @param deadline milliseconds since 1970; asked again and again, since a cancelled job has none left
 */
export async function inTime(
  nix: Nix,
  folder: string,
  deadline: () => number,
): Promise<{ nix: Nix; ended: () => boolean }> {
  const [program, pidFile] = [join(folder, "nix-in-time"), join(folder, "nix-in-time.pid")];
  const quoted = (path: string): string => `'${path.replaceAll("'", "'\\''")}'`;
  await writeFile(program, `#!/bin/sh\necho $$ > ${quoted(pidFile)}\nexec ${quoted(nix.program)} "$@"\n`, {
    mode: 0o700,
  });
  let isEnded = false;
  let since = 0;
  const watch = async (): Promise<void> => {
    if (Date.now() < deadline()) return;
    const pid = Number(await readFile(pidFile, "utf8").catch(() => ""));
    if (!(pid > 1)) return;
    since ||= Date.now();
    try {
      process.kill(pid, Date.now() - since > graceMs ? "SIGKILL" : "SIGTERM");
      isEnded = true;
    } catch {
      // It has ended.
      clearInterval(timer);
    }
  };
  const timer = setInterval(() => void watch(), lookEveryMs);
  timer.unref();
  return {
    nix: { ...nix, program },
    ended: () => {
      clearInterval(timer);
      return isEnded;
    },
  };
}
