/** What the action's own decisions would have run and missed. */
import type { Run } from "@goatnote/ci-history";
import { emptyBins, expectedCalibrationError, type ReliabilityBin, tally } from "./calibration.ts";
import { choose } from "./choose.ts";
import { sourcesOf } from "./links.ts";
import { outcomes } from "./outcomes.ts";
import type { Past } from "./past.ts";
import type { Wishes } from "./situation.ts";

/** What the action wishes by default, for a target recall. */
export const replayWishes = (targetRecall: number): Wishes => ({
  mode: "select",
  targetRecall,
  timeBudgetMs: null,
  maxFraction: null,
  minTests: 1,
  alwaysRun: [],
  runAllWhen: [],
  explore: 0,
  shards: 1,
  seed: "replay",
});

/** The action's own decisions, safety nets included. */
export interface SelectorReport {
  target_recall: number;
  runs_escaped: number;
  failures_missed: number;
  tests_run_fraction: number;
  time_fraction: number | null;
  full_runs: number;
  /** Expected calibration error of the stated probabilities, 0 to 1; null where none was stated. */
  ece: number | null;
  /** What was stated and what came. */
  reliability: readonly ReliabilityBin[];
}

/** Decides on run after run, each before it is known, and counts what came of it. */
export class SelectorTally {
  /** Runs that were decided, and those of them that failed. */
  runs = 0;
  failingRuns = 0;
  private readonly wishes: Wishes;
  private escaped = 0;
  private missed = 0;
  private tests = { run: 0, all: 0 };
  private ms = { run: 0, all: 0 };
  private fullRuns = 0;
  private readonly reliability = emptyBins();

  constructor(wishes: Wishes) {
    this.wishes = wishes;
  }

  /**
   * Decides as for a pull request with this change, in which these tests exist.
   * @param wishes other ones for this run
   * @returns what became of it: whether everything ran, whether the run was red, and whether it would not have been
   */
  decide(past: Past, run: Run, wishes = this.wishes): { ranAll: boolean; isRed: boolean; escaped: boolean } {
    const result = outcomes(run);
    const change =
      run.changes.length > 0
        ? { kind: "known" as const, base: null, head: run.sha ?? "", files: run.changes }
        : { kind: "unknown" as const, reason: "the change is not recorded" };
    const situation = {
      change,
      unrecorded: { kind: "known" as const, files: [] },
      runAll: null,
      files: [],
      tests: [...result.keys()],
      runner: null,
      sources: sourcesOf(run),
      companions: null,
    };
    const plan = choose(past, situation, { ...wishes, seed: run.run_id });
    const edited = new Set(run.changes.map(({ path }) => path));
    const rests =
      plan.run === "all"
        ? []
        : plan.tests.filter(({ chosen, file }) => !chosen && !(file !== null && edited.has(file)));
    const resting = new Set(rests.map(({ id }) => id));
    if (plan.run === "all") this.fullRuns += 1;
    for (const { id, probability } of plan.tests)
      if (probability !== null) tally(this.reliability, probability, result.get(id)!.failed, 1);
    let failed = 0;
    let missed = 0;
    for (const { id, durationMs, failed: isFailure } of result.values()) {
      this.tests.all += 1;
      this.ms.all += durationMs ?? 0;
      failed += Number(isFailure);
      if (resting.has(id)) missed += Number(isFailure);
      else {
        this.tests.run += 1;
        this.ms.run += durationMs ?? 0;
      }
    }
    this.missed += missed;
    this.runs += 1;
    if (failed > 0) this.failingRuns += 1;
    const escaped = failed > 0 && missed === failed;
    if (escaped) this.escaped += 1;
    return { ranAll: plan.run === "all", isRed: failed > 0, escaped };
  }

  report(): SelectorReport {
    return {
      target_recall: this.wishes.targetRecall,
      runs_escaped: this.escaped,
      failures_missed: this.missed,
      tests_run_fraction: this.tests.all === 0 ? 1 : this.tests.run / this.tests.all,
      time_fraction: this.ms.all === 0 ? null : this.ms.run / this.ms.all,
      full_runs: this.fullRuns,
      ece: expectedCalibrationError(this.reliability),
      reliability: this.reliability,
    };
  }
}
