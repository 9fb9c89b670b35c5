/** What a build makes, among all that is in its folders. */
import { cp, glob, lstat, mkdir, readlink, realpath, rename, rm } from "node:fs/promises";
import { dirname, join, relative, sep } from "node:path";
import { run } from "@goatnote/action-io";
import { BuildProblem } from "./problem.ts";

/**
 * Removes a folder of ours. A build may have taken away the permissions to remove what it made, or have made it as root.
 * @throws BuildProblem when it cannot be removed
 */
export async function removeFolder(folder: string): Promise<void> {
  const remove = (): Promise<void> => rm(folder, { recursive: true, force: true, maxRetries: 3 });
  const options = { check: false, timeoutMs: 600_000 } as const;
  try {
    await remove();
  } catch {
    await run(["chmod", "-R", "u+rwX", folder], options).catch(() => undefined);
    try {
      await remove();
    } catch {
      // Where there is no sudo, no build can have used it.
      await run(["sudo", "--non-interactive", "rm", "-rf", "--", folder], options).catch(() => undefined);
      await remove().catch((error: Error) => {
        throw new BuildProblem("leftovers", `What a build left in ${folder} cannot be removed: ${error.message}`);
      });
    }
  }
}

export async function emptyFolder(folder: string): Promise<void> {
  await removeFolder(folder);
  await mkdir(folder, { recursive: true });
}

/** Something that a build made. */
export interface Artifact {
  /** Absolute, as it was named. */
  path: string;
  /** Where its content is: the path itself, or what a link in its place leads to. */
  from: string;
}

/** What matches, none of it inside another, and whether it is within the tree when links on its way are followed. */
async function matching(tree: string, patterns: readonly string[]): Promise<{ path: string; inside: boolean }[]> {
  const real = await realpath(tree);
  const found = new Map<string, boolean>();
  for await (const name of glob(patterns, { cwd: tree })) {
    const path = join(tree, name);
    if (name === "" || name === "." || !(await lstat(path).catch(() => undefined))) continue;
    found.set(path, `${await realpath(dirname(path))}${sep}`.startsWith(real + sep));
  }
  const paths = [...found].filter(([path]) => !isBelow(path, found));
  return paths.map(([path, inside]) => ({ path, inside })).sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** Whether a folder above the path is among these. */
function isBelow(path: string, among: ReadonlyMap<string, unknown>): boolean {
  const parent = dirname(path);
  return parent !== path && (among.has(parent) || isBelow(parent, among));
}

/**
 * What matches in a tree. A link that matches is followed, since its text alone says nothing of what was built; it stays
 * a link when what it leads to matches too.
 * @param seenAt where the build saw the tree, which links may name
 * @throws BuildProblem for a link out of the tree, to nothing, or to a folder that it is in itself
 */
export async function chooseArtifacts(tree: string, patterns: readonly string[], seenAt = tree): Promise<Artifact[]> {
  const matches = await matching(tree, patterns);
  const real = await realpath(tree);
  const known = new Map(matches.map(({ path }) => [join(real, relative(tree, path)), true]));
  const chosen: Artifact[] = [];
  for (const { path, inside } of matches) {
    const refuse = (why: string): never => {
      const name = relative(tree, path);
      throw new BuildProblem(
        "no-artifacts",
        `\`${name}\` ${why}, so its content is not compared. Have the build put the files themselves there (cp -rL).`,
      );
    };
    if (!inside) refuse("is behind a link that leads out of the build's tree");
    const from = await followed(path, tree, seenAt);
    if (from === path) chosen.push({ path, from });
    else if (from === undefined) refuse("is a link that leads to nothing");
    else if (!from.startsWith(real + sep)) refuse(`is a link to ${from}, out of the build's tree`);
    else if (known.has(from) || isBelow(from, known)) chosen.push({ path, from: path });
    else if (`${await realpath(dirname(path))}${sep}`.startsWith(from + sep)) refuse("is a link to a folder above it");
    else chosen.push({ path, from });
  }
  return chosen;
}

/** What a link leads to in the end; the path itself when it is no link, undefined when nothing is there. */
async function followed(path: string, tree: string, seenAt: string): Promise<string | undefined> {
  if (!(await lstat(path)).isSymbolicLink()) return path;
  const target = await readlink(path);
  const own = target === seenAt || target.startsWith(seenAt + sep);
  return realpath(own ? join(tree, relative(seenAt, target)) : path).catch(() => undefined);
}

/** Removes what matches, and what links that match lead to, as far as it is within the tree. */
export async function removeArtifacts(tree: string, patterns: readonly string[]): Promise<void> {
  const real = await realpath(tree);
  const matches = (await matching(tree, patterns)).filter(({ inside }) => inside);
  const behind = await Promise.all(matches.map(({ path }) => followed(path, tree, tree)));
  const targets = behind.filter((path) => path?.startsWith(real + sep)) as string[];
  for (const path of [...matches.map(({ path }) => path), ...targets]) await rm(path, { recursive: true, force: true });
}

/** Moves what was chosen to a folder, at its path in the tree. What a link leads to is copied, since it may be a source. */
export async function moveAway(tree: string, chosen: readonly Artifact[], to: string): Promise<void> {
  const copy = (from: string, target: string): Promise<void> =>
    cp(from, target, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true });
  const [own, links] = [
    chosen.filter(({ path, from }) => path === from),
    chosen.filter(({ path, from }) => path !== from),
  ];
  for (const { path, from } of [...links, ...own]) {
    const target = join(to, relative(tree, path));
    await mkdir(dirname(target), { recursive: true });
    if (path !== from) {
      await copy(from, target);
      continue;
    }
    try {
      await rename(path, target);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EXDEV") throw error;
      await copy(path, target);
    }
  }
}
