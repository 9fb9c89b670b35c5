/** Reasons not to trust a choice. Any of them runs everything. */
import { matchesGlob } from "node:path";
import type { Past } from "./past.ts";
import { cutFor, failingRunsNeeded } from "./recall.ts";
import type { Situation, Wishes } from "./situation.ts";

/** The first reason not to trust a choice; null when there is none. */
export function findDoubt(
  past: Past,
  { change, unrecorded, runner, tests }: Omit<Situation, "runAll">,
  wishes: Wishes,
): string | null {
  if (change.kind === "unknown") return change.reason;
  if (past.memory.tests.size === 0) return "no full run of the default branch is recorded yet";
  if (unrecorded.kind === "unknown") return unrecorded.reason;
  if (runner === null && tests === null) return "neither `runner` nor `tests` tells which tests exist now";
  for (const glob of wishes.runAllWhen) {
    const hit = change.files.find(({ path }) => matchesGlob(path, glob));
    if (hit) return `${hit.path} changed, which \`run-all-when\` lists (${glob})`;
  }
  const unknown =
    runner === null
      ? undefined
      : [...past.memory.tests.values()].find((test) => past.memory.isCurrent(test) && test.file === null);
  if (unknown && tests === null)
    return `the file of ${unknown.id} is not known, so ${runner?.name} cannot be told to run it`;
  const needed = failingRunsNeeded(wishes.targetRecall);
  if (cutFor(wishes.targetRecall, past.best) === null && wishes.timeBudgetMs === null && wishes.maxFraction === null) {
    return `a recall of ${wishes.targetRecall} needs ${needed} recorded failing runs whose change is known, and there are ${past.best.length}`;
  }
  return null;
}
