import type { Model } from "./model.ts";
import { sigmoid } from "./portable-math.ts";

/** Rows that are scored before the next tree: few enough that they stay in the processor's cache. */
const BATCH = 512;

/**
 * The log odds of class 1 for each row. Made for many rows at once: each call goes through the whole model first.
 * @param features row by row, `columns` numbers each; NaN is a missing value
 * @throws RangeError when the model has other columns
 */
export function score(model: Model, features: Float64Array | Float32Array, columns: number): Float64Array {
  if (columns !== model.columns)
    throw new RangeError(`The rows have ${columns} columns, the model was trained on ${model.columns}.`);
  if (features.length % columns !== 0)
    throw new RangeError(`${features.length} features are not whole rows of ${columns} columns.`);
  const odds = new Float64Array(features.length / columns).fill(model.base);
  addTrees(model, features, odds);
  return odds;
}

/** Adds what the trees of a model say to the log odds of rows. */
export function addTrees(model: Model, features: Float64Array | Float32Array, odds: Float64Array): void {
  const paths = pathsOf(model);
  for (let from = 0; from < odds.length; from += BATCH) {
    const to = Math.min(odds.length, from + BATCH);
    for (const root of model.roots) addTree(paths, root, features, odds, from, to);
  }
}

/** A model whose leaves lead to themselves, so that all rows take as many steps through a tree. */
interface Paths extends Pick<Model, "columns" | "feature" | "threshold" | "missingRight" | "value"> {
  left: Uint32Array;
  /** The steps from a node to the farthest leaf below it. */
  steps: Uint32Array;
}

function pathsOf({ columns, feature, left, threshold, missingRight, value }: Model): Paths {
  const steps = new Uint32Array(left.length);
  for (let node = left.length - 1; node >= 0; node -= 1) {
    const child = left[node]!;
    if (child !== 0) steps[node] = 1 + Math.max(steps[child]!, steps[child + 1]!);
  }
  return {
    columns,
    feature,
    left: left.map((child, node) => child || node),
    threshold: threshold.map((at, node) => (left[node] === 0 ? Number.POSITIVE_INFINITY : at)),
    missingRight: missingRight.map((right, node) => (left[node] === 0 ? 0 : right)),
    value,
    steps,
  };
}

/** Four rows side by side and without a branch: a step waits for memory, and a guess at where it leads is mostly wrong. */
function addTree(
  { columns, feature, left, threshold, missingRight, value, steps }: Paths,
  root: number,
  features: Float64Array | Float32Array,
  odds: Float64Array,
  from: number,
  to: number,
): void {
  const depth = steps[root]!;
  let row = from;
  for (let start = from * columns; row + 4 <= to; row += 4, start += 4 * columns) {
    let a = root;
    let b = root;
    let c = root;
    let d = root;
    for (let step = 0; step < depth; step += 1) {
      const v = features[start + feature[a]!]!;
      const w = features[start + columns + feature[b]!]!;
      const x = features[start + 2 * columns + feature[c]!]!;
      const y = features[start + 3 * columns + feature[d]!]!;
      a = left[a]! + goesRight(v, threshold[a]!, missingRight[a]!);
      b = left[b]! + goesRight(w, threshold[b]!, missingRight[b]!);
      c = left[c]! + goesRight(x, threshold[c]!, missingRight[c]!);
      d = left[d]! + goesRight(y, threshold[d]!, missingRight[d]!);
    }
    odds[row]! += value[a]!;
    odds[row + 1]! += value[b]!;
    odds[row + 2]! += value[c]!;
    odds[row + 3]! += value[d]!;
  }
  for (let start = row * columns; row < to; row += 1, start += columns) {
    let node = root;
    for (let step = 0; step < depth; step += 1) {
      const x = features[start + feature[node]!]!;
      node = left[node]! + goesRight(x, threshold[node]!, missingRight[node]!);
    }
    odds[row]! += value[node]!;
  }
}

/** 1 or 0: whether a value goes right at a node. */
const goesRight = (x: number, threshold: number, missingRight: number): number =>
  +(x > threshold) | (+Number.isNaN(x) & missingRight);

/** The probability of class 1 for each row: the sigmoid of {@link score}. */
export const probability = (model: Model, features: Float64Array | Float32Array, columns: number): Float64Array =>
  score(model, features, columns).map(sigmoid);
