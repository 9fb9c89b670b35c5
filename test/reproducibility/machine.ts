/**
 * What checks of tests find in their environment: a locale beside C to vary, made once for all tests, and a PATH. Neither names
 * this repository: where it is a folder of /tmp, every check would look through all of it, since builds can see it.
 */
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join, sep } from "node:path";

const folder = join(tmpdir(), `goatnote-locales-${process.getuid?.()}`);
const root = dirname(dirname(import.meta.dirname));

const isOurs = (path: string): boolean => `${path}${sep}`.startsWith(root + sep);

/** This process's variables without those that lead here, of which npm sets a dozen; PATH has its other folders. */
export function variablesOfMachine(): Record<string, string> {
  const { PATH = "", ...others } = process.env;
  const path = PATH.split(delimiter).filter((folder) => !isOurs(folder));
  const kept = Object.entries(others).filter(([, value]) => !value?.includes(root)) as [string, string][];
  return { ...Object.fromEntries(kept), PATH: path.join(delimiter) };
}

/**
 * Where programs find the locale. Without it, each check on a machine that has none but C makes one for itself, in two seconds,
 * as a check of the zoo still does.
 */
export function localeVariables(): Record<string, string> {
  if (process.platform !== "linux") return {};
  if (!existsSync(folder)) {
    const making = mkdtempSync(`${folder}-`);
    // Readable for the other users that checks are run as.
    chmodSync(making, 0o755);
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
