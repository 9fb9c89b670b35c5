import { checkData, type Data } from "./data.ts";
import { logLoss } from "./log-loss.ts";
import type { Model } from "./model.ts";
import { derived, random, shuffled } from "./random.ts";

/** The share of all gain that the splits by each feature brought; all 0 for a model without splits. */
export function gainImportance({ columns, left, feature, gain }: Model): Float64Array {
  const sums = new Float64Array(columns);
  let total = 0;
  for (let node = 0; node < left.length; node += 1) {
    if (left[node] === 0) continue;
    sums[feature[node]!]! += gain[node]!;
    total += gain[node]!;
  }
  return total > 0 ? sums.map((sum) => sum / total) : sums;
}

/**
 * How much the mean log loss grows when one feature is shuffled among the rows (Breiman 2001; Fisher et al. 2019).
 * @param scorer log odds of rows; {@link score} of a model, or of a blend
 * @param data rows that the model has not seen
 * @returns nats per feature; about 0 or below for one that tells nothing
 */
export function permutationImportance(
  scorer: (features: Float64Array | Float32Array, columns: number) => Float64Array,
  data: Data,
  seed = 1,
): Float64Array {
  const rows = checkData(data, "data");
  const { columns } = data;
  const before = logLoss(scorer(data.features, columns), data);
  const features = data.features.slice();
  return Float64Array.from({ length: columns }, (_, column) => {
    const order = shuffled(rows, random(derived(seed, column)));
    for (let row = 0; row < rows; row += 1)
      features[row * columns + column] = data.features[order[row]! * columns + column]!;
    const after = logLoss(scorer(features, columns), data);
    for (let row = 0; row < rows; row += 1) features[row * columns + column] = data.features[row * columns + column]!;
    return after - before;
  });
}
