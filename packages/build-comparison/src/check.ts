/** The whole check: two builds, what differs, why, and which variations bring it about. */
import type { Finding } from "./cause/explain.ts";
import { keyOf } from "./cause/explain.ts";
import { explainResults } from "./cause/results.ts";
import type { Scene, Side } from "./cause/scene.ts";
import { Budget } from "./formats/container.ts";
import { compareEntries, type Difference, permissionNotes } from "./manifest/manifest.ts";
import { findProvokers } from "./provokers.ts";
import type { Built } from "./vary/build.ts";
import { BuildProblem } from "./vary/problem.ts";
import type { Tell, VariedBuilds } from "./vary/rebuild.ts";
import { clockShiftMs, type VariationName } from "./vary/variations.ts";

/** A finding, and the variations that bring it about. */
export interface Explained extends Finding {
  /** Empty when it was not looked for, or not found. */
  provokedBy: VariationName[];
  /** It differs between two builds under equal conditions too, each time. */
  always: boolean;
  /** It differs in some builds and not in others, whatever the conditions. */
  sometimes: boolean;
}

export interface Comparison {
  differences: Difference[];
  findings: Explained[];
  /** Permission bits beyond the executable one that differ; no difference of content. */
  permissionNotes: string[];
  /** Seconds after which explaining was stopped, before all that differs was explained; null when it was not. */
  stoppedAfter: number | null;
  /** How the bisection ended. */
  bisection: "not-needed" | "off" | "complete" | "incomplete";
  bisectionNote: string;
}

/** What a build saw, for finding it again. */
export function sideOf(built: Built, other: Built): Side {
  const { facts, started, ended, conditions } = built;
  const clockAhead = (seconds: number): Side["clock"] => ({
    from: Math.floor(started / 1000) + seconds - 1,
    to: Math.ceil(ended / 1000) + seconds + 1,
  });
  // What a build's clock was ahead of ours. A busy machine tells it late, and there are two that it can be.
  const told = Number(facts.clock) - facts.read / 1000;
  const ahead = [0, clockShiftMs / 1000].find((known) => Math.abs(told - known) < 60) ?? Math.round(told);
  const names = new Set([...Object.keys(conditions.env), ...Object.keys(other.conditions.env)]);
  const variables = Object.fromEntries([...names].map((name) => [name, built.environment[name]]));
  return {
    facts,
    variables: { ...variables, ...conditions.faketime },
    clock: clockAhead(ahead),
    ...(conditions.faketime && { realClock: clockAhead(0) }),
  };
}

/** A published result, of which nothing is known but that it was made before now. */
export function publishedScene(built: Built): Scene {
  const side = sideOf(built, built);
  const nothing = Object.fromEntries(Object.keys(side.facts).map((name) => [name, ""])) as unknown as Side["facts"];
  // From 2000 on.
  return {
    first: side,
    second: { facts: nothing, variables: {}, clock: { from: 946_684_800, to: Date.now() / 1000 } },
  };
}

const explainBuilt = (first: Built, second: Built, budget: Budget): Promise<Finding[]> => {
  const scene: Scene = { first: sideOf(first, second), second: sideOf(second, first) };
  const result = ({ tree, artifacts }: Built) => ({ folder: tree, entries: artifacts });
  return explainResults(result(first), result(second), scene, budget);
};

export async function compareBuilds(builds: VariedBuilds, bisect: boolean, tell: Tell): Promise<Comparison> {
  const { first, second, variations, again } = builds;
  const differences = compareEntries(first.artifacts, second.artifacts);
  const notes = permissionNotes(first.artifacts, second.artifacts);
  const budget = new Budget();
  const findings = (differences.length > 0 ? await explainBuilt(first, second, budget) : []).map(
    (finding): Explained => ({ ...finding, provokedBy: [], always: false, sometimes: false }),
  );
  const comparison: Comparison = {
    differences,
    findings,
    permissionNotes: notes,
    stoppedAfter: differences.length > 0 && budget.stopped ? budget.seconds : null,
    bisection: differences.length === 0 ? "not-needed" : bisect ? "complete" : "off",
    bisectionNote: "",
  };
  if (differences.length === 0 || !bisect) return comparison;
  const applied = variations.filter(({ status }) => status === "applied").map(({ name }) => name);
  const seen = async (names: readonly VariationName[]): Promise<Set<string>> => {
    const built = await again(names);
    const own = new Budget();
    const found = await explainBuilt(first, built, own);
    if (own.stopped) throw unexplained(own);
    return new Set(found.map(keyOf));
  };
  try {
    await findProvokers(findings, applied, seen);
  } catch (error) {
    if (!(error instanceof BuildProblem)) throw error;
    comparison.bisection = "incomplete";
    comparison.bisectionNote = error.message;
    tell(`The bisection ended early: ${error.message}`);
  }
  return comparison;
}

/** What is not explained cannot be told to be the same. */
const unexplained = ({ seconds }: Budget): BuildProblem =>
  new BuildProblem("failed", `Explaining what differs was stopped after ${seconds} s.`);
