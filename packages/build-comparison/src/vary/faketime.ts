/** libfaketime: where it is, how it is told, and what it leaves. https://github.com/wolfcw/libfaketime */
import { existsSync, globSync } from "node:fs";
import { lstat, readdir, rm } from "node:fs/promises";
import { join } from "node:path";

/** The library for programs with threads, or undefined. */
export function libfaketime(): string | undefined {
  const places = ["/usr/lib/*/faketime", "/usr/lib64/faketime", "/usr/lib/faketime", "/usr/local/lib/faketime"];
  return globSync(places.map((place) => `${place}/libfaketimeMT.so.1`)).sort()[0];
}

/** @param aheadMs how far the clock is to be ahead */
export const faketimeVariables = (library: string, aheadMs: number): Record<string, string> => ({
  LD_PRELOAD: library,
  FAKETIME: `+${aheadMs / 1000}s`,
  // Files keep their real times, or make would rebuild what is new; waiting takes as long as it does.
  NO_FAKE_STAT: "1",
  FAKETIME_DONT_FAKE_MONOTONIC: "1",
  DONT_FAKE_MONOTONIC: "1",
});

/** Removes the shared memory that it leaves of processes that have ended since, when they are ours. */
export async function removeFaketimeLeftovers(since: number): Promise<void> {
  const folder = "/dev/shm";
  for (const name of await readdir(folder).catch(() => [])) {
    const [, pid] = /^(?:sem\.)?faketime_(?:shm|sem)_(\d+)$/.exec(name) ?? [];
    if (pid === undefined || existsSync(`/proc/${pid}`)) continue;
    const stats = await lstat(join(folder, name)).catch(() => undefined);
    if (stats && stats.uid === process.getuid?.() && stats.mtimeMs >= since - 1000)
      await rm(join(folder, name), { force: true });
  }
}
