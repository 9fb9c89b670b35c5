/** One build: a fresh copy, its conditions, the script, what it left, and nothing running afterwards. */
import { lstat, mkdir, opendir, readFile, rm, writeFile } from "node:fs/promises";
import { basename, join, relative } from "node:path";
import { run, SubprocessError } from "@goatnote/action-io";
import type { Entry } from "../manifest/manifest.ts";
import { scan } from "../manifest/scan.ts";
import { chooseArtifacts, emptyFolder, moveAway, removeArtifacts, removeFolder } from "./artifacts.ts";
import { type Conditions, commandLine, handedOver } from "./conditions.ts";
import { copySources, type Sources } from "./copy.ts";
import { environmentFor, type Placed } from "./environment.ts";
import { type Facts, factsScript, readFacts } from "./facts.ts";
import { removeFaketimeLeftovers } from "./faketime.ts";
import type { Machine } from "./machine.ts";
import { type Mount, privateMounts } from "./private.ts";
import { BuildProblem } from "./problem.ts";
import { endLeftovers } from "./processes.ts";

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
  /** Aborted when the job is cancelled: nothing more is built then. */
  cancelled: AbortSignal;
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
  const { machine, base, mark } = recipe;
  const placed = await placeTree(recipe, conditions);
  const { folders, tree } = placed;
  await emptyFolder(keepAs);
  const environment = await environmentFor(machine, mark, conditions, placed, recipe.sources.workspace);
  const script = join(base, "build.sh");
  const report = join(base, "left-running");
  await writeFile(script, recipe.script, { mode: 0o600 });
  await rm(report, { force: true });
  const mounts = await mountsFor(recipe, environment.all);

  const variables = join(base, "variables");
  const argv = async (program: readonly string[], left = ""): Promise<[string, ...string[]]> => {
    if (machine.privilege === "sudo") {
      // One that was not read is removed, since the mode is only given to a new file.
      await rm(variables, { force: true });
      await writeFile(variables, handedOver(environment.all, conditions), { mode: 0o600 });
    }
    const place = { ...folders, tree: basename(tree), mounts, report: left, variables };
    return commandLine(conditions, place, machine, environment.all, program);
  };
  const bash = ["bash", "--noprofile", "--norc"];
  const seen = await look(await argv([...bash, "-c", factsScript]), environment.changes);
  const facts = await readFacts(seen, Date.now(), tree, await orderIn(folders.root));

  const started = Date.now();
  const own = machine.processNamespace;
  const command = await argv([...bash, "-eo", "pipefail", script], own ? report : "");
  const notes = [
    mounts.length > 0 ? hiddenNote : "",
    // As it is wherever a build has mounts.
    mounts.length > 0 && machine.privilege === "user-namespace" ? namespaceNote : "",
  ];
  const failure = await runScript(recipe, command, environment.changes, notes.join(""));
  const leftovers = own && !failure ? await readReport(report) : await endLeftovers(mark, failure ? 0 : 2000, base);
  if (conditions.faketime) await removeFaketimeLeftovers(started - 60_000);
  await rm(variables, { force: true });
  if (failure) throw failure;
  if (leftovers.length > 0) {
    throw new BuildProblem(
      "leftovers",
      `The build left processes running (${leftovers.join(", ")}), which could serve the next build. Have the build stop its daemons before it ends.`,
    );
  }
  const ended = Date.now();
  const artifacts = await collect(recipe, placed, keepAs);
  return { conditions, facts, environment: environment.all, tree: keepAs, artifacts, started, ended };
}

/** What a build sees of its own in place of the machine's, where mounts can be made. */
async function mountsFor({ machine, base, sources }: Recipe, environment: Record<string, string>): Promise<Mount[]> {
  if (machine.privilege === "none") return [];
  return privateMounts(base, sources.workspace, machine.environment.RUNNER_TEMP ?? "", environment);
}

/** The names of processes that were left, if any; they have ended by now. Without any there is no report. */
async function readReport(file: string): Promise<string[]> {
  const names = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") throw error;
    return "";
  });
  return [...new Set(names.split("\n").filter(Boolean))].sort();
}

/** A fresh copy of the sources in its place, without what the build is to make. */
async function placeTree({ sources, machine, base, artifacts }: Recipe, conditions: Conditions): Promise<Placed> {
  const seenAt = join(base, conditions.elsewhere ? otherRoot : firstRoot);
  // Where mounts can be made, the other file system is seen at the same path, so that nothing else changes with it.
  const mounts = machine.privilege !== "none";
  const root = conditions.otherFileSystem ?? seenAt;
  for (const folder of new Set([root, seenAt])) await emptyFolder(folder);
  const name = basename(sources.workspace) || "work";
  const tree = join(root, "tree", conditions.elsewhere ? `${name}-of-the-second-build` : name);
  await mkdir(tree, { recursive: true });
  await copySources(sources, tree, conditions);
  await removeArtifacts(tree, artifacts);
  return { folders: { root, seenAt: mounts ? seenAt : root }, tree, places: [root, seenAt] };
}

/** What a build left, moved away and listed; its folders are removed. */
async function collect(recipe: Recipe, { folders, tree, places }: Placed, keepAs: string): Promise<Entry[]> {
  if (!(await lstat(tree).catch(() => undefined))?.isDirectory())
    throw new BuildProblem("tree", "The build removed its own tree.");
  const seenAt = join(folders.seenAt, relative(folders.root, tree));
  const chosen = await chooseArtifacts(tree, recipe.artifacts, seenAt);
  if (chosen.length === 0) {
    throw new BuildProblem(
      "no-artifacts",
      `The build left nothing that matches \`artifacts\` (${recipe.artifacts.join(", ")}). What matched before was removed, so that only what this build makes is compared.`,
    );
  }
  await moveAway(tree, chosen, keepAs);
  for (const folder of new Set(places)) await removeFolder(folder);
  const artifacts = await scan(
    keepAs,
    chosen.map(({ path }) => join(keepAs, relative(tree, path))),
  );
  if (!artifacts.some(({ type }) => type === "file"))
    throw new BuildProblem(
      "no-artifacts",
      "What the build left holds no file, only folders or links, which say nothing.",
    );
  return artifacts;
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

/**
 * @param note on what a failure may come from
 * @returns why the script gave no result, if it gave none
 */
async function runScript(
  { mark, deadline, cancelled, base }: Recipe,
  argv: [string, ...string[]],
  env: Record<string, string | undefined>,
  note: string,
): Promise<BuildProblem | undefined> {
  const left = deadline - Date.now();
  const stopped = new BuildProblem("cancelled", "The job was cancelled.");
  if (cancelled.aborted) return stopped;
  if (left <= 0) return new BuildProblem("timeout", "There is no time left for another build.");
  // All of its processes are ended, not only the one that we started, which may be sudo and not ours to end, or wait for the
  // first of a namespace, which heeds no signal that it was not told to.
  const stop = (): void => void endLeftovers(mark, 0, base);
  const timer = setTimeout(stop, Math.min(left, 2 ** 31 - 1));
  cancelled.addEventListener("abort", stop);
  try {
    const { code, signal } = await run(argv, { env, output: "inherit", timeoutMs: left + 10_000, check: false });
    if (cancelled.aborted) return stopped;
    if (Date.now() >= deadline) return timedOut();
    return code === 0
      ? undefined
      : new BuildProblem("failed", `The build ended with ${signal ?? `exit code ${code}`}.${note}`);
  } catch (error) {
    if (error instanceof SubprocessError && Date.now() >= deadline) return timedOut();
    throw error;
  } finally {
    clearTimeout(timer);
    cancelled.removeEventListener("abort", stop);
  }
}

const hiddenNote =
  " It saw a copy of what git tracks and of `include-ignored`, and nothing else of the checkout, of /tmp or of the runner's temporary folder. What it needs of them, name in a variable of the step (`env`), or in `include-ignored`.";

const namespaceNote = " It ran in a user namespace, where sudo and setuid programs do nothing.";

const timedOut = (): BuildProblem => new BuildProblem("timeout", "The build did not end in time and was stopped.");

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
