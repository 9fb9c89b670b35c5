/** A locale beside C for the check to vary, made once for all tests. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";

const folder = join(import.meta.dirname, "../../build/locales");

/**
 * Where programs find the locale. Without it, each check on a machine that has none but C makes one for itself, in two seconds,
 * as a check of the zoo still does.
 */
export function localeVariables(): Record<string, string> {
  if (process.platform !== "linux") return {};
  if (!existsSync(folder)) {
    mkdirSync(dirname(folder), { recursive: true });
    const making = mkdtempSync(`${folder}-`);
    const made = join(making, "et_EE.UTF-8");
    const { status } = spawnSync("localedef", ["--no-archive", "-i", "et_EE", "-f", "UTF-8", made], {
      stdio: "ignore",
    });
    if (status !== 0) return {};
    try {
      renameSync(making, folder);
    } catch {
      rmSync(making, { recursive: true }); // another worker was faster
    }
  }
  return { LOCPATH: folder };
}
