/** What a build finds in its environment, and the folders that it names. */
import { mkdir, symlink } from "node:fs/promises";
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
 * @param workspace the checkout, with no link on the way
 */
export async function environmentFor(
  { environment, withheld, homeEntries }: Pick<Machine, "environment" | "withheld" | "homeEntries">,
  mark: string,
  { env, otherHome }: Conditions,
  { folders: { root, seenAt }, tree }: Placed,
  workspace: string,
): Promise<{ changes: Record<string, string | undefined>; all: Record<string, string> }> {
  for (const folder of ["tmp", "cache"]) await mkdir(join(root, folder));
  const copy = join(seenAt, "tree", basename(tree));
  const inherited = movedTo(copy, environment, environment, workspace);
  if (otherHome) await linkHome(environment.HOME!, homeEntries, join(root, "home"));
  const changes: Record<string, string | undefined> = {
    ...Object.fromEntries(withheld.map((name) => [name, undefined])),
    // Also what is kept although a child would not get it by itself.
    ...inherited,
    [markName]: mark,
    GITHUB_WORKSPACE: copy,
    TMPDIR: join(seenAt, "tmp"),
    RUNNER_TEMP: join(seenAt, "tmp"),
    // A build that is served from the cache of the one before it is not built again.
    XDG_CACHE_HOME: join(seenAt, "cache"),
    GOCACHE: undefined,
    CCACHE_DISABLE: "1",
    SCCACHE_RECACHE: "1",
    ...(otherHome && { HOME: join(seenAt, "home") }),
    ...movedTo(copy, env, environment, workspace),
  };
  return { changes, all: childEnvironment(inherited, [], changes) };
}

/** Variables that lead to a copy where they led to the checkout: both builds would find the same there. */
function movedTo<Value extends string | undefined>(
  copy: string,
  variables: Readonly<Record<string, Value>>,
  { GITHUB_WORKSPACE }: Readonly<Record<string, string>>,
  workspace: string,
): Record<string, Value> {
  const checkouts = [GITHUB_WORKSPACE || workspace, workspace];
  const moved = (value: Value): Value =>
    checkouts.reduce<Value>((text, path) => text?.split(within(path)).join(copy) as Value, value);
  return Object.fromEntries(Object.entries(variables).map(([name, value]) => [name, moved(value)]));
}

/**
 * What of a job's variables every build has, whatever its conditions.
 * @param copy a folder that stands for those of the builds
 */
export function sharedEnvironment(
  environment: Readonly<Record<string, string>>,
  workspace: string,
  copy: string,
): Record<string, string> {
  const replaced = ["GITHUB_WORKSPACE", "TMPDIR", "RUNNER_TEMP", "XDG_CACHE_HOME", "GOCACHE"];
  const kept = Object.entries(environment).filter(([name]) => !replaced.includes(name));
  return movedTo(copy, Object.fromEntries(kept), environment, workspace);
}

/** A folder where a text names it or something in it; `/a/lab-2` is not in `/a/lab`. */
export const within = (folder: string): RegExp =>
  new RegExp(`${folder.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}(?![\\w-]|\\.\\w)`, "g");

/** Another home with the same toolchains and settings in it, and with caches of its own. */
async function linkHome(from: string, entries: readonly string[], to: string): Promise<void> {
  await mkdir(to, { recursive: true });
  for (const name of entries) if (name !== ".cache") await symlink(join(from, name), join(to, name));
}
