/** One tree, a few of its nodes at a time, the deepest first. */
import type { Binned } from "./bins.ts";
import type { Gradients } from "./gradients.ts";
import { addUp, type Histogram, histogramFor, subtract, sumRows } from "./histogram.ts";
import type { Node } from "./model.ts";
import type { Options } from "./options.ts";
import { agree, bestSplit, type Split } from "./split.ts";
import { type Member, nodesTogether } from "./team.ts";

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
  /** Those that no node has. */
  histograms: Histogram[];
  packed: Float64Array;
}

export function workshop(binned: Binned, gradients: Gradients, options: Options, member: Member): Workshop {
  return {
    binned,
    gradients,
    options,
    member,
    order: new Uint32Array(binned.rows),
    waiting: new Uint32Array(binned.rows),
    histograms: [],
    packed: new Float64Array(binned.stride * 1024),
  };
}

/** Rows of the member that came to a node, next to each other in the order. */
interface Stretch {
  from: number;
  to: number;
}

/** A node that may be split, and the sums over all members' rows of it in this member's columns. */
interface Open extends Stretch {
  at: number;
  depth: number;
  sums: Histogram;
}

/** A node that is split: its rows from `middle` on go right. */
interface Parted extends Open {
  middle: number;
  /** The left child; the right one is behind it. */
  left: number;
}

/**
 * Grows a tree on the first `count` rows of the workshop's order, and of the other members'.
 * @param features those that it may split by
 * @param odds log odds of the member's rows; the tree's values are added for the rows that taught it
 */
export function grow(shop: Workshop, count: number, features: Uint32Array, odds: Float64Array): Node[] {
  const { binned, gradients, options, member, order, histograms } = shop;
  const used = Uint32Array.from(new Set(Array.from(features, (feature) => feature >> 2)));
  const [first, last] = member.share(binned.columns);
  const mine = features.filter((feature) => feature >= first && feature < last);
  const { leaves } = member.common;
  const together = nodesTogether(binned.columns);
  const nodes: Node[] = [leaf()];
  const ended: (Stretch & { at: number })[] = [];

  const end = (at: number, from: number, to: number): void => {
    ended.push({ at, from, to });
    sumLeaf(leaves[member.index]!, at, gradients.fine, order, from, to);
  };

  const partNode = (node: Open, split: Split): Parted => {
    const left = nodes.length;
    nodes[node.at] = asNode(split, binned, left);
    nodes.push(leaf(), leaf());
    return { ...node, left, middle: part(shop, split, node.from, node.to) };
  };

  /** The children of these nodes, with their sums. The rows of the smaller ones are summed; what is left are the others'. */
  const childrenOf = (parents: readonly Parted[]): Open[] => {
    const areLeftSmaller = member.areAtMost(parents.map(({ from, middle, to }) => middle - from - (to - middle)));
    const smaller = parents.map(({ from, middle, to }, index) =>
      areLeftSmaller[index] ? { from, to: middle } : { from: middle, to },
    );
    const smallerSums = sum(shop, smaller, used);
    return parents.flatMap(({ left, from, middle, to, depth, sums }, index) => {
      const ofSmaller = smallerSums[index]!;
      subtract(sums, ofSmaller, first, last);
      const [leftSums, rightSums] = areLeftSmaller[index] ? [ofSmaller, sums] : [sums, ofSmaller];
      return [
        { at: left, from, to: middle, depth: depth + 1, sums: leftSums },
        { at: left + 1, from: middle, to, depth: depth + 1, sums: rightSums },
      ];
    });
  };

  const [sums] = sum(shop, [{ from: 0, to: count }], used);
  const open: Open[] = [{ at: 0, from: 0, to: count, depth: 0, sums: sums! }];
  while (open.length > 0) {
    const some = open.splice(-together);
    const splits = agree(
      some.map((node) => bestSplit(node.sums, binned, mine, gradients, options)),
      member,
    );
    const parents: Parted[] = [];
    for (const [index, node] of some.entries()) {
      const split = splits[index];
      const parted = split && partNode(node, split);
      if (parted && node.depth + 1 < options.depth) {
        parents.push(parted);
        continue;
      }
      if (parted) {
        end(parted.left, node.from, parted.middle);
        end(parted.left + 1, parted.middle, node.to);
      } else end(node.at, node.from, node.to);
      histograms.push(node.sums);
    }
    if (parents.length > 0) open.push(...childrenOf(parents));
  }
  member.meet();
  for (const { at, from, to } of ended) {
    const value = newtonStep(leaves, at, gradients, options);
    nodes[at]!.value = value;
    add(value, odds, order, from, to);
  }
  return nodes;
}

/** The sums over all members' rows of each stretch, which may be another one for each, in this member's columns. */
function sum(
  { binned, gradients, member, order, histograms, packed }: Workshop,
  stretches: readonly Stretch[],
  used: Uint32Array,
): Histogram[] {
  const [first, last] = member.share(binned.columns);
  const { histograms: shared } = member.common;
  const own = shared[member.index];
  const sums = stretches.map(() => histograms.pop() ?? histogramFor(binned.columns));
  for (const [index, { from, to }] of stretches.entries())
    sumRows(own?.[index] ?? sums[index]!, binned, gradients, order, from, to, used, packed);
  if (!own) return sums;
  member.meet();
  for (const [index, into] of sums.entries()) {
    const each = shared.map((ofMember) => ofMember[index]!);
    addUp(into, each, first, last);
  }
  return sums;
}

function add(value: number, odds: Float64Array, order: Uint32Array, from: number, to: number): void {
  for (let place = from; place < to; place += 1) odds[order[place]!]! += value;
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

const asNode = ({ feature, bin, missingRight, gain }: Split, { cuts }: Binned, left: number): Node => ({
  feature,
  threshold: cuts[feature]![bin - 1]!,
  left,
  missingRight,
  value: 0,
  gain,
});

const leaf = (): Node => ({ feature: 0, threshold: 0, left: 0, missingRight: 0, value: 0, gain: 0 });

/** Parts the rows `from..to` of the order, each side in its order as before, and tells where the right side begins. */
function part(
  { binned, order, waiting }: Workshop,
  { feature, bin, missingRight }: Split,
  from: number,
  to: number,
): number {
  const bins = binned.byColumn[feature]!;
  // Shifted by one below zero, a missing value is above all bins: one comparison serves both. A whole number to the
  // compiler by `| 0`, since what a meeting tells are not.
  const [shift, limit] = missingRight ? [255, bin - 1] : [0, bin];
  let left = from;
  let right = 0;
  for (let at = from; at < to; at += 1) {
    const row = order[at]!;
    const goesRight = ((limit | 0) - ((bins[row]! + shift) & 255)) >>> 31; // the sign: a branch here is foretold wrongly
    order[left] = row;
    waiting[right] = row;
    left += 1 - goesRight;
    right += goesRight;
  }
  for (let at = 0; at < right; at += 1) order[left + at] = waiting[at]!;
  return left;
}
