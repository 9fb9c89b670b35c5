/** What is chosen: safety nets, then by falling score, then a few by chance. */
import { chance } from "./chance.ts";
import { matches } from "./globs.ts";
import type { Past } from "./past.ts";
import type { PlannedFile, PlannedTest } from "./plan.ts";
import type { Score } from "./score.ts";
import type { Wishes } from "./situation.ts";
import { take, type Unit } from "./units.ts";

/** New, edited, lately failed and always-run tests are chosen whatever they score. */
export function castNets(
  units: Unit[],
  past: Past,
  files: PlannedFile[],
  { alwaysRun }: Wishes,
  scores: Map<string, Score>,
): void {
  const whole = new Map(files.map(({ path, reason }) => [path, reason]));
  const net = ({ id, file }: PlannedTest): string | undefined => {
    if (!past.memory.tests.has(id)) return "new: no run of it is recorded";
    if (file !== null && whole.has(file)) return `its file runs as a whole: ${whole.get(file)}`;
    if (past.failedOnBranch.has(id)) return "failed in the last run of this branch";
    if (scores.get(id)?.test.lastFailed) return "failed in its last run";
    const glob = alwaysRun.find((glob) => matches(file ?? id, glob) || glob === id);
    return glob === undefined ? undefined : `\`always-run\` lists it (${glob})`;
  };
  for (const unit of units) if (unit.tests.some((test) => net(test) !== undefined)) take(unit, net);
}

/**
 * Takes units by falling score: all above the cut, as far as the budgets reach, and at least `minTests`.
 * @returns the cut that this choice amounts to: everything with at least this score is chosen
 */
export function fill(units: Unit[], cut: number, wishes: Wishes, scores: Map<string, Score>): number {
  const count = units.reduce((sum, unit) => sum + unit.tests.length, 0);
  const mostTests = wishes.maxFraction === null ? Number.POSITIVE_INFINITY : wishes.maxFraction * count;
  const mostMs = wishes.timeBudgetMs ?? Number.POSITIVE_INFINITY;
  const taken = units.filter((unit) => unit.tests[0]?.chosen);
  let tests = taken.reduce((sum, unit) => sum + unit.tests.length, 0);
  let durationMs = taken.reduce((sum, unit) => sum + unit.durationMs, 0);
  let highestSkipped = Number.NEGATIVE_INFINITY;
  for (const unit of units.filter((unit) => !unit.tests[0]?.chosen).sort((a, b) => b.score - a.score)) {
    const within = tests + unit.tests.length <= mostTests && durationMs + unit.durationMs <= mostMs;
    if (tests < wishes.minTests || (unit.score >= cut && within)) {
      take(unit, (test) => (test.score === unit.score ? strongest(scores.get(test.id)) : undefined));
      tests += unit.tests.length;
      durationMs += unit.durationMs;
      continue;
    }
    highestSkipped = Math.max(highestSkipped, unit.score);
    const why = unit.score < cut ? `its score is below the cut of ${cut.toPrecision(2)}` : "the budget is used up";
    for (const test of unit.tests) test.reason = `rests: ${why}; ${strongest(scores.get(test.id))}`;
  }
  return Math.max(cut, nextAbove(highestSkipped));
}

const nextAbove = (score: number): number => score + 1e-9;

const strongest = (score: Score | undefined): string => score?.signals[0]?.reason ?? "nothing links it to the change";

/** Runs a few resting tests by chance, so that the history goes on seeing them. */
export function explore(units: Unit[], { explore, seed }: Wishes): void {
  for (const unit of units) {
    if (unit.tests[0]?.chosen) continue;
    for (const test of unit.tests) test.p_run = explore;
    if (chance(seed, unit.tests[0]?.file ?? "", unit.tests[0]?.id ?? "") < explore)
      take(unit, () => `by chance (\`explore\` is ${explore})`, explore);
  }
}
