/**
 * The hand-weighted sum and a logistic model, side by side: both score every failing run before it is learnt, and what
 * has ordered the latest ones better is used. The sum is there from the first day; the model follows when it has enough.
 */
import type { FileChange, Run } from "@goatnote/ci-history";
import { featuresOf } from "./features.ts";
import { linksTo } from "./links.ts";
import { type Logistic, logOdds } from "./logistic.ts";
import { type Memory, mostFiles } from "./memory.ts";
import { apfdc } from "./metrics.ts";
import { outcomes } from "./outcomes.ts";
import { cutFor } from "./recall.ts";
import { type Score, scoreAll } from "./score.ts";
import { Training } from "./training.ts";

// What is stated and compared follows the project: runs before these no longer count.
const latestFailingRuns = 200;
const fewestToCompare = 10;
// Training again after every failing run would cost more than it tells.
const growthBeforeRetraining = 1.15;

// A test that fails now and then for no reason of any change would soon be all that is counted.
const mostOfOneKind = 3;

/** How one way to score did, failing run by failing run. */
class Trial {
  /** APFDc of the order. */
  readonly quality: number[] = [];
  private readonly kept: { best: number; kind: string }[] = [];

  /** @param kind the tests that the run broke */
  add(best: number, kind: string): void {
    const same = this.kept.filter((entry) => entry.kind === kind);
    if (same.length >= mostOfOneKind) this.kept.splice(this.kept.indexOf(same[0]!), 1);
    this.kept.push({ best, kind });
    if (this.kept.length > latestFailingRuns) this.kept.shift();
  }

  /** For each run the highest score of the tests that it broke, see `recall.ts`. */
  get best(): number[] {
    return this.kept.map(({ best }) => best);
  }
}

export type ScorerName = "hand-weighted-sum" | "logistic";

/** What a score is worth in an order: itself, or over the test's duration where the budget is time. */
export function worth(scorer: ScorerName, { score, test }: Score, timed: boolean): number {
  if (!timed) return score;
  // Without any link the cheaper test goes first.
  const weight = scorer === "logistic" ? 1 / (1 + Math.exp(-score)) : score + 1e-6;
  return weight / Math.max(1, test.durationMs ?? 1);
}

const largest = (values: readonly number[]): number =>
  values.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY);
const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** What scores now. */
export interface Choice {
  model: ScorerName;
  best: number[];
  score(changes: readonly FileChange[]): Map<string, Score>;
}

export class Scorers {
  private readonly memory: Memory;
  /** When the model learns: as the number of failing runs grows, or only when `retrain` is called. */
  retraining: "by growth" | "by hand" = "by growth";
  private readonly training = new Training();
  private readonly sum = new Trial();
  private readonly learned = new Trial();
  private model: Logistic | null = null;
  private trainedOn = 0;

  constructor(memory: Memory) {
    this.memory = memory;
  }

  /** Tries both on a run that is not learnt yet, then takes its examples. */
  observe(run: Run, failed: readonly string[]): void {
    if (failed.length > 0) this.tryOn(run, failed);
    this.training.observe(this.memory, run);
    if (
      this.retraining === "by growth" &&
      this.training.failingRuns >= Math.max(this.trainedOn + 1, this.trainedOn * growthBeforeRetraining)
    )
      this.retrain();
  }

  /** Learns from all examples so far. */
  retrain(): void {
    this.model = this.training.train() ?? this.model;
    this.trainedOn = this.training.failingRuns;
  }

  /** What has done better among those that can state the target; the sum where there is no telling. */
  choose(targetRecall: number): Choice {
    const { model, sum, learned } = this;
    const quality = learned.quality.slice(-latestFailingRuns);
    const isBetter = quality.length >= fewestToCompare && mean(quality) > mean(sum.quality.slice(-quality.length));
    const states = cutFor(targetRecall, learned.best) !== null || cutFor(targetRecall, sum.best) === null;
    if (model === null || !isBetter || !states) {
      return { model: "hand-weighted-sum", best: sum.best, score: (changes) => scoreAll(this.memory, changes) };
    }
    return { model: "logistic", best: learned.best, score: (changes) => this.byModel(model, changes) };
  }

  private byModel(model: Logistic, changes: readonly FileChange[]): Map<string, Score> {
    const linksOf = linksTo(this.memory, changes);
    const features = featuresOf(this.memory, changes, linksOf);
    const scores = scoreAll(this.memory, changes, linksOf);
    for (const score of scores.values()) score.score = Number(logOdds(model, features(score.test)).toPrecision(6));
    return scores;
  }

  private tryOn(run: Run, failed: readonly string[]): void {
    const results = outcomes(run);
    const timed = [...results.values()].some(({ durationMs }) => durationMs !== null);
    // What merely stayed red was not broken by this change, and was not noticed by any choice of ours.
    const broken = failed.filter((id) => !this.memory.tests.get(id)?.lastFailed);
    const netted = this.isNetted(run, broken);
    const kind = broken.toSorted().join("\n");
    const trials: [Trial, ScorerName, Map<string, Score>][] = [
      [this.sum, "hand-weighted-sum", scoreAll(this.memory, run.changes)],
    ];
    if (this.model) trials.push([this.learned, "logistic", this.byModel(this.model, run.changes)]);
    for (const [trial, name, scores] of trials) {
      const value = (id: string): number => {
        const score = scores.get(id);
        return score ? worth(name, score, timed) : Number.POSITIVE_INFINITY;
      };
      const values = new Map([...results.keys()].map((id) => [id, value(id)]));
      const order = [...values.keys()].sort((a, b) => values.get(b)! - values.get(a)! || (a < b ? -1 : 1));
      const positions = new Map(order.map((id, position) => [id, position]));
      const durations = order.map((id) => (timed ? (results.get(id)?.durationMs ?? 0) : 1));
      trial.quality.push(apfdc({ durations, failures: failed.map((id) => positions.get(id)!) }));
      // A change that is not recorded or too large has no score, so it does not say how high one has to be.
      if (broken.length === 0 || run.changes.length === 0 || run.changes.length > mostFiles) continue;
      const best = broken.map((id) => scores.get(id)?.score ?? Number.POSITIVE_INFINITY);
      trial.add(netted ? Number.POSITIVE_INFINITY : largest(best), kind);
    }
  }

  /** A safety net would have run one of the broken tests: it is new, or its file is in the change. */
  private isNetted({ changes }: Run, broken: readonly string[]): boolean {
    const changed = new Set(changes.map(({ path }) => path.normalize()));
    return broken.some((id) => {
      const test = this.memory.tests.get(id);
      return !test || (test.file !== null && changed.has(test.file));
    });
  }
}
