/** From scores to a plan: safety nets first, then the cut that the stated recall or the budget sets. */
import type { ImportDistance } from "@goatnote/ci-history";
import { expectedCalibrationError } from "./calibration.ts";
import { findDoubt } from "./doubts.ts";
import { castNets, explore, fill } from "./fill.ts";
import type { Imports } from "./links.ts";
import type { Past } from "./past.ts";
import type { Plan, PlannedTest } from "./plan.ts";
import { coverageOf, cutFor, recallAt } from "./recall.ts";
import { balance } from "./shards.ts";
import { composed, type Situation, type Wishes } from "./situation.ts";
import { linksInSources } from "./sources.ts";
import { wholeFiles } from "./test-files.ts";
import { plannedTests, type Unit, unitsOf } from "./units.ts";

/** Decides on every test. */
export function choose(past: Past, given: Situation, wishes: Wishes): Plan {
  const { change, ...situation } = composed(given);
  const changes = change.kind === "known" ? change.files : [];
  const scores = past.score(changes, situation.imports);
  const files = wholeFiles(past, situation, changes);
  const sources = linksInSources(situation);
  const units = unitsOf(plannedTests(past, situation, scores), situation.runner);
  const doubt =
    situation.runAll ??
    findDoubt(past, { change, ...situation }, wishes) ??
    (units.length === 0 ? "no recorded test exists any more" : null);
  const cut = doubt === null ? (cutFor(wishes.targetRecall, past.best) ?? Number.NEGATIVE_INFINITY) : null;

  let reason: string;
  let confidence: number | null = null;
  if (cut === null) {
    reason = `Everything runs: ${doubt}.`;
    for (const test of units.flatMap((unit) => unit.tests)) {
      const link = sources.reason(test);
      Object.assign(test, { chosen: true, p_run: 1, reason: `everything runs${link && `; it ${link}`}` });
    }
  } else {
    castNets(units, past, files, wishes, scores);
    const reached = fill(units, cut, wishes, scores);
    confidence = recallAt(reached, past.best);
    explore(units, wishes);
    // The cut is the score of a test that a past change broke.
    const lowCut = Number.isFinite(cut) && units.every((unit) => unit.score >= cut);
    reason = why(past, units, wishes, confidence, lowCut);
  }

  const tests = units
    .flatMap((unit) => unit.tests)
    .sort((a, b) => byScore(a, b) || sources.compare(a, b) || (a.id < b.id ? -1 : 1));
  const runsAll = cut === null || wishes.mode !== "select";
  if (runsAll) for (const test of tests) test.p_run = 1;
  if (wishes.shards > 1) balance(tests, files, wishes.shards);
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
    coverage: coverageOf(wishes.targetRecall, past.best),
    model: {
      kind: past.model,
      ece: expectedCalibrationError(past.reliability),
      reliability: past.reliability,
    },
    history: { runs: past.referenceRuns, failing_runs: past.failingRuns },
    tree: null,
    import_distances: distancesOf(situation.imports, [...tests, ...files.map(({ path }) => ({ file: path }))]),
    shards: wishes.shards,
    tests,
    files,
  };
}

/** The highest first, and before all those without a score: they are new. */
function byScore(a: PlannedTest, b: PlannedTest): number {
  if (a.score === b.score) return 0;
  return (b.score ?? Number.POSITIVE_INFINITY) - (a.score ?? Number.POSITIVE_INFINITY);
}

/** Of the files of tests alone, in order of path. */
function distancesOf(imports: Imports | null, tests: readonly { file: string | null }[]): ImportDistance[] | null {
  if (imports === null) return null;
  return [...new Set(tests.map(({ file }) => file))].sort().flatMap((path) => {
    const link = path === null ? undefined : imports.get(path);
    return link ? [{ path: path!, distance: link.distance }] : [];
  });
}

function why(past: Past, units: Unit[], wishes: Wishes, confidence: number | null, lowCut: boolean): string {
  const tests = units.flatMap((unit) => unit.tests);
  const chosen = tests.filter((test) => test.chosen).length;
  const budgeted = wishes.timeBudgetMs !== null || wishes.maxFraction !== null;
  const does = { select: "run", prioritize: "run first", observe: "would run" }[wishes.mode];
  const stated =
    confidence === null || confidence === 0
      ? "No recall can be stated: no failing run with a known change is recorded"
      : `If this change breaks something, the chosen tests notice in about ${(confidence * 100).toFixed(0)} of 100 such changes (going by ${past.best.length} past ${past.best.length === 1 ? "failure" : "failures"})`;
  if (chosen === tests.length && lowCut)
    return `All ${chosen} tests ${does}, since none scores lower than one that a past change broke.`;
  return `${chosen} of ${tests.length} tests ${does}${budgeted ? " within the budget" : ""}. ${stated}.`;
}
