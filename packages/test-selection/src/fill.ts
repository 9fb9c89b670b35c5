/** What is chosen: safety nets, then by falling score, then a few by chance. */
import { chance } from "./chance.ts";
import { matches } from "./globs.ts";
import type { Past } from "./past.ts";
import type { PlannedFile, PlannedTest } from "./plan.ts";
import { importReason, type Score } from "./score.ts";
import type { Situation, Wishes } from "./situation.ts";
import { take, type Unit } from "./units.ts";

/** How tests are ranked in a choice, see `worth.ts`. */
export interface Ranking {
  /** Larger goes first; infinite for a test that no run knows. */
  of(test: PlannedTest): number;
  /** Such as "the cut of 0.12". */
  cutInWords(test: PlannedTest, cut: number): string;
}

/**
 * New, edited, lately failed and always-run tests are chosen whatever they score; those that import an edited test file,
 * or what tests share, too: no runner would collect that by itself.
 */
export function castNets(
  units: Unit[],
  past: Past,
  files: PlannedFile[],
  importsOfTests: Situation["importsOfTests"],
  { alwaysRun }: Wishes,
  scores: Map<string, Score>,
): void {
  const whole = new Map(files.map(({ path, reason }) => [path, reason]));
  const net = ({ id, file }: PlannedTest): string | undefined => {
    if (!past.memory.tests.has(id)) return "new: no run of it is recorded";
    if (file !== null && whole.has(file)) return `its file runs as a whole: ${whole.get(file)}`;
    const shared = file === null ? undefined : importsOfTests?.get(file);
    if (shared && shared.distance > 0)
      return `may share what the change edits with other tests: it ${importReason(shared)}`;
    if (past.failedOnBranch.has(id)) return "failed in the last run of this branch";
    if (scores.get(id)?.test.lastFailed) return "failed in its last run";
    const glob = alwaysRun.find((glob) => matches(file ?? id, glob) || glob === id);
    return glob === undefined ? undefined : `\`always-run\` lists it (${glob})`;
  };
  for (const unit of units) if (unit.tests.some((test) => net(test) !== undefined)) take(unit, net);
}

/**
 * Takes units by falling worth: all above the cut, as far as the budgets reach, and at least `minTests`.
 * @returns the cut that this choice amounts to: everything that is worth at least so much is chosen; and whether safety
 * nets or `minTests` took more than the budgets allow
 */
export function fill(
  units: Unit[],
  cut: number,
  ranking: Ranking,
  wishes: Wishes,
  scores: Map<string, Score>,
): { reached: number; isBeyondBudget: boolean } {
  const count = units.reduce((sum, unit) => sum + unit.tests.length, 0);
  const mostTests = wishes.maxFraction === null ? Number.POSITIVE_INFINITY : wishes.maxFraction * count;
  const mostMs = wishes.timeBudgetMs ?? Number.POSITIVE_INFINITY;
  const taken = units.filter((unit) => unit.tests[0]?.chosen);
  let tests = taken.reduce((sum, unit) => sum + unit.tests.length, 0);
  let durationMs = taken.reduce((sum, unit) => sum + unit.durationMs, 0);
  const takeNext = (unit: Unit): void => {
    take(unit, (test) => (ranking.of(test) === unit.worth ? strongest(scores.get(test.id)) : undefined));
    tests += unit.tests.length;
    durationMs += unit.durationMs;
  };
  const fits = (unit: Unit): boolean =>
    tests + unit.tests.length <= mostTests && durationMs + unit.durationMs <= mostMs;
  const open = units.filter((unit) => !unit.tests[0]?.chosen).sort((a, b) => b.worth - a.worth);
  for (const unit of open) if (unit.worth >= cut && fits(unit)) takeNext(unit);
  // What fits comes first, so that one large file above the budget is not all that runs.
  for (const unit of open) if (tests < wishes.minTests && !unit.tests[0]?.chosen) takeNext(unit);
  const skipped = open.filter((unit) => !unit.tests[0]?.chosen);
  const highestSkipped = skipped[0]?.worth ?? Number.NEGATIVE_INFINITY;
  for (const unit of skipped)
    for (const test of unit.tests) {
      const why = unit.worth < cut ? `its score is below ${ranking.cutInWords(test, cut)}` : "the budget is used up";
      test.reason = `rests: ${why}; ${strongest(scores.get(test.id))}`;
    }
  const isBeyondBudget = tests > mostTests || durationMs > mostMs;
  return { reached: Math.max(cut, nextAbove(highestSkipped)), isBeyondBudget };
}

/** Where all the tests that are nearest to a changed file through imports would rest, as slow ones can, the likeliest of them runs; not beside a budget. */
export function coverChanges(
  units: readonly Unit[],
  sources: Situation["sources"],
  { timeBudgetMs, maxFraction }: Wishes,
  scores: Map<string, Score>,
): void {
  if (timeBudgetMs !== null || maxFraction !== null) return;
  const nearest = new Map<string, { distance: number; units: Unit[] }>();
  for (const unit of units) {
    const file = unit.tests[0]?.file ?? null;
    const link = file === null ? undefined : sources?.imports.get(file);
    if (!link || link.distance === 0 || link.unread) continue;
    const { distance, changed = "" } = link;
    const known = nearest.get(changed);
    if (known?.distance === distance) known.units.push(unit);
    else if (!known || distance < known.distance) nearest.set(changed, { distance, units: [unit] });
  }
  const highest = ({ tests }: Unit): number => tests.reduce((most, { score }) => Math.max(most, score ?? 0), -Infinity);
  for (const { units } of nearest.values()) {
    if (units.some(({ tests }) => tests[0]?.chosen)) continue;
    const likeliest = units.reduce((best, unit) => (highest(unit) > highest(best) ? unit : best));
    take(
      likeliest,
      ({ id }) => `the likeliest of those that are nearest to a changed file; ${strongest(scores.get(id))}`,
    );
  }
}

const nextAbove = (worth: number): number => worth + 1e-9;

const strongest = (score: Score | undefined): string => score?.signals[0]?.reason ?? "nothing links it to the change";

/**
 * Runs a few resting tests by chance, so that the history goes on seeing them.
 * @returns how many
 */
export function explore(units: Unit[], { explore, seed }: Wishes): number {
  let tests = 0;
  for (const unit of units) {
    if (unit.tests[0]?.chosen) continue;
    for (const test of unit.tests) test.p_run = explore;
    if (chance(seed, unit.tests[0]?.file ?? "", unit.tests[0]?.id ?? "") >= explore) continue;
    take(unit, () => `by chance (\`explore\` is ${explore})`, explore);
    tests += unit.tests.length;
  }
  return tests;
}
