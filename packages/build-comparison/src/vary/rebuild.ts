/** The varied rebuild: prepares what the machine allows, builds twice, and says of each variation what became of it. */
import { join, sep } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Built, buildOnce, leastApartMs, type Recipe } from "./build.ts";
import type { Conditions } from "./conditions.ts";
import { sharedEnvironment } from "./environment.ts";
import { showsEffect } from "./facts.ts";
import { findCulprits } from "./groups.ts";
import { changedSince, snapshot } from "./outside.ts";
import { hiddenCheckout, passagesInto, privateFolders } from "./private.ts";
import { BuildProblem } from "./problem.ts";
import {
  firstConditions,
  preparations,
  type VariationName,
  variationNames,
  vary,
  type Workshop,
} from "./variations.ts";

/** What became of a variation. */
export interface VariationReport {
  name: VariationName;
  /**
   * `applied`: it was seen to be in effect. `unavailable`: this machine cannot. `no-effect`: it was made, and changed
   * nothing that can be seen here. `breaks-build`: the build fails under it, so it was left out. `not-asked`: as told.
   */
  status: "applied" | "unavailable" | "no-effect" | "breaks-build" | "not-asked";
  detail: string;
}

/** Two builds, and what was different for the second. */
export interface VariedBuilds {
  first: Built;
  second: Built;
  variations: VariationReport[];
  /** Paths outside of its own folders that the first build left or changed, or another program meanwhile. */
  leftOutside: string[];
  /** Whether there was too much to look at all of it. */
  lookedInPart: boolean;
  /** Builds again, with only some of the variations that were applied. */
  again: (names: readonly VariationName[]) => Promise<Built>;
}

/** What is said while it goes on. */
export type Tell = (text: string) => void;

/** Wraps the output of one build, which is not ours. */
export type Group = <T>(title: string, build: () => Promise<T>) => Promise<T>;

/**
 * @param asked variations that are wanted
 * @throws BuildProblem when the build gives no result to compare, even without variations
 */
export async function buildVaried(
  recipe: Recipe,
  workshop: Workshop,
  asked: readonly VariationName[],
  group: Group,
  tell: Tell,
): Promise<VariedBuilds> {
  const changes = new Map<VariationName, Partial<Conditions>>();
  const reports = new Map<VariationName, VariationReport>();
  for (const name of variationNames) {
    if (!asked.includes(name)) {
      reports.set(name, { name, status: "not-asked", detail: "" });
      continue;
    }
    const prepared = await preparations[name](workshop);
    if ("change" in prepared) changes.set(name, prepared.change);
    else reports.set(name, { name, status: "unavailable", detail: prepared.unavailable });
  }
  const original = firstConditions(changes.has("aslr"));
  const kept = (name: string): string => join(recipe.base, "kept", name);

  const { outside, skip } = readable(recipe);
  const before = snapshot(outside, skip);
  const first = await group("First build", () => buildOnce(recipe, original, kept("first")));
  const changedOutside = changedSince(before, skip);
  // A build that hangs under a variation, waiting for a network perhaps, is not to use up all the time.
  const patience = 120_000 + 5 * (first.ended - first.started);
  const conditionsOf = (names: readonly VariationName[]): Conditions => {
    const wanted = names.map((name) => changes.get(name) ?? {});
    // A file system of memory lists the latest first: in the opposite order, when made in the order of the first.
    const order = names.includes("file-order") ? { order: first.facts.listing } : {};
    return vary(original, [...wanted, order]);
  };
  const attempt = async (title: string, names: readonly VariationName[], keepAs: string): Promise<Built> => {
    await sleep(Math.max(0, first.started + leastApartMs - Date.now()));
    const limited = { ...recipe, deadline: Math.min(recipe.deadline, Date.now() + patience) };
    return group(title, () => buildOnce(limited, conditionsOf(names), keepAs));
  };

  let names = [...changes.keys()];
  let second: Built;
  try {
    second = await attempt(`Second build, with ${names.join(", ") || "no variation"}`, names, kept("second"));
  } catch (error) {
    if (!mayBeOfVariation(error, recipe) || names.length === 0) throw error;
    const { breaking, built } = await withoutBreaking(
      recipe,
      names,
      error,
      (some, title) => attempt(title, some, kept("second")),
      tell,
    );
    for (const [name, detail] of breaking) reports.set(name, { name, status: "breaks-build", detail });
    names = names.filter((name) => !breaking.has(name));
    second = built;
  }
  for (const name of names) {
    const applied = showsEffect(name, first.facts, second.facts);
    reports.set(name, { name, status: applied ? "applied" : "no-effect", detail: detailOf(name, first, second) });
  }
  const applied = names.filter((name) => reports.get(name)?.status === "applied");
  return {
    first,
    second,
    variations: variationNames.map((name) => reports.get(name)!),
    leftOutside: changedOutside.filter((path) => !applied.includes("home") || !hiddenWithHome(recipe, path)),
    lookedInPart: before.cutShort,
    again: (some) =>
      attempt(
        `Build again, with ${some.join(", ") || "no variation"}`,
        applied.filter((name) => some.includes(name)),
        kept("again"),
      ),
  };
}

/**
 * What builds share: the home, and of what every program may write all of it where no mounts can be made, else what variables
 * name.
 */
function readable({ machine, base, sources }: Recipe): { outside: string[]; skip: string[] } {
  const { HOME = "", RUNNER_TEMP = "" } = machine.environment;
  const { workspace } = sources;
  const own = machine.privilege !== "none";
  const folders = privateFolders(RUNNER_TEMP, own ? hiddenCheckout(workspace, HOME) : "");
  const environment = sharedEnvironment(machine.environment, workspace, join(base, "tree"));
  const shared = own ? passagesInto(folders, Object.values(environment), base) : [...folders, "/dev/shm"];
  return { outside: [HOME, ...shared].filter(Boolean), skip: [base, workspace, ...(own ? folders : [])] };
}

/** Whether a build with another home does not see a path, since it has caches of its own there and no variable names these. */
function hiddenWithHome({ machine: { environment } }: Recipe, path: string): boolean {
  const caches = join(environment.HOME ?? "", ".cache");
  const ours = `${path}${sep}`.startsWith(caches + sep);
  return (
    ours && !Object.entries(environment).some(([name, value]) => name !== "XDG_CACHE_HOME" && value.includes(caches))
  );
}

function mayBeOfVariation(error: unknown, { deadline, cancelled }: Recipe): error is BuildProblem {
  if (cancelled.aborted || Date.now() >= deadline) return false;
  return error instanceof BuildProblem && error.kind !== "leftovers";
}

/** Leaves out what the build cannot live with: first what builds most often need, then by halves. */
async function withoutBreaking(
  recipe: Recipe,
  names: readonly VariationName[],
  problem: BuildProblem,
  attempt: (names: readonly VariationName[], title: string) => Promise<Built>,
  tell: Tell,
): Promise<{ breaking: Map<VariationName, string>; built: Built }> {
  let last: unknown = problem;
  const attempted = async (some: readonly VariationName[], why: string): Promise<Built | undefined> => {
    tell(`The second build gave no result (${problem.message}) ${why}`);
    try {
      return await attempt(some, `Second build, with ${some.join(", ") || "no variation"}`);
    } catch (error) {
      if (!mayBeOfVariation(error, recipe)) throw error;
      last = error;
      return undefined;
    }
  };
  const breaking = new Map<VariationName, string>();
  const remaining = (): VariationName[] => names.filter((name) => !breaking.has(name));
  if (names.includes("network")) {
    const others = names.filter((name) => name !== "network");
    const built = await attempted(others, "It is tried with the network.");
    if (built) return { breaking: new Map([["network", problem.message]]), built };
  }
  const { alone, together } = await findCulprits(names, async (some) => {
    return (await attempted(some, `It is tried with ${some.join(", ")} alone.`)) === undefined;
  });
  for (const name of [...alone, ...together]) breaking.set(name, problem.message);
  const built = await attempted(remaining(), "It is tried without what breaks it.");
  if (!built) throw last;
  return { breaking, built };
}

/** What a variation changed, in the build's own view. */
function detailOf(name: VariationName, first: Built, second: Built): string {
  const [a, b] = [first.facts, second.facts];
  const both = (x: string, y: string): string => (x === y ? x : `${x} and ${y}`);
  switch (name) {
    case "path":
      return both(a.path, b.path);
    case "home":
      return both(a.home, b.home);
    case "user":
      return both(`${a.user} (${a.uid})`, `${b.user} (${b.uid})`);
    case "timezone":
      return both(a.zone, b.zone);
    case "locale":
      return second.conditions.env.LC_ALL ?? "";
    case "umask":
      return both(a.umask, b.umask);
    case "time":
      return `${Math.round((Number(b.clock) - Number(a.clock)) / 86_400)} days apart`;
    case "hostname":
      return both(a.hostname, b.hostname);
    case "kernel":
      return both(a.kernel, b.kernel);
    case "cpus":
      return both(a.cpus, b.cpus);
    case "aslr":
      return "fixed and random addresses";
    case "file-order":
      return "directories list in another order";
    case "mtimes":
      return "sources are 370 days older";
    case "environment":
      return "other run numbers, a longer PATH, a variable more";
    case "parallelism":
      return both(a.jobs || "MAKEFLAGS not set", b.jobs);
    case "network":
      return "off";
  }
}
