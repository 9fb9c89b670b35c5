/**
 * Training and scoring of boosted trees, beside LightGBM (npm run peers lightgbm) and ml-random-forest.
 *
 *   node benchmarks/boosted-trees.ts [--million] [--forest=<folder>]
 *
 * 100,000 rows of 24 features, 100 trees of depth 6: ours and LightGBM in one thread and in two; the median of 5
 * decides. `--million`: once more with 1,000,000 rows, one round. `--forest`: 10,000 rows beside ml-random-forest, from a
 * folder where `npm install ml-random-forest@2.1.0` was run. Binning is in all figures, as is making of the data set in
 * LightGBM's.
 */
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { type Model, score, train } from "@goatnote/boosted-trees";
import { trainInThreads } from "@goatnote/boosted-trees/threads";
import { locate } from "../scripts/peers.ts";
import { areaUnderCurve, lightgbm, sampleRows } from "../test/lightgbm.ts";

// Threads load compiled code, as they would from a bundle: LightGBM is compiled too. Found from the second run on.
process.env.NODE_COMPILE_CACHE ??= join(import.meta.dirname, "../build/compile-cache");

const columns = 24;
const median = (values: number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]!;
const later = sampleRows(100_000, columns, 2);

async function seconds<T>(work: () => T | Promise<T>): Promise<[T, number]> {
  const started = performance.now();
  const result = await work();
  return [result, (performance.now() - started) / 1000];
}

async function medianOf<T>(rounds: number, work: () => T | Promise<T>): Promise<[T, number]> {
  const runs = await Array.fromAsync({ length: rounds }, () => seconds(work));
  return [runs[0]![0], median(runs.map(([, taken]) => taken))];
}

async function versusLightGBM(rows: number, rounds: number): Promise<void> {
  const data = sampleRows(rows, columns, 1);
  console.log(`${rows} rows, 100 trees of depth 6:`);
  const python = locate("lightgbm");
  if (!python) console.log("LightGBM is not here; npm run peers lightgbm");
  let model: Model | undefined;
  for (const threads of [1, 2]) {
    const trained = await medianOf(rounds, () => (threads === 1 ? train(data) : trainInThreads(data, threads)));
    const [, ours] = trained;
    model = trained[0];
    const area = areaUnderCurve(score(model, later.features, columns), later.labels);
    console.log(`  ours in ${threads}: ${ours.toFixed(2)} s, AUC ${area.toFixed(4)}`);
    if (!python) continue;
    const peer = lightgbm(python, data, later.features, { threads, rounds });
    const theirs = median(peer.seconds);
    const peerArea = areaUnderCurve(peer.scores, later.labels);
    console.log(
      `  LightGBM in ${threads}: ${theirs.toFixed(2)} s, AUC ${peerArea.toFixed(4)}; ours takes ${(ours / theirs).toFixed(2)} times as long`,
    );
  }
  if (rows > 100_000) return;
  const few = later.features.subarray(0, 10_000 * columns);
  const [, scoring] = await medianOf(9, () => score(model!, few, columns));
  console.log(`  10,000 rows scored in ${(1000 * scoring).toFixed(1)} ms`);
}

/** The package that JavaScript has for this, its trees bounded alike; timed on five, since a hundred take minutes. */
async function versusForest(folder: string): Promise<void> {
  const { RandomForestRegression } = createRequire(join(resolve(folder), "index.js"))("ml-random-forest");
  const { features, labels } = sampleRows(10_000, columns, 1);
  const full = features.map((value) => (Number.isNaN(value) ? -2 : value)); // it does not know missing values
  const table = Array.from({ length: 10_000 }, (_, row) => [...full.subarray(row * columns, (row + 1) * columns)]);
  const [, ours] = await medianOf(5, () => train({ features: full, columns, labels }));
  const treeOptions = { maxDepth: 6, gainThreshold: 0 };
  const forest = new RandomForestRegression({ nEstimators: 5, seed: 1, noOOB: true, treeOptions });
  const [, five] = await seconds(() => forest.train(table, [...labels]));
  console.log(
    `10,000 rows, 100 trees: ours ${ours.toFixed(2)} s; ml-random-forest ${(20 * five).toFixed(0)} s by 5 trees of it, ${((20 * five) / ours).toFixed(0)} times ours`,
  );
}

await versusLightGBM(100_000, 5);
if (process.argv.includes("--million")) await versusLightGBM(1_000_000, 1);
const [, folder] = process.argv.map((word) => word.match(/^--forest=(.+)/)).find(Boolean) ?? [];
if (folder) await versusForest(folder);
