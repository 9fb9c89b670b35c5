/**
 * Processes that a build left behind, where it has no process namespace. They carry a mark in their environment, which daemons
 * inherit too, or hold a folder or file of the build.
 */
import { readdir, readFile, readlink } from "node:fs/promises";
import { sep } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** The variable that marks what a build starts. */
export const markName = "REPRO_CHECK_BUILD";

/** Whether a process is in a folder, has its root there, or a file of it open. */
async function holds(pid: string, folder: string): Promise<boolean> {
  const files = await readdir(`/proc/${pid}/fd`).catch(() => []);
  for (const link of ["cwd", "root", "exe", ...files.map((file) => `fd/${file}`)]) {
    const path = await readlink(`/proc/${pid}/${link}`).catch(() => "");
    if (`${path}${sep}`.startsWith(folder + sep)) return true;
  }
  return false;
}

/** Processes of a build; empty where the system does not show them (only Linux does). */
async function marked(mark: string, folder: string): Promise<{ pid: number; name: string }[]> {
  if (process.platform !== "linux") return [];
  const wanted = `${markName}=${mark}`;
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid);
  const found = await Promise.all(
    pids.map(async (pid) => {
      // Processes of others cannot be read, and some have ended by now.
      const environment = await readFile(`/proc/${pid}/environ`, "latin1").catch(() => "");
      if (!environment.split("\0").includes(wanted) && !(await holds(pid, folder))) return undefined;
      const name = (await readFile(`/proc/${pid}/comm`, "utf8").catch(() => "")).trim();
      const state = (await readFile(`/proc/${pid}/stat`, "latin1").catch(() => "")).split(") ").at(-1)?.[0];
      return state === "Z" || state === undefined ? undefined : { pid: Number(pid), name };
    }),
  );
  return found.filter((process) => process !== undefined);
}

/** A process that is just starting a program shows no environment for a moment, so nothing is believed only the third time. */
async function markedForSure(mark: string, folder: string): ReturnType<typeof marked> {
  for (let look = 0; look < 2; look++) {
    const found = await marked(mark, folder);
    if (found.length > 0) return found;
    await sleep(30);
  }
  return marked(mark, folder);
}

/**
 * Ends what a build left running, after a moment in which it may end by itself.
 * @param grace milliseconds of that moment
 * @param folder of the builds alone
 * @returns names of the processes that did not
 */
export async function endLeftovers(mark: string, grace: number, folder: string): Promise<string[]> {
  const until = Date.now() + grace;
  let left = await markedForSure(mark, folder);
  while (left.length > 0 && Date.now() < until) {
    await sleep(100);
    left = await markedForSure(mark, folder);
  }
  const names = [...new Set(left.map(({ name }) => name))].sort();
  // What is ended may have started something by then.
  for (let round = 0; left.length > 0 && round < 50; round++) {
    for (const { pid } of left) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // It has ended, or belongs to another user.
      }
    }
    await sleep(20);
    left = await markedForSure(mark, folder);
  }
  return names;
}
