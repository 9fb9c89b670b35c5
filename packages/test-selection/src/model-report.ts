/** How good a model is, from the scores that it gave to failing runs before it learnt from them. */
import { expectedCalibrationError, type ReliabilityBin } from "./calibration.ts";
import type { Comparison } from "./contest.ts";
import { featureNames } from "./features.ts";
import type { FeatureImportance } from "./importance.ts";
import { type Scored, type Separation, separation } from "./metrics.ts";
import type { Learner } from "./past.ts";
import type { ScorerName } from "./scorers.ts";
import type { SelectorReport } from "./selector-tally.ts";
import type { Trained } from "./stored-past.ts";

/** The report of `ml-test-select/train`; measures are null where no failing run was scored by the model. */
export interface ModelReport extends Record<keyof Separation, number | null> {
  /** What selections score by: the one that has ordered failing runs better. */
  scorer: ScorerName;
  runs: number;
  failing_runs: number;
  train_seconds: number;
  /** Failing runs that were scored before they were learnt, at most the latest 200. */
  tried_runs: Record<ScorerName, number>;
  /** Mean over these, see `metrics.ts`; of the sum over as many of the latest as the model has. */
  apfdc: Record<ScorerName, number | null>;
  /** Expected calibration error of what selections state now, 0 to 1; null where no probability was stated before. */
  ece: number | null;
  reliability: readonly ReliabilityBin[];
  /** Of standardised features, the heaviest first; null where there is no model. */
  weights: { feature: string; weight: number }[] | null;
  /** Permutation importance, the largest first; null where too little is held out. */
  importance: FeatureImportance[] | null;
  /** Against the model that the store has; null where it has none of this history that has learnt anything. */
  comparison: Comparison | null;
  /** Share of the test time, 0 to 1, that would have rested in the runs of `selector`; null without any, or without durations. */
  time_saved: number | null;
  /** What selections would have run and missed in the latest full runs, at most 50, each decided by what was known before it. */
  selector: SelectorReport & { runs: number; failing_runs: number };
  /** Selections score by this model from now on; false where the stored one stays. */
  kept: boolean;
}

const mean = (values: readonly number[]): number | null =>
  values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length;

// Beyond so many, of passing tests only some are kept, each for several.
const mostKept = 500_000;

/** Collects what is needed while a model is trained. */
export function modelReport(): { watch(learner: Learner): void; of(trained: Trained, seconds: number): ModelReport } {
  const scored: Scored[] = [];
  let [passing, stride] = [0, 1];
  return {
    watch: (learner) => {
      learner.scorers.onScore = (scorer, score, failed) => {
        if (scorer !== "logistic") return;
        if (!failed && passing++ % stride !== 0) return;
        scored.push({ score, failed, weight: failed ? 1 : stride });
        if (scored.length % mostKept === 0) stride *= 4;
      };
    },
    of: ({ model, past, importance, comparison, decided, files }, seconds) => {
      const selector = { runs: decided.runs, failing_runs: decided.failingRuns, ...decided.report() };
      const { logistic, "hand-weighted-sum": sum } = model.trials;
      const compared = logistic.quality.length === 0 ? sum.quality : sum.quality.slice(-logistic.quality.length);
      const weights = model.logistic?.weights;
      const measured = separation(scored);
      return {
        scorer: past.model,
        ...model.history,
        train_seconds: seconds,
        tried_runs: { logistic: logistic.quality.length, "hand-weighted-sum": sum.quality.length },
        apfdc: { logistic: mean(logistic.quality), "hand-weighted-sum": mean(compared) },
        auc: measured?.auc ?? null,
        average_precision: measured?.average_precision ?? null,
        f1: measured?.f1 ?? null,
        ece: expectedCalibrationError(past.reliability),
        reliability: past.reliability,
        weights: weights
          ? featureNames
              .map((feature, index) => ({ feature, weight: weights[index]! }))
              .sort((a, b) => Math.abs(b.weight) - Math.abs(a.weight))
          : null,
        importance,
        comparison,
        time_saved: selector.time_fraction === null ? null : 1 - selector.time_fraction,
        selector,
        kept: files.length > 0,
      };
    },
  };
}
