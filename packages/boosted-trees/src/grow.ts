/** One tree, level by level below each node, smaller child first. */
import type { Binned } from "./bins.ts";
import type { Gradients } from "./gradients.ts";
import { type Histogram, histogramFor, subtract, sumRows } from "./histogram.ts";
import type { Node } from "./model.ts";
import type { Options } from "./options.ts";
import { bestSplit, type Split } from "./split.ts";

/** What all trees of a training share, so that a tree allocates nothing per row. */
export interface Workshop {
  binned: Binned;
  gradients: Gradients;
  options: Options;
  /** The rows of every node, each node's next to each other. */
  order: Uint32Array;
  /** Rows that go right wait here while a node is parted. */
  waiting: Uint32Array;
  /** One per depth; the larger child takes its parent's. */
  histograms: Histogram[];
  packed: Float64Array;
}

export function workshop(binned: Binned, gradients: Gradients, options: Options): Workshop {
  const histograms = Array.from({ length: options.depth }, () => histogramFor(binned));
  return {
    binned,
    gradients,
    options,
    order: new Uint32Array(binned.rows),
    waiting: new Uint32Array(binned.rows),
    histograms,
    packed: new Float64Array(binned.stride * 1024),
  };
}

/**
 * Grows a tree on the first `count` rows of the workshop's order.
 * @param features those that it may split by
 * @param odds log odds of all rows; the tree's values are added for the rows that taught it
 */
export function grow(shop: Workshop, count: number, features: Uint32Array, odds: Float64Array): Node[] {
  const { binned, gradients, options, order, histograms, packed } = shop;
  const used = Uint32Array.from(new Set(Array.from(features, (feature) => feature >> 2)));
  const nodes: Node[] = [leaf()];

  const sum = (into: Histogram, from: number, to: number): void =>
    sumRows(into, binned, gradients, order, from, to, used, packed);

  /** Makes node `at` of the rows `from..to`, whose sums are in `sums`: a split and all below it, or a leaf. */
  const settle = (at: number, from: number, to: number, depth: number, sums: Histogram | undefined): void => {
    const split = sums && bestSplit(sums, binned, features, gradients, options);
    if (!sums || !split) {
      finish(nodes[at]!, from, to);
      return;
    }
    const middle = part(shop, split, from, to);
    const left = nodes.length;
    nodes[at] = {
      feature: split.feature,
      threshold: binned.cuts[split.feature]![split.bin - 1]!,
      left,
      missingRight: split.missingRight ? 1 : 0,
      value: 0,
      gain: split.gain,
    };
    nodes.push(leaf(), leaf());
    const child = histograms[depth + 1];
    const isLeftSmaller = middle - from <= to - middle;
    const [small, large] = isLeftSmaller ? [left, left + 1] : [left + 1, left];
    const [smallFrom, smallTo, largeFrom, largeTo] = isLeftSmaller
      ? [from, middle, middle, to]
      : [middle, to, from, middle];
    if (child) {
      sum(child, smallFrom, smallTo);
      subtract(sums, child);
    }
    settle(small, smallFrom, smallTo, depth + 1, child);
    settle(large, largeFrom, largeTo, depth + 1, child && sums);
  };

  /** The Newton step for the rows of a leaf, from the derivatives as they are and in the order of the rows. */
  const finish = (node: Node, from: number, to: number): void => {
    const { exact } = gradients;
    let g = 0;
    let h = options.lambda;
    for (let at = from; at < to; at += 1) {
      const row = order[at]!;
      g += exact[2 * row]!;
      h += exact[2 * row + 1]!;
    }
    node.value = h > 0 ? (-g / h) * options.learningRate : 0;
    const { value } = node;
    for (let at = from; at < to; at += 1) odds[order[at]!]! += value;
  };

  sum(histograms[0]!, 0, count);
  settle(0, 0, count, 0, histograms[0]);
  return nodes;
}

const leaf = (): Node => ({ feature: 0, threshold: 0, left: 0, missingRight: 0, value: 0, gain: 0 });

/** Parts the rows `from..to` of the order, each side in its order as before, and tells where the right side begins. */
function part(
  { binned, order, waiting }: Workshop,
  { feature, bin, missingRight }: Split,
  from: number,
  to: number,
): number {
  const bins = binned.byColumn[feature]!;
  // Shifted by one below zero, a missing value is above all bins: one comparison serves both.
  const [shift, limit] = missingRight ? [255, bin - 1] : [0, bin];
  let left = from;
  let right = 0;
  for (let at = from; at < to; at += 1) {
    const row = order[at]!;
    const goesRight = (limit - ((bins[row]! + shift) & 255)) >>> 31; // the sign: a branch here is foretold wrongly
    order[left] = row;
    waiting[right] = row;
    left += 1 - goesRight;
    right += goesRight;
  }
  for (let at = 0; at < right; at += 1) order[left + at] = waiting[at]!;
  return left;
}
