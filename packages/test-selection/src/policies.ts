/** Ways to order tests, for comparison in a replay. Each sees only what was known before the run. */
import type { FileChange } from "@goatnote/ci-history";
import { chance } from "./chance.ts";
import { linksTo, type SourceLinks } from "./links.ts";
import type { Past } from "./past.ts";
import { scoreAll } from "./score.ts";
import { worthBy } from "./worth.ts";

/** The present run, as far as a policy may know it. */
export interface Now {
  past: Past;
  changes: readonly FileChange[];
  sources: SourceLinks | null;
  /** The tests to order. */
  ids: readonly string[];
  seed: string;
  /** Some durations are known, so that the budget is time. */
  timed: boolean;
}

/** Gives each test a value; higher runs first. A test without memory is new and runs before all. */
export type Policy = (now: Now) => (id: string) => number;

const cost = ({ past, timed }: Now, id: string): number =>
  timed ? Math.max(1, past.memory.tests.get(id)?.durationMs ?? 1) : 1;

export const policies = {
  /** What the action scores by, over duration where the budget is time. */
  model: ({ past, changes, sources, timed }) => {
    const scores = past.score(changes, sources);
    const durations = past.memory.tests.values().map(past.memory.durationBy("time"));
    const worth = worthBy(past.model, timed ? "time" : "count", durations);
    return (id) => {
      const score = scores.get(id);
      return score ? worth.of(score.score, score.test.durationMs) : Number.NEGATIVE_INFINITY;
    };
  },
  random: (now) => (id) => chance(now.seed, id),
  shortest_first: (now) => (id) => -cost(now, id),
  /** Latest failure first. */
  last_fail:
    ({ past }) =>
    (id) =>
      past.memory.tests.get(id)?.lastFailureAt ?? 0,
  /** Failures that decay by a tenth each run, over duration. */
  decay_over_duration: (now) => (id) => {
    const test = now.past.memory.tests.get(id);
    return ((test ? now.past.memory.freshFailures(test) : 0) + 1e-9) / cost(now, id);
  },
  /** The changed path that is most like the test. */
  name_similarity: ({ past, changes, sources }) => {
    const linksOf = linksTo(past.memory, changes, sources);
    return (id) => {
      const test = past.memory.tests.get(id);
      return test ? (linksOf(test).likeness?.similarity ?? 0) : 0;
    };
  },
  heuristic_sum: (now) => {
    const scores = scoreAll(now.past.memory, now.changes, linksTo(now.past.memory, now.changes, now.sources));
    return (id) => scores.get(id)?.score ?? 0;
  },
} satisfies Record<string, Policy>;

export type PolicyName = keyof typeof policies;
