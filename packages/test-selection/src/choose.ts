/** From scores to a plan: safety nets first, then the cut that the stated recall or the budget sets. */
import { matchesGlob, parse } from "node:path";
import { type FileChange, parseTestId } from "@goatnote/ci-history";
import { chance } from "./chance.ts";
import type { TestMemory } from "./memory.ts";
import type { Past } from "./past.ts";
import type { Mode, Plan, PlannedFile, PlannedTest } from "./plan.ts";
import { cutFor, failingRunsNeeded, recallAt } from "./recall.ts";
import type { Runner } from "./runners/runner.ts";
import { type Score, scoreAll } from "./score.ts";
import { balance } from "./shards.ts";

/** What the user asks for; see the inputs of `ml-test-select`. */
export interface Wishes {
  mode: Mode;
  targetRecall: number;
  timeBudgetMs: number | null;
  maxFraction: number | null;
  minTests: number;
  alwaysRun: readonly string[];
  runAllWhen: readonly string[];
  explore: number;
  shards: number;
  seed: string;
}

/** What is to be tested now. */
export interface Situation {
  change:
    | { kind: "known"; base: string | null; head: string; files: readonly FileChange[] }
    | { kind: "unknown"; reason: string };
  /** Files that changed after the latest recorded full run, so that tests in them may be new; or why that is not known. */
  unrecorded: { kind: "known"; files: readonly FileChange[] } | { kind: "unknown"; reason: string };
  /** A reason that is known beforehand to run everything, such as a push to the default branch; else null. */
  runAll: string | null;
  /** Files of the commit. */
  files: readonly string[];
  /** The ids that exist now, where the user lists them; else null. */
  tests: readonly string[] | null;
  runner: Runner | null;
}

/** Tests that run or rest together: one test, or all of a file where the runner can only be given files. */
interface Unit {
  tests: PlannedTest[];
  score: number;
  durationMs: number;
}

/** Decides on every test. */
export function choose(past: Past, given: Situation, wishes: Wishes): Plan {
  const { change, ...situation } = composed(given);
  const changes = change.kind === "known" ? change.files : [];
  const scores = scoreAll(past.memory, changes);
  const files = wholeFiles(past, situation, changes);
  const units = unitsOf(plannedTests(past, situation, scores), situation.runner);
  const doubt =
    situation.runAll ??
    findDoubt(past, { change, ...situation }, wishes) ??
    (units.length === 0 ? "no recorded test exists any more" : null);
  const budgeted = wishes.timeBudgetMs !== null || wishes.maxFraction !== null;
  const cut = doubt === null ? (cutFor(wishes.targetRecall, past.best) ?? Number.NEGATIVE_INFINITY) : null;

  let reason: string;
  let confidence: number | null = null;
  if (cut === null) {
    reason = `Everything runs: ${doubt}.`;
    for (const test of units.flatMap((unit) => unit.tests))
      Object.assign(test, { chosen: true, p_run: 1, reason: "everything runs" });
  } else {
    castNets(units, past, files, wishes, scores);
    const reached = fill(units, cut, wishes, scores);
    confidence = recallAt(reached, past.best);
    explore(units, wishes);
    reason = why(past, units, wishes, confidence, budgeted);
  }

  const tests = units
    .flatMap((unit) => unit.tests)
    .sort((a, b) => (b.score ?? Infinity) - (a.score ?? Infinity) || (a.id < b.id ? -1 : 1));
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
    model: { kind: "hand-weighted-sum" },
    history: { runs: past.referenceRuns, failing_runs: past.failingRuns },
    shards: wishes.shards,
    tests,
    files,
  };
}

/** The history holds composed Unicode (NFC); git gives what the file system had. */
function composed(situation: Situation): Situation {
  const paths = <T extends Situation["change"] | Situation["unrecorded"]>(known: T): T =>
    known.kind === "known"
      ? { ...known, files: known.files.map((file) => ({ ...file, path: file.path.normalize() })) }
      : known;
  return {
    ...situation,
    change: paths(situation.change),
    unrecorded: paths(situation.unrecorded),
    files: situation.files.map((path) => path.normalize()),
  };
}

/** The first reason not to trust a choice; null when there is none. */
function findDoubt(
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

/** Test files that run as a whole: those that the change or an unrecorded commit touched, so that any test in them may be new. */
function wholeFiles(
  past: Past,
  { files, unrecorded, runner }: Omit<Situation, "change">,
  changes: readonly FileChange[],
): PlannedFile[] {
  if (runner === null) return [];
  const known = new Set([...past.memory.tests.values()].flatMap(({ file }) => file ?? []));
  const unusual = new Set([...known].filter((file) => !runner.isTestFile(file)).flatMap(likenesses));
  const isTestFile = (path: string): boolean =>
    known.has(path) || runner.isTestFile(path) || likenesses(path).some((key) => unusual.has(key));
  const changed = new Set(changes.map(({ path }) => path));
  const stale = unrecorded.kind === "known" ? new Set(unrecorded.files.map(({ path }) => path)) : null;
  return files.filter(isTestFile).flatMap((path) => {
    if (changed.has(path)) return { path, reason: "the change edits it" };
    if (stale ? stale.has(path) : !known.has(path)) return { path, reason: "it changed after the latest recorded run" };
    return [];
  });
}

/** Where a project names its test files unusually, a new file in the same folder or with the same first word may hold tests too. */
function likenesses(path: string): string[] {
  const { dir, name, ext } = parse(path);
  return [`${dir}/*${ext}`, `${name.split(/[_.-]/)[0]}*${ext}`];
}

function plannedTests(
  past: Past,
  { files, tests }: Omit<Situation, "change">,
  scores: Map<string, Score>,
): PlannedTest[] {
  const tracked = new Set(files);
  const exists = (test: TestMemory): boolean =>
    past.memory.isCurrent(test) && (test.file === null || tracked.size === 0 || tracked.has(test.file));
  const named = (id: string): string | null => {
    const { file } = parseTestId(id);
    return file !== null && tracked.has(file) ? file : null;
  };
  const ids = tests ?? [...past.memory.tests.values()].filter(exists).map(({ id }) => id);
  return [...new Set(ids)].map((id) => {
    const test = past.memory.tests.get(id);
    return {
      id,
      file: test?.file ?? named(id),
      score: test ? (scores.get(id)?.score ?? 0) : null,
      probability: null,
      chosen: false,
      p_run: 0,
      reason: "",
      duration_ms: test?.durationMs ?? null,
    };
  });
}

function unitsOf(tests: PlannedTest[], runner: Runner | null): Unit[] {
  const byFile = runner?.granularity === "file";
  const groups = Map.groupBy(tests, (test) => (byFile && test.file !== null ? test.file : test));
  return [...groups.values()].map((group) => ({
    tests: group,
    score: Math.max(...group.map((test) => test.score ?? Number.POSITIVE_INFINITY)),
    durationMs: group.reduce((sum, test) => sum + (test.duration_ms ?? 0), 0),
  }));
}

const take = (unit: Unit, reasonFor: (test: PlannedTest) => string | undefined, p = 1): void => {
  const reasons = unit.tests.map(reasonFor);
  const first = unit.tests[reasons.findIndex((reason) => reason !== undefined)];
  unit.tests.forEach((test, index) => {
    Object.assign(test, {
      chosen: true,
      p_run: p,
      reason: reasons[index] ?? `runs with ${first?.id}, which is in the same file`,
    });
  });
};

/** New, edited, lately failed and always-run tests are chosen whatever they score. */
function castNets(
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
    const glob = alwaysRun.find((glob) => matchesGlob(file ?? id, glob) || glob === id);
    return glob === undefined ? undefined : `\`always-run\` lists it (${glob})`;
  };
  for (const unit of units) if (unit.tests.some((test) => net(test) !== undefined)) take(unit, net);
}

/**
 * Takes units by falling score: all above the cut, as far as the budgets reach, and at least `minTests`.
 * @returns the cut that this choice amounts to: everything with at least this score is chosen
 */
function fill(units: Unit[], cut: number, wishes: Wishes, scores: Map<string, Score>): number {
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
function explore(units: Unit[], { explore, seed }: Wishes): void {
  for (const unit of units) {
    if (unit.tests[0]?.chosen) continue;
    for (const test of unit.tests) test.p_run = explore;
    if (chance(seed, unit.tests[0]?.file ?? "", unit.tests[0]?.id ?? "") < explore)
      take(unit, () => `by chance (\`explore\` is ${explore})`, explore);
  }
}

function why(past: Past, units: Unit[], wishes: Wishes, confidence: number | null, budgeted: boolean): string {
  const tests = units.flatMap((unit) => unit.tests);
  const chosen = tests.filter((test) => test.chosen).length;
  const stated =
    confidence === null || confidence === 0
      ? "no recall can be stated: no failing run with a known change is recorded"
      : `a red change is expected to stay red in ${(confidence * 100).toFixed(0)} of 100 cases, going by ${past.best.length} failing runs`;
  const does = { select: "run", prioritize: "run first", observe: "would run" }[wishes.mode];
  return `${chosen} of ${tests.length} tests ${does}${budgeted ? " within the budget" : ""}; ${stated}.`;
}
