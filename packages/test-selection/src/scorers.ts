/**
 * The hand-weighted sum and a logistic model, side by side: both score every failing run before it is learnt, and what
 * has ordered the latest ones better is used. The sum is there from the first day; the model follows when it has enough.
 */
import { createHash } from "node:crypto";
import type { FileChange, Run } from "@goatnote/ci-history";
import { Calibration, type CalibrationState, type ReliabilityBin } from "./calibration.ts";
import { featuresOf } from "./features.ts";
import type { FeatureImportance } from "./importance.ts";
import { type LinksOf, linksTo, type SourceLinks, sourcesOf } from "./links.ts";
import { type Logistic, logOdds } from "./logistic.ts";
import { type Memory, mostFiles, type TestMemory } from "./memory.ts";
import { apfdcOf } from "./metrics.ts";
import { outcomes } from "./outcomes.ts";
import { cutFor } from "./recall.ts";
import { nameOf } from "./reruns.ts";
import { rounded, type Score, scoreAll, sumOf } from "./score.ts";
import { Training, type TrainingState } from "./training.ts";
import { type Order, orders, worthBy } from "./worth.ts";

// What is stated and compared follows the project: runs before these no longer count.
const latestFailingRuns = 200;
const fewestToCompare = 10;
// Training again after every failing run would cost more than it tells.
const growthBeforeRetraining = 1.15;

// A test that fails now and then for no reason of any change would soon be all that is counted.
const mostOfOneKind = 3;

/** How one way to score did, failing run by failing run: the latest ones, see {@link latestFailingRuns}. */
export interface TrialState {
  /** APFDc of the order. */
  quality: number[];
  kept: (Omit<Kept, "best"> & { best: Record<Order, number | null> })[];
}

/** What a run says of the cut. */
interface Kept {
  /** See `reruns.ts`. */
  run: string;
  /** The highest rank of the tests that it broke, see `worth.ts`; in a state null for infinity. */
  best: Record<Order, number>;
  /** A digest of which tests these were. */
  kind: string;
  /** What it recorded of the sources, so that this is in the score. */
  knows: Record<keyof SourceLinks, boolean>;
}

class Trial {
  readonly quality: number[] = [];
  private readonly kept: Kept[] = [];

  observe(quality: number): void {
    this.quality.push(quality);
    if (this.quality.length > latestFailingRuns) this.quality.shift();
  }

  add(run: Kept): void {
    const same = this.kept.filter((entry) => entry.kind === run.kind);
    if (same.length >= mostOfOneKind) this.kept.splice(this.kept.indexOf(same[0]!), 1);
    this.kept.push(run);
    if (this.kept.length > latestFailingRuns) this.kept.shift();
  }

  remove(run: string): void {
    const at = this.kept.findIndex((entry) => entry.run === run);
    if (at >= 0) this.kept.splice(at, 1);
  }

  /** For each run the highest rank of the tests that it broke, see `recall.ts`. */
  get best(): Record<Order, number[]> {
    return byOrder((order) => this.kept.map(({ best }) => best[order]));
  }

  /** How many of these runs recorded what of the sources. */
  get knowingSources(): Record<keyof SourceLinks, number> {
    const count = (what: keyof SourceLinks): number => this.kept.filter(({ knows }) => knows[what]).length;
    return { imports: count("imports"), texts: count("texts") };
  }

  get state(): TrialState {
    const kept = this.kept.map(({ best, ...run }) => ({
      best: byOrder((order) => (Number.isFinite(best[order]) ? best[order] : null)),
      ...run,
    }));
    return { quality: [...this.quality], kept };
  }

  static from({ quality, kept }: TrialState): Trial {
    const trial = new Trial();
    trial.quality.push(...quality);
    trial.kept.push(
      ...kept.map(({ best, ...run }) => ({
        best: byOrder((order) => best[order] ?? Number.POSITIVE_INFINITY),
        ...run,
      })),
    );
    return trial;
  }
}

export const scorerNames = ["hand-weighted-sum", "logistic"] as const;
export type ScorerName = (typeof scorerNames)[number];

const byName = <T>(make: (name: ScorerName) => T): Record<ScorerName, T> =>
  Object.fromEntries(scorerNames.map((name) => [name, make(name)])) as Record<ScorerName, T>;

const byOrder = <T>(make: (order: Order) => T): Record<Order, T> =>
  Object.fromEntries(orders.map((order) => [order, make(order)])) as Record<Order, T>;

const largest = (values: readonly number[]): number =>
  values.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY);
const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** The tests of a run and what each costs: milliseconds, or 1 where no duration is known. */
function costsOf(run: Run): { ids: string[]; durations: number[]; timed: boolean } {
  const results = outcomes(run);
  const timed = [...results.values()].some(({ durationMs }) => durationMs !== null);
  return {
    ids: [...results.keys()],
    durations: [...results.values()].map((of) => (timed ? (of.durationMs ?? 0) : 1)),
    timed,
  };
}

/** What scores now. */
export interface Choice {
  model: ScorerName;
  best: Record<Order, number[]>;
  /** How many of the runs behind `best` recorded what of the sources. */
  knowingSources: Record<keyof SourceLinks, number>;
  score(changes: readonly FileChange[], sources: SourceLinks | null): Map<string, Score>;
  /** The probability to fail that a score stands for; null where the history cannot tell yet. */
  probability(score: number): number | null;
  /** How probabilities that were stated before came out. */
  reliability: readonly ReliabilityBin[];
}

/** A model and how both ways to score did until it was fitted, each run scored before it was learnt. */
export interface Fitted {
  /** Null where there were too few failing runs to learn from. */
  logistic: Logistic | null;
  trials: Record<ScorerName, TrialState>;
  calibrations: Record<ScorerName, CalibrationState>;
}

/** What {@link Scorers} hold, as JSON. */
export interface ScorersState extends Fitted {
  /** Absent where a stored model is used, which learns no more. */
  training?: TrainingState;
  trainedOn: number;
}

export class Scorers {
  private readonly memory: Memory;
  /** When the model learns: as the number of failing runs grows, or only when `retrain` is called. */
  retraining: "by growth" | "by hand" = "by growth";
  /** Passes over runs: a stored model that has seen them comes later. */
  resting = false;
  /** Told of each score of a test of a failing run, before the run is learnt, and whether the test failed. */
  onScore: (scorer: ScorerName, score: number, failed: boolean) => void = () => {};
  private training: Training | null = new Training();
  private trials = byName(() => new Trial());
  private calibrations = byName(() => new Calibration());
  private model: Logistic | null = null;
  private trainedOn = 0;

  constructor(memory: Memory) {
    this.memory = memory;
  }

  /** Tries both on a run that is not learnt yet, then takes its examples. */
  observe(run: Run, failed: readonly string[]): void {
    if (this.resting) return;
    const linksOf = linksTo(this.memory, run.changes, sourcesOf(run));
    if (failed.length > 0) this.tryOn(run, failed, linksOf);
    if (this.training === null) return;
    const taken = this.training.observe(this.memory, run, linksOf);
    if (taken.length > 0)
      for (const [name, scoreOf] of this.ways(run.changes, linksOf))
        for (const { test, failed, tests } of taken) this.calibrations[name].observe(scoreOf(test), failed, tests);
    if (
      this.retraining === "by growth" &&
      this.training.failingRuns >= Math.max(this.trainedOn + 1, this.trainedOn * growthBeforeRetraining)
    )
      this.retrain();
  }

  /**
   * Forgets failures that a rerun has shown to be none of the change's. What the run says of the cut goes with them: it
   * would not be told which of its failing tests ranked highest.
   */
  clear(run: string, tests: readonly string[]): void {
    for (const trial of Object.values(this.trials)) trial.remove(run);
    this.training?.clear(run, new Set(tests));
  }

  /** Learns from all examples so far. */
  retrain(): void {
    if (this.training === null) return;
    this.model = this.training.train() ?? this.model;
    for (const calibration of Object.values(this.calibrations)) calibration.fit();
    this.trainedOn = this.training.failingRuns;
  }

  /** Scores by a stored model from now on, and learns no more. */
  adopt({ logistic, trials, calibrations }: Fitted): void {
    this.training = null;
    this.model = logistic;
    this.trials = byName((name) => Trial.from(trials[name]));
    this.calibrations = byName((name) => Calibration.from(calibrations[name]));
  }

  get fitted(): Fitted {
    const { trials, calibrations } = this;
    return {
      logistic: this.model,
      trials: byName((name) => trials[name].state),
      calibrations: byName((name) => calibrations[name].state),
    };
  }

  get state(): ScorersState {
    return {
      ...this.fitted,
      ...(this.training && { training: this.training.state }),
      trainedOn: this.trainedOn,
    };
  }

  /** The scorers that had this state. */
  static from(memory: Memory, { training, trainedOn, logistic, trials, calibrations }: ScorersState): Scorers {
    const scorers = new Scorers(memory);
    scorers.training = training ? Training.from(training) : null;
    scorers.trainedOn = trainedOn;
    scorers.model = logistic;
    scorers.trials = byName((name) => Trial.from(trials[name]));
    scorers.calibrations = byName((name) => Calibration.from(calibrations[name]));
    return scorers;
  }

  /** What has done better among those that can state the target; the sum where there is no telling. */
  choose(targetRecall: number): Choice {
    const { model } = this;
    const { "hand-weighted-sum": sum, logistic: learned } = this.trials;
    const { quality } = learned;
    const isBetter = quality.length >= fewestToCompare && mean(quality) > mean(sum.quality.slice(-quality.length));
    const canState = ({ best }: Trial): boolean => cutFor(targetRecall, best.count) !== null;
    const states = canState(learned) || !canState(sum);
    const name = model === null || !isBetter || !states ? "hand-weighted-sum" : "logistic";
    const calibration = this.calibrations[name];
    const { best, knowingSources } = this.trials[name];
    const scoreBy = (changes: readonly FileChange[], sources: SourceLinks | null): Map<string, Score> => {
      const linksOf = linksTo(this.memory, changes, sources);
      return name === "logistic" ? this.byModel(model!, changes, linksOf) : scoreAll(this.memory, changes, linksOf);
    };
    return {
      model: name,
      best,
      knowingSources,
      score: (changes, sources) => {
        const scores = scoreBy(changes, sources);
        if (name !== "logistic" || sources === null) return scores;
        // The cut is also of runs that knew less of the sources, and a model may score what they do not link lower than what
        // nobody looked at: to know more only raises a score.
        const less: (SourceLinks | null)[] = [];
        if (sources.texts !== null && knowingSources.texts < knowingSources.imports)
          less.push({ ...sources, texts: null });
        if (knowingSources.imports < best.count.length) less.push(null);
        for (const known of less)
          for (const [id, { score }] of scoreBy(changes, known)) {
            const entry = scores.get(id)!;
            entry.score = Math.max(entry.score, score);
          }
        return scores;
      },
      probability: (score) => calibration.probability(score),
      reliability: calibration.reliability,
    };
  }

  private byModel(model: Logistic, changes: readonly FileChange[], linksOf: LinksOf): Map<string, Score> {
    const features = featuresOf(this.memory, changes, linksOf);
    const scores = scoreAll(this.memory, changes, linksOf);
    for (const score of scores.values()) score.score = rounded(logOdds(model, features(score.test)));
    return scores;
  }

  /** What gives a test its score against a change, by each way to score that there is. */
  private ways(changes: readonly FileChange[], linksOf: LinksOf): [ScorerName, (test: TestMemory) => number][] {
    const { memory, model } = this;
    const ways: [ScorerName, (test: TestMemory) => number][] = [
      ["hand-weighted-sum", (test) => sumOf(memory, test, linksOf(test))],
    ];
    if (model) {
      const features = featuresOf(memory, changes, linksOf);
      ways.push(["logistic", (test) => rounded(logOdds(model, features(test)))]);
    }
    return ways;
  }

  /** APFDc of the order that a selection would use for a run that is not learnt yet. */
  qualityOn(run: Run, failed: readonly string[], targetRecall: number): number {
    const { model } = this.choose(targetRecall);
    const [name, scoreOf] = this.ways(run.changes, linksTo(this.memory, run.changes, sourcesOf(run))).find(
      ([way]) => way === model,
    )!;
    const { ids, durations, timed } = costsOf(run);
    const tests = ids.map((id) => this.memory.tests.get(id));
    const all = this.memory.tests.values().map(this.memory.durationBy("time"));
    const worth = worthBy(name, timed ? "time" : "count", all);
    const values = tests.map((test) => (test ? worth.of(scoreOf(test), test.durationMs) : Number.POSITIVE_INFINITY));
    return apfdcOf({ ids, values, durations }, new Set(failed));
  }

  /** What each feature tells, see `importance.ts`; null where too little is held out, or a stored model is used. */
  importance(): FeatureImportance[] | null {
    return this.training?.importance() ?? null;
  }

  private tryOn(run: Run, failed: readonly string[], linksOf: LinksOf): void {
    // What merely stayed red was not broken by this change, and was not noticed by any choice of ours.
    const broken = failed.filter((id) => !this.memory.tests.get(id)?.lastFailed);
    const netted = this.isNetted(run, broken);
    const kind = createHash("sha256").update(JSON.stringify(broken.toSorted())).digest("hex").slice(0, 16);
    const hasFailed = new Set(failed);
    const { ids, durations, timed } = costsOf(run);
    const tests = ids.map((id) => this.memory.tests.get(id));
    const usual = byOrder((order) => this.memory.durationBy(order));
    for (const [name, scoreOf] of this.ways(run.changes, linksOf)) {
      const trial = this.trials[name];
      const scores = tests.map((test) => (test ? scoreOf(test) : Number.POSITIVE_INFINITY));
      for (const [index, test] of tests.entries()) if (test) this.onScore(name, scores[index]!, hasFailed.has(test.id));
      const ranks = byOrder((order) => {
        const worth = worthBy(name, order, this.memory.tests.values().map(usual[order]));
        return tests.map((test, index) => (test ? worth.of(scores[index]!, usual[order](test)) : scores[index]!));
      });
      const values = ranks[timed ? "time" : "count"];
      trial.observe(apfdcOf({ ids, values, durations }, hasFailed));
      // A change that is not recorded or too large has no score, so it does not say how high one has to be.
      if (broken.length === 0 || run.changes.length === 0 || run.changes.length > mostFiles) continue;
      const known = new Set(broken);
      const best = byOrder((order) =>
        netted ? Number.POSITIVE_INFINITY : largest(ranks[order].filter((_, index) => known.has(ids[index]!))),
      );
      const imports = run.import_distances !== undefined;
      const knows = { imports, texts: imports && run.text_similarities !== undefined };
      trial.add({ run: nameOf(run), best, kind, knows });
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
