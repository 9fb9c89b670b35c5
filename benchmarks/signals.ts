/**
 * What each kind of signal is worth, what those would add that the action does not use (who made the change, and the kinds of files
 * in it), and whether boosted trees or a blend order better than the logistic model: failing runs of histories, each ordered by
 * what was known before it, from 40 % of the runs on, learnt anew 12 times.
 *
 *   node benchmarks/signals.ts <history.ndjson[.gz|.zst]>...
 *
 * Scores are divided by the whole duration, where durations are known.
 * Prints for each history the mean APFDc of the logistic model and of the others less it, with the interval that resampling
 * the failing runs gives the difference (paired bootstrap, 95 %); then the same over all failing runs of all histories,
 * and of a model that has learnt from the other histories only (`others`), alone and summed with the own one.
 */
import { basename, extname } from "node:path";
import { type Data, train, score as treeOdds } from "@goatnote/boosted-trees";
import { type Run, readHistory } from "@goatnote/ci-history";
import { isReference, outcomes } from "@goatnote/test-selection";
import { featureNames, featuresOf } from "../packages/test-selection/src/features.ts";
import { linksTo, sourcesOf } from "../packages/test-selection/src/links.ts";
import { type Example, fit, type Logistic, logOdds } from "../packages/test-selection/src/logistic.ts";
import { Memory } from "../packages/test-selection/src/memory.ts";
import { apfdcOf } from "../packages/test-selection/src/metrics.ts";
import { pairedBootstrap } from "../packages/test-selection/src/paired-bootstrap.ts";
import { wholeRuns } from "../packages/test-selection/src/past.ts";
import { sumOf } from "../packages/test-selection/src/score.ts";
import { Training } from "../packages/test-selection/src/training.ts";

const paths = process.argv.slice(2);
if (paths.length === 0) throw new Error("Name history files; see the head of this file.");

const groups: Record<string, (name: string) => boolean> = {
  "past failures": (name) => /fail|outbreaks|recorded runs/.test(name) && !/:/.test(name),
  duration: (name) => name === "duration",
  "failures together": (name) => /^(file|folder):/.test(name),
  words: (name) => /^words:|^same stem/.test(name),
  places: (name) => /^nearness|^same top/.test(name),
  edited: (name) => name === "edited",
  "files changed": (name) => name === "files changed",
  imports: (name) => /^import/.test(name),
  text: (name) => /^text:/.test(name),
};

/** Signals that the action does not use: how large a share of an author's changes, or of those with such files, broke the test. */
const dropped: Record<string, (run: Run) => string[]> = {
  authors: ({ author }) => (author === null ? [] : [author]),
  extensions: ({ changes }) => [...new Set(changes.map(({ path }) => extname(path)))],
};
const droppedNames = Object.keys(dropped);
const columns = featureNames.length;
const withDropped = (name: string): string => `with ${name}`;

/** Shares by key, of changes that decay as those of files and folders do. */
class Shares {
  private readonly keysOf: (run: Run) => string[];
  private readonly known = new Map<string, { changes: number; failures: Map<string, number> }>();

  constructor(keysOf: (run: Run) => string[]) {
    this.keysOf = keysOf;
  }

  /** The largest share for each test; as a number that a linear model takes. */
  of(run: Run): (id: string) => number {
    const met = this.keysOf(run).flatMap((key) => this.known.get(key) ?? []);
    return (id) =>
      Math.log1p(10 * Math.max(0, ...met.map(({ changes, failures }) => (failures.get(id) ?? 0) / (changes + 1))));
  }

  observe(run: Run, failed: readonly string[]): void {
    for (const key of this.keysOf(run)) {
      const { changes = 0, failures = new Map<string, number>() } = this.known.get(key) ?? {};
      for (const [id, count] of failures) failures.set(id, count * 0.5 ** (1 / 60));
      for (const id of failed) failures.set(id, (failures.get(id) ?? 0) + 1);
      this.known.set(key, { changes: changes * 0.5 ** (1 / 60) + 1, failures });
    }
  }
}

type Scorer = (features: Float32Array) => number;
const penalty = 100;
const fewestFailing = 10;

/** A model that does not see some of the features. */
function without(examples: readonly Example[], isHidden: (name: string) => boolean): Scorer {
  const names = [...featureNames, ...droppedNames.map(withDropped)];
  const hidden = names.flatMap((name, index) => (isHidden(name) ? [index] : []));
  const blind = (features: Float32Array): Float32Array => {
    const seen = features.slice();
    for (const index of hidden) seen[index] = 0;
    return seen;
  };
  const model = fit(
    examples.map((example) => ({ ...example, features: blind(example.features) })),
    penalty,
  );
  return (features) => logOdds(model, blind(features));
}

/** Trees small enough for few failures; failing and passing examples count alike in sum, as in the logistic model. */
function trees(examples: readonly Example[]): Scorer {
  const sums = [0, 0];
  for (const { failed, weight } of examples) sums[Number(failed)]! += weight;
  const features = new Float32Array(examples.length * columns);
  for (const [row, example] of examples.entries()) features.set(example.features.subarray(0, columns), row * columns);
  const data: Data = {
    features,
    columns,
    labels: Uint8Array.from(examples, ({ failed }) => Number(failed)),
    weights: Float64Array.from(
      examples,
      ({ failed, weight }) => (weight * examples.length) / 2 / sums[Number(failed)]!,
    ),
  };
  const model = train(data, { trees: 60, depth: 3, learningRate: 0.1, minChildWeight: 20, lambda: 10 });
  return (row) => treeOdds(model, row.subarray(0, columns), columns)[0]!;
}

/** A model that was fitted to the features of the action. */
const logistic =
  (model: Logistic): Scorer =>
  (features) =>
    logOdds(model, features.subarray(0, columns));

/** Puts what the action does not use behind its features. */
class Added {
  private readonly shares = Object.values(dropped).map((keysOf) => new Shares(keysOf));
  private values: ((id: string) => number)[] = [];

  /** Turns to a run. */
  turn(run: Run): void {
    this.values = this.shares.map((each) => each.of(run));
  }

  to(features: Float32Array, id: string): Float32Array {
    return Float32Array.of(...features, ...this.values.map((value) => value(id)));
  }

  observe(run: Run, failed: readonly string[]): void {
    for (const each of this.shares) each.observe(run, failed);
  }
}

/** Per failing run that is judged, the APFDc by each scorer. */
type Judged = Record<string, number>[];

/** A failing run as scorers see it. */
interface Seen {
  ids: string[];
  rows: (Float32Array | null)[];
  /** The hand-weighted sum, and the same without sources. */
  sums: number[];
  sumsWithout: number[];
  durations: number[];
  costs: number[];
  failed: Set<string>;
}

function seenIn(memory: Memory, run: Run, added: Added): Seen {
  const results = outcomes(run);
  const timed = [...results.values()].some(({ durationMs }) => durationMs !== null);
  const linksOf = linksTo(memory, run.changes, sourcesOf(run));
  const unlinked = linksTo(memory, run.changes, null);
  const features = featuresOf(memory, run.changes, linksOf);
  const ids = [...results.keys()];
  const tests = ids.map((id) => memory.tests.get(id));
  return {
    ids,
    rows: tests.map((test) => (test ? added.to(features(test), test.id) : null)),
    sums: tests.map((test) => (test ? sumOf(memory, test, linksOf(test)) : Number.POSITIVE_INFINITY)),
    sumsWithout: tests.map((test) => (test ? sumOf(memory, test, unlinked(test)) : Number.POSITIVE_INFINITY)),
    durations: ids.map((id) => (timed ? (results.get(id)!.durationMs ?? 0) : 1)),
    costs: tests.map((test) => (timed ? Math.max(1, test?.durationMs ?? 1) : 1)),
    failed: new Set([...results.values()].filter((outcome) => outcome.failed).map(({ id }) => id)),
  };
}

function qualityOf(seen: Seen, scorer: Scorer | null, sums = seen.sums): number {
  const values = seen.rows.map((row, index) => {
    if (row === null) return Number.POSITIVE_INFINITY;
    const weight = scorer === null ? sums[index]! + 1e-6 : Math.exp(Math.min(scorer(row), 700));
    return weight / seen.costs[index]!;
  });
  return apfdcOf({ ids: seen.ids, values, durations: seen.durations }, seen.failed);
}

/** Scorers by name, of examples; those that cannot be learnt yet are the hand-weighted sum. */
function scorersOf(examples: readonly Example[], failingRuns: number): Map<string, Scorer> {
  if (failingRuns < fewestFailing) return new Map();
  const isDropped = (name: string): boolean => droppedNames.some((each) => withDropped(each) === name);
  const own = without(examples, isDropped);
  const grown = trees(examples);
  return new Map<string, Scorer>([
    ["logistic", own],
    ["boosted trees", grown],
    ["blend of both", (row) => own(row) + grown(row)],
    ...Object.entries(groups).map(([name, hides]): [string, Scorer] => [
      `without ${name}`,
      without(examples, (each) => isDropped(each) || hides(each)),
    ]),
    ...droppedNames
      .map(withDropped)
      .map((name): [string, Scorer] => [name, without(examples, (each) => isDropped(each) && each !== name)]),
  ]);
}

async function judge(runs: readonly Run[], others: Logistic | null): Promise<Judged> {
  const first = Math.floor(runs.length * 0.4);
  const block = Math.max(1, Math.ceil((runs.length - first) / 12));
  const [memory, training, added] = [new Memory(), new Training(), new Added()];
  const examples: Example[] = [];
  const judged: Judged = [];
  let scorers = new Map<string, Scorer>();
  for (const [index, run] of runs.entries()) {
    if (index >= first && (index - first) % block === 0) scorers = scorersOf(examples, training.failingRuns);
    added.turn(run);
    const seen = seenIn(memory, run, added);
    if (index >= first && seen.failed.size > 0) {
      const own = scorers.get("logistic") ?? null;
      const all = [
        "logistic",
        "boosted trees",
        "blend of both",
        ...Object.keys(groups).map((name) => `without ${name}`),
        ...droppedNames.map(withDropped),
      ];
      const row = Object.fromEntries(all.map((name) => [name, qualityOf(seen, scorers.get(name) ?? null)]));
      row["hand-weighted sum"] = qualityOf(seen, null);
      row["sum without sources"] = qualityOf(seen, null, seen.sumsWithout);
      if (others) {
        const prior = logistic(others);
        row.others = qualityOf(seen, prior);
        row["own and others"] = qualityOf(seen, own ? (features) => own(features) + prior(features) : prior);
      }
      judged.push(row);
    }
    if (memory.runs > 0) {
      const taken = training.observe(memory, run, linksTo(memory, run.changes, sourcesOf(run)));
      const latest = training.examples.slice(training.examples.length - taken.length);
      for (const [at, { test }] of taken.entries())
        examples.push({ ...latest[at]!, features: added.to(latest[at]!.features, test.id) });
    }
    memory.observe(run);
    added.observe(run, [...seen.failed]);
  }
  return judged;
}

/** All examples of a history, each taken before its run was known. */
function examplesOf(runs: readonly Run[]): Example[] {
  const [memory, training] = [new Memory(), new Training()];
  for (const run of runs) {
    if (memory.runs > 0) training.observe(memory, run, linksTo(memory, run.changes, sourcesOf(run)));
    memory.observe(run);
  }
  return training.examples;
}

function report(title: string, judged: Judged): void {
  if (judged.length === 0) return;
  const mean = (name: string): number => judged.reduce((sum, row) => sum + row[name]!, 0) / judged.length;
  console.log(`\n${title}: ${judged.length} failing runs, logistic ${mean("logistic").toFixed(4)}`);
  for (const name of Object.keys(judged[0]!).filter((each) => each !== "logistic")) {
    if (judged.some((row) => row[name] === undefined)) continue;
    const { mean: difference, low, high } = pairedBootstrap(judged.map((row) => row[name]! - row.logistic!))!;
    const signed = (value: number): string => `${value < 0 ? "" : "+"}${value.toFixed(4)}`;
    console.log(`  ${name.padEnd(26)} ${signed(difference)}  (${signed(low)} to ${signed(high)})`);
  }
}

const histories = new Map<string, Run[]>();
for (const path of paths)
  histories.set(basename(path), (await Array.fromAsync(wholeRuns(readHistory(path)))).filter(isReference));
const taught = new Map([...histories].map(([name, runs]) => [name, examplesOf(runs)]));
const all: Judged = [];
for (const [name, runs] of histories) {
  // A project's examples weigh alike in sum, however many they are.
  const foreign = [...taught].filter(([other]) => other !== name).flatMap(([, examples]) => balanced(examples));
  const judged = await judge(runs, foreign.some(({ failed }) => failed) ? fit(foreign, penalty) : null);
  report(name, judged);
  all.push(...judged);
}
if (histories.size > 1) report("all histories", all);

function balanced(examples: readonly Example[]): Example[] {
  const total = (failed: boolean): number =>
    examples.reduce((sum, example) => sum + (example.failed === failed ? example.weight : 0), 0);
  const totals = [total(false), total(true)];
  if (totals.includes(0)) return [];
  return examples.map((example) => ({ ...example, weight: (1000 * example.weight) / totals[Number(example.failed)]! }));
}
