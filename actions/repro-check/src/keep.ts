/** What differs, kept for whoever wants to look: both versions of each path, within bounds. */
import { cp, lstat, mkdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Difference } from "@goatnote/build-comparison";

const mostBytes = 256 * 1024 * 1024;

/** Copies to `<output>/different/first` and `…/second`. */
export async function keepDifferent(
  differences: readonly Difference[],
  first: string,
  second: string,
  output: string,
): Promise<void> {
  const folder = join(output, "different");
  await rm(folder, { recursive: true, force: true });
  let left = mostBytes;
  for (const { path } of differences) {
    for (const [side, tree] of [
      ["first", first],
      ["second", second],
    ] as const) {
      const from = join(tree, path);
      const stats = await lstat(from).catch(() => undefined);
      if (!stats || stats.isDirectory() || stats.size > left) continue;
      left -= stats.size;
      const to = join(folder, side, path);
      await mkdir(dirname(to), { recursive: true });
      await cp(from, to, { verbatimSymlinks: true });
    }
  }
}
