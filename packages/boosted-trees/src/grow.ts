/** One tree, from each node to all below its left child, then to those below its right one. */
import type { Binned } from "./bins.ts";
import type { Gradients } from "./gradients.ts";
import { addUp, type Histogram, histogramFor, subtract, sumRows } from "./histogram.ts";
import type { Node } from "./model.ts";
import type { Options } from "./options.ts";
import { bestSplit, type Split } from "./split.ts";
import type { Member } from "./team.ts";

/** What all trees of a training share in one thread, so that a tree allocates nothing per row. */
export interface Workshop {
  binned: Binned;
  gradients: Gradients;
  options: Options;
  member: Member;
  /** The member's rows of every node, each node's next to each other. */
  order: Uint32Array;
  /** Rows that go right wait here while a node is parted. */
  waiting: Uint32Array;
  /** One per depth; the larger child takes its parent's. */
  histograms: Histogram[];
  packed: Float64Array;
}

export function workshop(binned: Binned, gradients: Gradients, options: Options, member: Member): Workshop {
  const histograms = Array.from({ length: options.depth }, () => histogramFor(binned.columns));
  return {
    binned,
    gradients,
    options,
    member,
    order: new Uint32Array(binned.rows),
    waiting: new Uint32Array(binned.rows),
    histograms,
    packed: new Float64Array(binned.stride * 1024),
  };
}

/**
 * Grows a tree on the first `count` rows of the workshop's order, and of the other members'.
 * @param features those that it may split by
 * @param odds log odds of the member's rows; the tree's values are added for the rows that taught it
 */
export function grow(shop: Workshop, count: number, features: Uint32Array, odds: Float64Array): Node[] {
  const { binned, gradients, options, member, order, histograms, packed } = shop;
  const used = Uint32Array.from(new Set(Array.from(features, (feature) => feature >> 2)));
  const [first, last] = member.share(binned.columns);
  const mine = features.filter((feature) => feature >= first && feature < last);
  const { histograms: shared, leaves } = member.common;
  const nodes: Node[] = [leaf()];
  const ended: { at: number; from: number; to: number }[] = [];

  const sum = (into: Histogram, from: number, to: number): void => {
    const own = shared[member.index];
    sumRows(own ?? into, binned, gradients, order, from, to, used, packed);
    if (!own) return;
    member.meet();
    addUp(into, shared, first, last);
  };

  /** Makes node `at` of the rows `from..to`, whose sums are in `sums`: a split and all below it, or a leaf. */
  const settle = (at: number, from: number, to: number, depth: number, sums: Histogram | undefined): void => {
    const split = sums && bestSplit(sums, binned, mine, gradients, options, member);
    if (!sums || !split) {
      ended.push({ at, from, to });
      sumLeaf(leaves[member.index]!, at, gradients.fine, order, from, to);
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
    let [leftSums, rightSums] = [child, child && sums];
    if (child) {
      // The rows of the smaller side are summed; what is left of the node's sums are the other side's.
      const isLeftSmaller = member.isAtMost(middle - from, to - middle);
      if (!isLeftSmaller) [leftSums, rightSums] = [rightSums, leftSums];
      sum(child, ...(isLeftSmaller ? ([from, middle] as const) : ([middle, to] as const)));
      subtract(sums, child, first, last);
    }
    settle(left, from, middle, depth + 1, leftSums);
    settle(left + 1, middle, to, depth + 1, rightSums);
  };

  sum(histograms[0]!, 0, count);
  settle(0, 0, count, 0, histograms[0]);
  member.meet();
  for (const { at, from, to } of ended) {
    const value = newtonStep(leaves, at, gradients, options);
    nodes[at]!.value = value;
    for (let place = from; place < to; place += 1) odds[order[place]!]! += value;
  }
  return nodes;
}

/** Sums the finely rounded derivatives of a leaf's rows. */
function sumLeaf(
  sums: Float64Array,
  at: number,
  fine: Float64Array,
  order: Uint32Array,
  from: number,
  to: number,
): void {
  let first = 0;
  let second = 0;
  for (let place = from; place < to; place += 1) {
    const row = order[place]!;
    first += fine[2 * row]!;
    second += fine[2 * row + 1]!;
  }
  sums[2 * at] = first;
  sums[2 * at + 1] = second;
}

/** The value of a leaf, from the sums of all members. */
function newtonStep(
  sums: readonly Float64Array[],
  at: number,
  { fineFirst, fineSecond }: Gradients,
  { lambda, learningRate }: Options,
): number {
  let [g, h] = [0, 0];
  for (const of of sums) {
    g += of[2 * at]!;
    h += of[2 * at + 1]!;
  }
  const penalized = h / fineSecond + lambda;
  return penalized > 0 ? (-g / fineFirst / penalized) * learningRate : 0;
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
