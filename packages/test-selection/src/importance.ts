/** What each feature tells a model: how much worse it does when the feature is shuffled among tests it has not seen. */
import { type Data, permutationImportance } from "@goatnote/boosted-trees";
import { featureNames } from "./features.ts";
import { type Example, fit, logOdds } from "./logistic.ts";

export interface FeatureImportance {
  feature: string;
  /** By how much the log loss grows, in nats, where failing and passing tests count alike in sum; about 0 or below for one that tells nothing. */
  importance: number;
}

const heldOut = 1 / 5;
const seeds = [1, 2, 3, 4, 5];

/**
 * Permutation importance (Breiman, Machine Learning 45, 2001; Fisher, Rudin, Dominici, JMLR 20, 2019), mean of five
 * shuffles with fixed seeds, of a model fitted to the older four fifths, on the newest fifth.
 * @param examples oldest first
 * @returns the largest first; null where either part lacks failing or passing examples
 */
export function importances(examples: readonly Example[], penalty: number): FeatureImportance[] | null {
  const cut = Math.floor(examples.length * (1 - heldOut));
  const [older, newest] = [examples.slice(0, cut), examples.slice(cut)];
  const both = (some: readonly Example[]): boolean =>
    new Set(some.filter(({ weight }) => weight > 0).map(({ failed }) => failed)).size === 2;
  if (!both(older) || !both(newest)) return null;
  const model = fit(older, penalty);
  const data = dataOf(newest);
  const scorer = (features: Float64Array | Float32Array, columns: number): Float64Array =>
    Float64Array.from({ length: features.length / columns }, (_, row) =>
      logOdds(model, features.subarray(row * columns, (row + 1) * columns)),
    );
  const rounds = seeds.map((seed) => permutationImportance(scorer, data, seed));
  return featureNames
    .map((feature, index) => ({
      feature,
      importance: rounds.reduce((sum, round) => sum + round[index]!, 0) / seeds.length,
    }))
    .sort((a, b) => b.importance - a.importance);
}

function dataOf(examples: readonly Example[]): Data {
  const columns = featureNames.length;
  const features = new Float32Array(examples.length * columns);
  for (const [row, example] of examples.entries()) features.set(example.features, row * columns);
  const sums = [0, 0];
  for (const { failed, weight } of examples) sums[Number(failed)]! += weight;
  return {
    features,
    columns,
    labels: Uint8Array.from(examples, ({ failed }) => Number(failed)),
    weights: Float64Array.from(examples, ({ failed, weight }) => weight / sums[Number(failed)]!),
  };
}
