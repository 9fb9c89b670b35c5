/**
 * Training and scoring of boosted trees, beside LightGBM (npm run peers lightgbm) and ml-random-forest.
 *
 *   node benchmarks/boosted-trees.ts [--million] [--forest=<folder>]
 *
 * 100,000 rows of 24 features, 100 trees of depth 6: ours in one thread, LightGBM in one and in two; the median of 5
 * decides. `--million`: once more with 1,000,000 rows, one round. `--forest`: 10,000 rows beside ml-random-forest, from a
 * folder where `npm install ml-random-forest@2.1.0` was run. Binning is in all figures, as is making of the data set in
 * LightGBM's.
 */
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { score, train } from "@goatnote/boosted-trees";
import { locate } from "../scripts/peers.ts";
import { areaUnderCurve, lightgbm, sampleRows } from "../test/lightgbm.ts";

const columns = 24;
const median = (values: number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]!;
const later = sampleRows(100_000, columns, 2);

function seconds<T>(work: () => T): [T, number] {
  const started = performance.now();
  const result = work();
  return [result, (performance.now() - started) / 1000];
}

function versusLightGBM(rows: number, rounds: number): void {
  const data = sampleRows(rows, columns, 1);
  const trained = Array.from({ length: rounds }, () => seconds(() => train(data)));
  const ours = median(trained.map(([, taken]) => taken));
  const area = areaUnderCurve(score(trained[0]![0], later.features, columns), later.labels);
  console.log(`${rows} rows, 100 trees of depth 6: ours ${ours.toFixed(2)} s in one thread, AUC ${area.toFixed(4)}`);
  const python = locate("lightgbm");
  if (!python) console.log("LightGBM is not here; npm run peers lightgbm");
  for (const threads of python ? [1, 2] : []) {
    const peer = lightgbm(python!, data, later.features, { threads, rounds });
    const theirs = median(peer.seconds);
    const peerArea = areaUnderCurve(peer.scores, later.labels);
    console.log(
      `  LightGBM in ${threads}: ${theirs.toFixed(2)} s, AUC ${peerArea.toFixed(4)}; ours takes ${(ours / theirs).toFixed(2)} times as long`,
    );
  }
  if (rows > 100_000) return;
  const few = later.features.subarray(0, 10_000 * columns);
  const scoring = median(Array.from({ length: 9 }, () => seconds(() => score(trained[0]![0], few, columns))[1]));
  console.log(`  10,000 rows scored in ${(1000 * scoring).toFixed(1)} ms`);
}

/** The package that JavaScript has for this, its trees bounded alike; timed on five, since a hundred take minutes. */
function versusForest(folder: string): void {
  const { RandomForestRegression } = createRequire(join(resolve(folder), "index.js"))("ml-random-forest");
  const { features, labels } = sampleRows(10_000, columns, 1);
  const full = features.map((value) => (Number.isNaN(value) ? -2 : value)); // it does not know missing values
  const table = Array.from({ length: 10_000 }, (_, row) => [...full.subarray(row * columns, (row + 1) * columns)]);
  const ours = median(Array.from({ length: 5 }, () => seconds(() => train({ features: full, columns, labels }))[1]));
  const treeOptions = { maxDepth: 6, gainThreshold: 0 };
  const forest = new RandomForestRegression({ nEstimators: 5, seed: 1, noOOB: true, treeOptions });
  const [, five] = seconds(() => forest.train(table, [...labels]));
  console.log(
    `10,000 rows, 100 trees: ours ${ours.toFixed(2)} s; ml-random-forest ${(20 * five).toFixed(0)} s by 5 trees of it, ${((20 * five) / ours).toFixed(0)} times ours`,
  );
}

versusLightGBM(100_000, 5);
if (process.argv.includes("--million")) versusLightGBM(1_000_000, 1);
const [, folder] = process.argv.map((word) => word.match(/^--forest=(.+)/)).find(Boolean) ?? [];
if (folder) versusForest(folder);
