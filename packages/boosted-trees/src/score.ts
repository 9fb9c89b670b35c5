import type { Model } from "./model.ts";
import { sigmoid } from "./portable-math.ts";

/**
 * The log odds of class 1 for each row.
 * @param features row by row, `columns` numbers each; NaN is a missing value
 * @throws RangeError when the model has other columns
 */
export function score(model: Model, features: Float64Array | Float32Array, columns: number): Float64Array {
  if (columns !== model.columns)
    throw new RangeError(`The rows have ${columns} columns, the model was trained on ${model.columns}.`);
  if (features.length % columns !== 0)
    throw new RangeError(`${features.length} features are not whole rows of ${columns} columns.`);
  const odds = new Float64Array(features.length / columns).fill(model.base);
  for (const root of model.roots) addTree(model, root, features, odds);
  return odds;
}

/** Adds what one tree says. Tree by tree, so that its nodes stay in the processor's cache. */
export function addTree(model: Model, root: number, features: Float64Array | Float32Array, odds: Float64Array): void {
  const { columns, feature, threshold, left, missingRight, value } = model;
  for (let row = 0, start = 0; row < odds.length; row += 1, start += columns) {
    let node = root;
    let child = left[node]!;
    while (child !== 0) {
      const x = features[start + feature[node]!]!;
      if (x > threshold[node]!) node = child + 1;
      else if (!Number.isNaN(x)) node = child;
      else node = child + missingRight[node]!;
      child = left[node]!;
    }
    odds[row]! += value[node]!;
  }
}

/** The probability of class 1 for each row: the sigmoid of {@link score}. */
export const probability = (model: Model, features: Float64Array | Float32Array, columns: number): Float64Array =>
  score(model, features, columns).map(sigmoid);
