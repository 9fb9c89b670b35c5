/** One build: a fresh copy, its conditions, the script, what it left, and nothing running afterwards. */
import { cp, glob, lstat, mkdir, opendir, readdir, realpath, rename, rm, symlink, writeFile } from "node:fs/promises";
import { basename, dirname, join, relative, sep } from "node:path";
import { childEnvironment, run, SubprocessError, UserError } from "@goatnote/action-io";
import type { Entry } from "../manifest/manifest.ts";
import { scan } from "../manifest/scan.ts";
import { type Conditions, commandLine, type Folders } from "./conditions.ts";
import { copySources, type Sources } from "./copy.ts";
import { type Facts, factsScript, readFacts } from "./facts.ts";
import { removeFaketimeLeftovers } from "./faketime.ts";
import type { Machine } from "./machine.ts";
import { endLeftovers, markName } from "./processes.ts";

/** What is built, and how. */
export interface Recipe {
  sources: Sources;
  /** The text of the build script. */
  script: string;
  /** Globs of what the build makes, relative to the tree. */
  artifacts: readonly string[];
  machine: Machine;
  /** The folder where builds happen; ours alone. */
  base: string;
  /** Milliseconds since 1970 at which no build may run any more. */
  deadline: number;
  /** Tells processes of these builds from all others. */
  mark: string;
}

/** A build that ended well. */
export interface Built {
  conditions: Conditions;
  facts: Facts;
  environment: Record<string, string>;
  /** The folder that holds its artifacts now, at their paths in the tree. */
  tree: string;
  artifacts: Entry[];
  /** Milliseconds since 1970, by our own clock. */
  started: number;
  ended: number;
}

/** A build that gave nothing that could be compared. */
export class BuildProblem extends UserError {
  readonly kind: "failed" | "timeout" | "leftovers" | "no-artifacts" | "tree";
  constructor(kind: BuildProblem["kind"], message: string) {
    super(message);
    this.kind = kind;
  }
}

// Another length and other letters than those of the first; part of both is where a build may look for its name.
const firstRoot = "build";
const otherRoot = "the-second-build-is-elsewhere";

// zip counts in steps of two seconds.
export const leastApartMs = 2100;

/**
 * Builds once in a fresh copy.
 * @param keepAs a folder that the artifacts are moved to
 * @throws BuildProblem when there is no result to compare
 */
export async function buildOnce(recipe: Recipe, conditions: Conditions, keepAs: string): Promise<Built> {
  const { sources, machine, base, mark } = recipe;
  const seenAt = join(base, conditions.elsewhere ? otherRoot : firstRoot);
  // Where mounts can be made, the other file system is seen at the same path, so that nothing else changes with it.
  const mounts = machine.privilege !== "none" || conditions.userId !== undefined;
  const root = conditions.otherFileSystem ?? seenAt;
  const folders: Folders = { root, seenAt: mounts ? seenAt : root };
  for (const folder of new Set([root, seenAt])) await emptyFolder(folder);
  await emptyFolder(keepAs);
  // Of the same name for all builds, unless the path is to differ.
  const name = basename(sources.workspace) || "work";
  const treeName = conditions.elsewhere ? `${name}-of-the-second-build` : name;
  const tree = join(root, "tree", treeName);
  await mkdir(tree, { recursive: true });
  const { mtimeShift, groupWrite, order } = conditions;
  await copySources(sources, tree, {
    mtimeShift,
    ...(order && { order }),
    ...(groupWrite !== undefined && { groupWrite }),
  });
  for (const path of await findArtifacts(tree, recipe.artifacts)) await rm(path, { recursive: true, force: true });
  const environment = await environmentFor(recipe, conditions, folders, treeName);
  const script = join(base, "build.sh");
  await writeFile(script, recipe.script, { mode: 0o600 });

  const argv = (program: readonly string[]): [string, ...string[]] =>
    commandLine(conditions, folders, treeName, machine.privilege, machine.identity, environment.all, program);
  const bash = ["bash", "--noprofile", "--norc"];
  const seen = await look(argv([...bash, "-c", factsScript]), environment.changes);
  const facts = await readFacts(seen, tree, await orderIn(root));

  const started = Date.now();
  const failure = await runScript(recipe, argv([...bash, "-eo", "pipefail", script]), environment.changes);
  const leftovers = await endLeftovers(mark, failure ? 0 : 2000);
  if (conditions.faketime) await removeFaketimeLeftovers(started - 60_000);
  if (failure) throw failure;
  if (leftovers.length > 0) {
    throw new BuildProblem(
      "leftovers",
      `The build left processes running (${leftovers.join(", ")}), which could serve the next build. Have the build stop its daemons before it ends.`,
    );
  }
  const ended = Date.now();
  if (!(await lstat(tree).catch(() => undefined))?.isDirectory())
    throw new BuildProblem("tree", "The build removed its own tree.");
  const paths = await findArtifacts(tree, recipe.artifacts);
  if (paths.length === 0) {
    throw new BuildProblem(
      "no-artifacts",
      `The build left nothing that matches \`artifacts\` (${recipe.artifacts.join(", ")}). What matched before was removed, so that only what this build makes is compared.`,
    );
  }
  await keep(tree, paths, keepAs);
  for (const folder of new Set([root, seenAt])) await removeFolder(folder);
  const kept = paths.map((path) => join(keepAs, relative(tree, path)));
  const artifacts = await scan(keepAs, kept);
  if (artifacts.every(({ type }) => type === "directory"))
    throw new BuildProblem("no-artifacts", "What the build left are empty folders, which say nothing.");
  return {
    conditions,
    facts,
    environment: environment.all,
    tree: keepAs,
    artifacts,
    started,
    ended,
  };
}

/** What the facts' script says under a build's conditions. */
async function look(argv: [string, ...string[]], env: Record<string, string | undefined>): Promise<string> {
  try {
    return (await run(argv, { env, timeoutMs: 60_000 })).stdout;
  } catch (error) {
    if (!(error instanceof SubprocessError)) throw error;
    throw new BuildProblem("failed", `Nothing can be started under these conditions: ${error.message}`);
  }
}

/** @returns why the script gave no result, if it gave none */
async function runScript(
  { mark, deadline }: Recipe,
  argv: [string, ...string[]],
  env: Record<string, string | undefined>,
): Promise<BuildProblem | undefined> {
  const left = deadline - Date.now();
  if (left <= 0) return new BuildProblem("timeout", "There is no time left for another build.");
  // All of its processes are ended, not only the one that we started, which may be sudo and not ours to end.
  const timer = setTimeout(() => void endLeftovers(mark, 0), Math.min(left, 2 ** 31 - 1));
  try {
    const { code, signal } = await run(argv, { env, output: "inherit", timeoutMs: left + 10_000, check: false });
    if (Date.now() >= deadline) return timedOut();
    return code === 0
      ? undefined
      : new BuildProblem("failed", `The build ended with ${signal ?? `exit code ${code}`}.`);
  } catch (error) {
    if (error instanceof SubprocessError && Date.now() >= deadline) return timedOut();
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

const timedOut = (): BuildProblem =>
  new BuildProblem("timeout", "The build did not end within `timeout` and was stopped.");

/** In which order a folder beside the tree lists what is made in it. */
async function orderIn(root: string): Promise<string> {
  const folder = join(root, "order");
  await mkdir(folder);
  const names = Array.from({ length: 24 }, (_, i) => `file-${i}`);
  for (const name of names) await writeFile(join(folder, name), "");
  const listed: string[] = [];
  for await (const { name } of await opendir(folder)) listed.push(name);
  await rm(folder, { recursive: true });
  return listed.join(" ");
}

/** A build may have taken away the permissions to remove what it made. */
async function removeFolder(folder: string): Promise<void> {
  try {
    await rm(folder, { recursive: true, force: true });
  } catch {
    await run(["chmod", "-R", "u+rwX", folder], { check: false, timeoutMs: 600_000 });
    await rm(folder, { recursive: true, force: true });
  }
}

async function emptyFolder(folder: string): Promise<void> {
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

async function keep(tree: string, paths: readonly string[], to: string): Promise<void> {
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

/** The environment of a build: what the job has, in folders of the build's own, without the caches of other builds. */
async function environmentFor(
  { machine, mark }: Recipe,
  { env, otherHome }: Conditions,
  { root, seenAt }: Folders,
  tree: string,
): Promise<{ changes: Record<string, string | undefined>; all: Record<string, string> }> {
  for (const folder of ["tmp", "cache"]) await mkdir(join(root, folder));
  if (otherHome) await linkHome(machine.environment.HOME!, join(root, "home"));
  const changes: Record<string, string | undefined> = {
    [markName]: mark,
    GITHUB_WORKSPACE: join(seenAt, "tree", tree),
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
  return { changes, all: childEnvironment(machine.environment, [], changes) };
}

/** Another home with the same toolchains and settings in it, and with caches of its own. */
async function linkHome(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true });
  for (const name of await readdir(from).catch(() => [])) {
    if (name !== ".cache") await symlink(join(from, name), join(to, name));
  }
}
