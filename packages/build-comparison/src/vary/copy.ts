/** A working copy of the sources. What git does not track is left out: leftovers of an earlier build would be taken for its result. */
import { constants, type Stats } from "node:fs";
import { chmod, copyFile, glob, lstat, lutimes, mkdir, opendir, readlink, symlink, utimes } from "node:fs/promises";
import { dirname, join, sep } from "node:path";
import { run } from "@goatnote/action-io";
import { slashed } from "../manifest/scan.ts";

/** What is to be copied: paths relative to the workspace, each parent before its children. */
export interface Sources {
  workspace: string;
  paths: string[];
  bytes: number;
  /** Caches within files that were asked for, which are not copied. */
  leftOut: string[];
  /** Files and folders that git neither tracks nor ignores and nobody asked for, which are not copied. */
  untracked: string[];
  /** False outside of git, where everything is copied and nothing tells leftovers from sources. */
  git: boolean;
}

/** How a copy differs from its original. */
export interface CopyOptions {
  /** Added to every modification time, in milliseconds. */
  mtimeShift?: number;
  /** Whether files are writable for their group, as after a checkout under umask 0002. */
  groupWrite?: boolean;
  /** Paths in the order in which they are made, which some file systems show in their listings. */
  order?: readonly string[];
}

// A build that is served from a cache is not built again. These are what build tools call theirs.
const cacheNames =
  /^(\.cache|\.ccache|\.sccache|\.turbo|\.parcel-cache|\.eslintcache|\.stylelintcache|\.vite|\.vitest|\.nuxt|\.swc|\.rollup\.cache|\.rpt2_cache.*|\.angular|\.webpack|\.rts2_cache.*|\.pytest_cache|\.mypy_cache|\.ruff_cache|\.hypothesis|__pycache__|\.build-cache|.*\.tsbuildinfo)$/;
// And what is one only below a folder of its tool.
const cachePlaces = /(^|\/)(\.nx|\.next|\.yarn|\.gradle|\.docusaurus)\/(cache|caches|build-cache)(-\d+)?$/;

/** The first folder or file on the way to a path that is a cache, unless a pattern names it. */
export function cacheOn(path: string, patterns: readonly string[]): string | undefined {
  const parts = slashed(path).split("/");
  const named = patterns.flatMap((pattern) => slashed(pattern).split("/"));
  for (const [i, part] of parts.entries()) {
    const here = parts.slice(0, i + 1).join("/");
    const isCache = cacheNames.test(part) || cachePlaces.test(here);
    if (isCache && !named.includes(part)) return here;
  }
  return undefined;
}

/**
 * Lists what a build is made from: in a git checkout what git tracks, and the repository itself.
 * @param also globs of other files that the build needs, such as `node_modules`
 * @param skip absolute paths that are not copied
 */
export async function listSources(
  workspace: string,
  also: readonly string[],
  skip: readonly string[],
): Promise<Sources> {
  const tracked = await trackedPaths(workspace);
  const found = new Map<string, Stats>();
  const leftOut = new Set<string>();
  const add = async (path: string, patterns: readonly string[] = []): Promise<void> => {
    const full = join(workspace, path);
    if (path !== "" && found.has(path)) return;
    const cache = patterns.length > 0 ? cacheOn(path, patterns) : undefined;
    if (cache !== undefined) {
      leftOut.add(cache);
      return;
    }
    if (skip.some((folder) => full === folder || full.startsWith(folder + sep))) return;
    const stats = await lstat(full).catch(() => undefined);
    if (!stats) return; // tracked and deleted
    if (path !== "") {
      await addParents(path);
      found.set(path, stats);
    }
    if (!stats.isDirectory()) return;
    for await (const entry of await opendir(full))
      await add(path === "" ? entry.name : join(path, entry.name), patterns);
  };
  const addParents = async (path: string): Promise<void> => {
    const parent = dirname(path);
    if (parent === "." || found.has(parent)) return;
    await addParents(parent);
    found.set(parent, await lstat(join(workspace, parent)));
  };
  if (tracked === null) await add("");
  else {
    for (const path of [".git", ...tracked.paths]) await add(path);
    for await (const path of glob(also, { cwd: workspace })) await add(path, also);
  }
  const bytes = found.values().reduce((sum, stats) => sum + (stats.isFile() ? stats.size : 0), 0);
  const ours = (path: string): boolean =>
    skip.some((folder) => `${folder}${sep}`.startsWith(join(workspace, path, sep)));
  return {
    workspace,
    paths: [...found.keys()],
    bytes,
    leftOut: [...leftOut].sort(),
    untracked: (tracked?.others ?? []).filter((path) => !found.has(path) && !ours(path)),
    git: tracked !== null,
  };
}

/** What git tracks, and what it neither tracks nor ignores; null when the folder is not the top of a git checkout. */
async function trackedPaths(workspace: string): Promise<{ paths: string[]; others: string[] } | null> {
  if (!(await lstat(join(workspace, ".git")).catch(() => undefined))) return null;
  const list = async (...args: string[]): Promise<string[]> => {
    const argv = ["git", "-C", workspace, "ls-files", "-z", ...args] as [string, ...string[]];
    const { stdout } = await run(argv, { maxOutput: 512 * 1024 * 1024 });
    return stdout.split("\0").filter(Boolean);
  };
  const others = await list("--others", "--exclude-standard", "--directory", "--no-empty-directory");
  return {
    paths: await list("--cached", "--recurse-submodules"),
    others: others.map((path) => path.replace(/\/$/, "")),
  };
}

/** Makes a working copy in the folder `to`, which must be empty. Links are copied as links. */
export async function copySources({ workspace, paths }: Sources, to: string, options: CopyOptions = {}): Promise<void> {
  const { mtimeShift = 0, groupWrite, order } = options;
  const all = await Promise.all(paths.map(async (path) => ({ path, stats: await lstat(join(workspace, path)) })));
  if (order) {
    const places = new Map(order.map((path, i) => [path, i]));
    const place = (path: string): number => places.get(path) ?? order.length;
    all.sort((a, b) => place(a.path) - place(b.path));
  }
  const directories = all.filter(({ stats }) => stats.isDirectory());
  const permissions = (path: string, { mode }: Stats): number =>
    groupWrite === undefined || isRepository(path) || !(mode & 0o040)
      ? mode & 0o7777
      : groupWrite
        ? (mode & 0o7777) | 0o020
        : mode & 0o7777 & ~0o020;
  const time = (path: string, { mtimeMs }: Stats): number => (mtimeMs + (isRepository(path) ? 0 : mtimeShift)) / 1000;
  const copy = async ({ path, stats }: { path: string; stats: Stats }): Promise<void> => {
    const target = join(to, path);
    const seconds = time(path, stats);
    if (stats.isDirectory()) await mkdir(target, { recursive: true });
    else if (stats.isSymbolicLink()) {
      await symlink(await readlink(join(workspace, path)), target);
      await lutimes(target, seconds, seconds);
    } else if (stats.isFile()) {
      await copyFile(join(workspace, path), target, constants.COPYFILE_FICLONE);
      await chmod(target, permissions(path, stats));
      await utimes(target, seconds, seconds);
    }
  };
  if (!order) for (const directory of directories) await copy(directory);
  const queue = (order ? all : all.filter(({ stats }) => !stats.isDirectory())).values();
  const worker = async (): Promise<void> => {
    for (const each of queue) await copy(each);
  };
  // One after the other where their order is the point.
  await Promise.all(Array.from({ length: order ? 1 : 8 }, worker));
  for (const { path, stats } of directories.reverse()) {
    const seconds = time(path, stats);
    await chmod(join(to, path), permissions(path, stats));
    await utimes(join(to, path), seconds, seconds);
  }
}

const isRepository = (path: string): boolean => path === ".git" || path.startsWith(`.git${sep}`);
