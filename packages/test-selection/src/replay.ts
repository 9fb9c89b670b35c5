/**
 * Replay: a history once more, run by run, as if each run were the present. Every policy orders the tests of a failing
 * run knowing only the runs before it; the action's own decision is made for every run.
 */
import type { Run } from "@goatnote/ci-history";
import { sourcesOf } from "./links.ts";
import { apfd, apfdc, failuresWithin, inOrder, type Ordered } from "./metrics.ts";
import { isReference, type Outcome, outcomes } from "./outcomes.ts";
import { type Difference, pairedBootstrap } from "./paired-bootstrap.ts";
import { Learner, type Past, wholeRuns } from "./past.ts";
import { type Now, type PolicyName, policies } from "./policies.ts";
import { type SelectorReport, SelectorTally } from "./selector-tally.ts";
import type { Wishes } from "./situation.ts";

export interface ReplayOptions {
  /** Share of the runs, 0 to 1, that only warm up. */
  evaluateFrom: number;
  /** Shares of the total duration (of the number of tests, without durations). */
  budgets: readonly number[];
  wishes: Wishes;
  onProgress?: (done: number, of: number) => void;
}

/** Means over failing runs. */
export interface PolicyReport {
  apfd: number;
  apfdc: number;
  /** Share of failing runs with at least one failing test inside the budget. */
  change_recall: Record<string, number>;
  /** Share of failing tests inside the budget. */
  failure_recall: Record<string, number>;
}

export interface ReplayReport {
  runs: number;
  evaluated_runs: number;
  failing_runs: number;
  train_seconds: number;
  select_ms_p50: number;
  all: Record<PolicyName, PolicyReport>;
  new: Record<PolicyName, PolicyReport>;
  /** APFDc of `model` less that of each other policy, over the same failing runs; null without any. */
  versus: Record<"all" | "new", Record<Exclude<PolicyName, "model">, Difference | null>>;
  selector: SelectorReport;
}

const names = Object.keys(policies) as PolicyName[];
const blocks = 12;

/**
 * Replays a history.
 * @param runs oldest first; runs that may not teach are passed over
 */
export async function replay(runs: readonly Run[], options: ReplayOptions): Promise<ReplayReport> {
  const whole = (await Array.fromAsync(wholeRuns(runs))).filter(isReference);
  const first = Math.floor(whole.length * options.evaluateFrom);
  const block = Math.max(1, Math.ceil((whole.length - first) / blocks));
  const learner = new Learner();
  const slices = { all: new Slice(options.budgets), new: new Slice(options.budgets) };
  const selector = new SelectorTally(options.wishes);
  const selectMs: number[] = [];
  let trainMs = 0;
  for (const [index, run] of whole.entries()) {
    if (index >= first && (index - first) % block === 0) {
      const started = performance.now();
      learner.scorers.retraining = "by hand";
      learner.scorers.retrain();
      trainMs += performance.now() - started;
    }
    if (index >= first) {
      const past = learner.past(options.wishes.targetRecall);
      const result = outcomes(run);
      const started = performance.now();
      selector.decide(past, run);
      selectMs.push(performance.now() - started);
      const failed = [...result.values()].filter((outcome) => outcome.failed).map(({ id }) => id);
      if (failed.length > 0) compare(past, run, result, failed, slices);
    }
    learner.observe(run);
    options.onProgress?.(index + 1, whole.length);
  }
  selectMs.sort((a, b) => a - b);
  return {
    runs: whole.length,
    evaluated_runs: whole.length - first,
    failing_runs: slices.all.runs,
    train_seconds: trainMs / 1000,
    select_ms_p50: selectMs[Math.floor(selectMs.length / 2)] ?? 0,
    all: slices.all.report(),
    new: slices.new.report(),
    versus: { all: slices.all.versus(), new: slices.new.versus() },
    selector: selector.report(),
  };
}

function compare(
  past: Past,
  run: Run,
  result: Map<string, Outcome>,
  failed: string[],
  slices: { all: Slice; new: Slice },
): void {
  const ids = [...result.keys()];
  const timed = [...result.values()].some(({ durationMs }) => durationMs !== null);
  const now: Now = { past, changes: run.changes, sources: sourcesOf(run), ids, seed: run.run_id, timed };
  const durationOf = (id: string) => (timed ? (result.get(id)?.durationMs ?? 0) : 1);
  const isNew = failed.filter((id) => !past.memory.tests.get(id)?.lastFailed);
  slices.all.runs += 1;
  if (isNew.length > 0) slices.new.runs += 1;
  for (const name of names) {
    const value = policies[name](now);
    const rank = (id: string) => (past.memory.tests.has(id) ? value(id) : Number.POSITIVE_INFINITY);
    const ordered = (failures: string[]) => inOrder(ids, rank, durationOf, failures);
    slices.all.add(name, ordered(failed));
    if (isNew.length > 0) slices.new.add(name, ordered(isNew));
  }
}

/** Sums of the measures over failing runs, per policy. */
class Slice {
  runs = 0;
  private readonly budgets: readonly number[];
  private readonly rows = new Map<
    PolicyName,
    { apfd: number; apfdc: number[]; failures: number; caught: number[]; found: number[] }
  >();

  constructor(budgets: readonly number[]) {
    this.budgets = budgets;
    for (const name of names)
      this.rows.set(name, {
        apfd: 0,
        apfdc: [],
        failures: 0,
        caught: budgets.map(() => 0),
        found: budgets.map(() => 0),
      });
  }

  add(name: PolicyName, ordered: Ordered): void {
    const row = this.rows.get(name)!;
    row.apfd += apfd(ordered);
    row.apfdc.push(apfdc(ordered));
    row.failures += ordered.failures.length;
    for (const [index, budget] of this.budgets.entries()) {
      const found = failuresWithin(ordered, budget);
      row.found[index]! += found;
      row.caught[index]! += Number(found > 0);
    }
  }

  report(): Record<PolicyName, PolicyReport> {
    const runs = Math.max(1, this.runs);
    const byBudget = (values: number[], of: number) =>
      Object.fromEntries(this.budgets.map((budget, index) => [String(budget), values[index]! / Math.max(1, of)]));
    const entries = [...this.rows].map(([name, row]) => [
      name,
      {
        apfd: row.apfd / runs,
        apfdc: row.apfdc.reduce((sum, value) => sum + value, 0) / runs,
        change_recall: byBudget(row.caught, this.runs),
        failure_recall: byBudget(row.found, row.failures),
      },
    ]);
    return Object.fromEntries(entries) as Record<PolicyName, PolicyReport>;
  }

  versus(): ReplayReport["versus"]["all"] {
    const { apfdc } = this.rows.get("model")!;
    const against = (name: PolicyName) =>
      pairedBootstrap(this.rows.get(name)!.apfdc.map((value, run) => apfdc[run]! - value));
    const others = names.filter((name) => name !== "model");
    return Object.fromEntries(others.map((name) => [name, against(name)])) as ReplayReport["versus"]["all"];
  }
}
