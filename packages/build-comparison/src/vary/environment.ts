/** What a build finds in its environment, and the folders that it names. */
import { mkdir, readdir, symlink } from "node:fs/promises";
import { basename, join } from "node:path";
import { childEnvironment } from "@goatnote/action-io";
import type { Conditions, Folders } from "./conditions.ts";
import type { Machine } from "./machine.ts";
import { markName } from "./processes.ts";

/** Where a build's tree is, and all folders that were made for it. */
export interface Placed {
  folders: Folders;
  tree: string;
  places: string[];
}

/**
 * The environment of a build: what the job has, in folders of the build's own, without the caches of other builds.
 * @param mark that its processes are found by
 */
export async function environmentFor(
  { environment: inherited, withheld }: Pick<Machine, "environment" | "withheld">,
  mark: string,
  { env, otherHome }: Conditions,
  { folders: { root, seenAt }, tree }: Placed,
): Promise<{ changes: Record<string, string | undefined>; all: Record<string, string> }> {
  for (const folder of ["tmp", "cache"]) await mkdir(join(root, folder));
  if (otherHome) await linkHome(inherited.HOME!, join(root, "home"));
  const changes: Record<string, string | undefined> = {
    ...Object.fromEntries(withheld.map((name) => [name, undefined])),
    // Also what is kept although a child would not get it by itself.
    ...inherited,
    [markName]: mark,
    GITHUB_WORKSPACE: join(seenAt, "tree", basename(tree)),
    TMPDIR: join(seenAt, "tmp"),
    RUNNER_TEMP: join(seenAt, "tmp"),
    // A build that is served from the cache of the one before it is not built again.
    XDG_CACHE_HOME: join(seenAt, "cache"),
    GOCACHE: undefined,
    CCACHE_DISABLE: "1",
    SCCACHE_RECACHE: "1",
    ...(otherHome && { HOME: join(seenAt, "home") }),
    ...env,
  };
  return { changes, all: childEnvironment(inherited, [], changes) };
}

/** Another home with the same toolchains and settings in it, and with caches of its own. */
async function linkHome(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true });
  for (const name of await readdir(from).catch(() => [])) {
    if (name !== ".cache") await symlink(join(from, name), join(to, name));
  }
}
