/** What a build makes, among all that is in its folders. */
import { cp, glob, lstat, mkdir, realpath, rename, rm } from "node:fs/promises";
import { dirname, join, relative, sep } from "node:path";
import { run } from "@goatnote/action-io";

/** A build may have taken away the permissions to remove what it made. */
export async function removeFolder(folder: string): Promise<void> {
  try {
    await rm(folder, { recursive: true, force: true });
  } catch {
    await run(["chmod", "-R", "u+rwX", folder], { check: false, timeoutMs: 600_000 });
    await rm(folder, { recursive: true, force: true });
  }
}

export async function emptyFolder(folder: string): Promise<void> {
  await removeFolder(folder);
  await mkdir(folder, { recursive: true });
}

/** Absolute paths that match, none of them inside another, none outside the tree. */
export async function findArtifacts(tree: string, patterns: readonly string[]): Promise<string[]> {
  const real = await realpath(tree);
  const found = new Set<string>();
  for await (const path of glob(patterns, { cwd: tree })) {
    const full = join(tree, path);
    if (path === "" || path === "." || !(await lstat(full).catch(() => undefined))) continue;
    // A link to a folder elsewhere is content itself; what is behind it is not.
    if (`${await realpath(dirname(full))}${sep}`.startsWith(real + sep)) found.add(full);
  }
  return [...found].sort().filter((path, _, all) => !all.some((other) => path.startsWith(other + sep)));
}

/** Moves what matched to a folder, at its path in the tree. */
export async function moveAway(tree: string, paths: readonly string[], to: string): Promise<void> {
  for (const path of paths) {
    const target = join(to, relative(tree, path));
    await mkdir(dirname(target), { recursive: true });
    try {
      await rename(path, target);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EXDEV") throw error;
      await cp(path, target, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true });
    }
  }
}
