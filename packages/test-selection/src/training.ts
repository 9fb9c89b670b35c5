/** Examples for a model, taken run by run before each run is remembered, so that no example knows its own future. */
import type { Run } from "@goatnote/ci-history";
import { chance } from "./chance.ts";
import { featureNames, featuresOf } from "./features.ts";
import { type FeatureImportance, importances } from "./importance.ts";
import type { LinksOf } from "./links.ts";
import { type Example, fit, type Logistic } from "./logistic.ts";
import { type Memory, type TestMemory, trust } from "./memory.ts";
import { outcomes } from "./outcomes.ts";
import { nameOf } from "./reruns.ts";

// Nearly all tests pass nearly always. A sample of them stands for all, with their weight.
const passingPerRun = 100;
const mostFailingPerRun = 200;
const shareOfGreenRuns = 0.25;
// In units of examples; chosen on two projects, where 30 to 300 gave the same within noise.
const penalty = 100;
const fewestFailing = 10;
// A rerun that clears a failure comes soon.
const mostMarks = 1000;

/** What a {@link Training} holds, as JSON: the features of all examples in base64, 32-bit floats of little endian. */
export interface TrainingState {
  failingRuns: number;
  features: string;
  failed: number[];
  weights: number[];
  latest: Mark[];
}

/** Where the example of a test that failed in a run is. */
type Mark = [run: string, test: string, example: number];

/** A test that was taken as an example. */
export interface Taken {
  test: TestMemory;
  failed: boolean;
  /** How many tests it stands for. */
  tests: number;
}

export class Training {
  /** Oldest first. */
  readonly examples: Example[] = [];
  failingRuns = 0;
  /** The latest failing examples. */
  private latest: Mark[] = [];

  get state(): TrainingState {
    const size = featureNames.length;
    const features = new Float32Array(this.examples.length * size);
    for (const [index, example] of this.examples.entries()) features.set(example.features, index * size);
    return {
      failingRuns: this.failingRuns,
      features: Buffer.from(features.buffer).toString("base64"),
      failed: this.examples.map(({ failed }) => Number(failed)),
      weights: this.examples.map(({ weight }) => weight),
      latest: this.latest,
    };
  }

  /** The training that had this state. */
  static from({ failingRuns, features, failed, weights, latest }: TrainingState): Training {
    const training = new Training();
    const all = new Float32Array(new Uint8Array(Buffer.from(features, "base64")).buffer);
    const size = featureNames.length;
    for (const [index, weight] of weights.entries())
      training.examples.push({
        features: all.subarray(index * size, (index + 1) * size),
        failed: failed[index] === 1,
        weight,
      });
    training.failingRuns = failingRuns;
    training.latest = latest;
    return training;
  }

  /**
   * Takes the examples of a run that the memory has not seen yet.
   * @returns the tests that were taken, and how many tests each stands for
   */
  observe(memory: Memory, run: Run, linksOf: LinksOf): Taken[] {
    const [failed, passed]: [TestMemory[], TestMemory[]] = [[], []];
    for (const { id, failed: isFailure } of outcomes(run).values()) {
      const test = memory.tests.get(id);
      if (test) (isFailure ? failed : passed).push(test);
    }
    // Green runs are many and all say the same; a part of them stands for all.
    const share = failed.length > 0 ? 1 : shareOfGreenRuns;
    if (chance(run.run_id) >= share) return [];
    const features = featuresOf(memory, run.changes, linksOf);
    const sample = drawn(passed, passingPerRun, run.run_id);
    // A run that breaks a hundred tests is one mistake, not a hundred.
    const broken = drawn(failed, mostFailingPerRun, run.run_id);
    const each = Math.sqrt(failed.length) / broken.length;
    for (const test of broken) {
      this.latest.push([nameOf(run), test.id, this.examples.length]);
      // A failure of a flaky test is likely none of the change's.
      this.examples.push({ features: features(test), failed: true, weight: each * trust(test) });
    }
    this.latest = this.latest.slice(-mostMarks);
    for (const test of sample)
      this.examples.push({ features: features(test), failed: false, weight: passed.length / sample.length / share });
    if (failed.length > 0) this.failingRuns += 1;
    return [
      ...broken.map((test) => ({ test, failed: true, tests: failed.length / broken.length })),
      ...sample.map((test) => ({ test, failed: false, tests: passed.length / sample.length / share })),
    ];
  }

  /** Forgets failures that a rerun has shown to be none of the change's. */
  clear(run: string, tests: ReadonlySet<string>): void {
    for (const [name, test, example] of this.latest)
      if (name === run && tests.has(test)) this.examples[example]!.weight = 0;
  }

  /** The model of all examples so far; null when there are too few failing runs to learn from. */
  train(): Logistic | null {
    const both =
      this.examples.some(({ failed, weight }) => failed && weight > 0) && this.examples.some(({ failed }) => !failed);
    return this.failingRuns >= fewestFailing && both ? fit(this.examples, penalty) : null;
  }

  /** What each feature tells on the newest examples; null where there are too few failing runs. */
  importance(): FeatureImportance[] | null {
    return this.failingRuns >= fewestFailing ? importances(this.examples, penalty) : null;
  }
}

/** A sample without repetition that depends on the seed only. */
function drawn(tests: TestMemory[], count: number, seed: string): TestMemory[] {
  if (tests.length <= count) return tests;
  const step = tests.length / count;
  const start = chance(seed);
  return Array.from({ length: count }, (_, index) => tests[Math.floor((index + start) * step)]!);
}
