/** From scores to a plan: safety nets first, then the cut that the stated recall or the budget sets. */
import { expectedCalibrationError } from "./calibration.ts";
import { findDoubt } from "./doubts.ts";
import { castNets, coverChanges, explore, fill, type Ranking } from "./fill.ts";
import { recordOf } from "./links.ts";
import type { Past } from "./past.ts";
import type { Plan, PlannedTest } from "./plan.ts";
import { calibratedOn, coverageOf, cutFor, recallAt } from "./recall.ts";
import type { Runner } from "./runners/runner.ts";
import { balance } from "./shards.ts";
import { composed, type Situation, type Wishes } from "./situation.ts";
import { linksInSources } from "./sources.ts";
import { wholeFiles } from "./test-files.ts";
import { plannedTests, runsTogether, type Unit, unitsOf } from "./units.ts";
import { type Order, worthBy } from "./worth.ts";

/** Decides on every test. */
export function choose(past: Past, given: Situation, wishes: Wishes): Plan {
  const { change, ...situation } = composed(given);
  const changes = change.kind === "known" ? change.files : [];
  const scores = past.score(changes, situation.sources);
  const files = wholeFiles(past, situation, changes);
  const sources = linksInSources(situation);
  const planned = plannedTests(past, situation, scores);
  const { order, ...ranking } = rankingOf(past, planned, situation.runner, wishes);
  const best = past.best[order];
  const units = unitsOf(planned, situation.runner, ranking.of);
  const doubt =
    situation.runAll ??
    findDoubt(past, best, { change, ...situation }, wishes) ??
    (units.length === 0 ? "no recorded test exists any more" : null);
  const cut = doubt === null ? (cutFor(wishes.targetRecall, best) ?? Number.NEGATIVE_INFINITY) : null;

  let reason: string;
  let confidence: number | null = null;
  if (cut === null) {
    reason = `Everything runs: ${doubt}.`;
    for (const test of units.flatMap((unit) => unit.tests)) {
      const link = sources.reason(test);
      Object.assign(test, { chosen: true, p_run: 1, reason: `everything runs${link && `; it ${link}`}` });
    }
  } else {
    castNets(units, past, files, situation.importsOfTests, wishes, scores);
    const { reached, isBeyondBudget } = fill(units, cut, ranking, wishes, scores);
    const calibrating = calibratedOn(wishes.targetRecall, best);
    confidence = recallAt(reached, calibrating);
    coverChanges(units, situation.sources, wishes, scores);
    const byChance = explore(units, wishes);
    // The cut is the score of a test that a past change broke.
    const lowCut = Number.isFinite(cut) && units.every((unit) => unit.worth >= cut);
    const how = { failures: calibrating.length, confidence, lowCut, isBeyondBudget, byChance };
    reason = why(units, situation.runner, wishes, how);
  }

  const worths = new Map(planned.map((test) => [test, ranking.of(test)]));
  const byWorth = (a: PlannedTest, b: PlannedTest): number => compareFalling(worths.get(a)!, worths.get(b)!);
  const tests = units
    .flatMap((unit) => unit.tests)
    .sort((a, b) => byWorth(a, b) || sources.compare(a, b) || (a.id < b.id ? -1 : 1));
  const runsAll = cut === null || wishes.mode !== "select";
  if (runsAll) for (const test of tests) test.p_run = 1;
  if (wishes.shards > 1) balance(tests, files, wishes.shards);
  const record = recordOf(situation.sources, [...tests.map(({ file }) => file), ...files.map(({ path }) => path)]);
  return {
    version: 1,
    mode: wishes.mode,
    run: runsAll ? "all" : "chosen",
    reason,
    runner: situation.runner?.name ?? null,
    base: change.kind === "known" ? change.base : null,
    head: change.kind === "known" ? change.head : null,
    seed: wishes.seed,
    target_recall: wishes.targetRecall,
    confidence: cut === null ? 1 : confidence,
    coverage: coverageOf(wishes.targetRecall, best),
    model: {
      kind: past.model,
      ece: expectedCalibrationError(past.reliability),
      reliability: past.reliability,
    },
    history: { runs: past.referenceRuns, failing_runs: past.failingRuns },
    tree: null,
    import_distances: record.import_distances ?? null,
    text_similarities: record.text_similarities ?? null,
    shards: wishes.shards,
    tests,
    files,
  };
}

/** Infinite ones are equal. */
const compareFalling = (a: number, b: number): number => (a === b ? 0 : b - a);

/** How the tests are ranked: by what a test is worth for its time, where times are known and the user counts no tests. */
function rankingOf(
  past: Past,
  tests: readonly PlannedTest[],
  runner: Runner | null,
  wishes: Wishes,
): Ranking & { order: Order } {
  const countsTests = wishes.maxFraction !== null && wishes.timeBudgetMs === null;
  const isTimed = tests.some(({ duration_ms }) => duration_ms !== null);
  const order = !isTimed || countsTests ? "count" : runsTogether(runner) ? "file-time" : "time";
  const { tests: known } = past.memory;
  const usual = past.memory.durationBy(order);
  const worth = worthBy(past.model, order, known.values().map(usual));
  const durationOf = (id: string): number | null => {
    const test = known.get(id);
    return test ? usual(test) : null;
  };
  return {
    order,
    of: ({ id, score }) => (score === null ? Number.POSITIVE_INFINITY : worth.of(score, durationOf(id))),
    cutInWords: ({ id }, cut) => {
      const score = worth.scoreAt(cut, durationOf(id)).toPrecision(2);
      if (order === "count") return `the cut of ${score}`;
      return `${score}, the cut for ${order === "time" ? "its duration" : "the duration of its file or package"}`;
    },
  };
}

/** How a choice came about. */
interface Course {
  /** Past failing runs that the cut is of. */
  failures: number;
  confidence: number | null;
  /** Nothing scores lower than a test that a past change broke. */
  lowCut: boolean;
  isBeyondBudget: boolean;
  /** Tests that run by chance. */
  byChance: number;
}

function why(
  units: Unit[],
  runner: Runner | null,
  wishes: Wishes,
  { failures, confidence, lowCut, isBeyondBudget, byChance }: Course,
): string {
  const tests = units.flatMap((unit) => unit.tests);
  const chosen = tests.filter((test) => test.chosen).length;
  const budgeted = wishes.timeBudgetMs !== null || wishes.maxFraction !== null;
  const keepsItsOrder = wishes.mode === "prioritize" && runner !== null && !runner.ordered;
  const does = { select: "run", prioritize: keepsItsOrder ? "would run first" : "run first", observe: "would run" }[
    wishes.mode
  ];
  const past = `${failures} past ${failures === 1 ? "failure" : "failures"}`;
  const stated =
    confidence === null
      ? "No recall can be stated: no failing run with a known change is recorded"
      : confidence === 0
        ? `This choice would have noticed none of ${past}`
        : `If this change breaks something, the chosen tests notice in about ${(confidence * 100).toFixed(0)} of 100 such changes (going by ${past})`;
  if (chosen === tests.length && lowCut)
    return `All ${chosen} tests ${does}, since none scores lower than one that a past change broke.`;
  const within = isBeyondBudget ? "by safety nets or `min-tests` beyond the budget" : "within the budget";
  const budget = byChance > 0 ? `, ${chosen - byChance} ${within} and ${byChance} by chance` : ` ${within}`;
  const order = keepsItsOrder ? ` ${runner.name} takes no order and runs all in its own.` : "";
  return `${chosen} of ${tests.length} tests ${does}${budgeted ? budget : ""}.${order} ${stated}.`;
}
