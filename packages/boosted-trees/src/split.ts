/** The best way to part a node's rows in two (Chen and Guestrin 2016, equation 7; missing values as in algorithm 3). */
import type { Binned } from "./bins.ts";
import type { Gradients } from "./gradients.ts";
import { BINS, type Histogram } from "./histogram.ts";
import type { Options } from "./options.ts";
import type { Member } from "./team.ts";

export interface Split {
  /** Below 0 where no split makes the loss less. */
  score: number;
  feature: number;
  /** Bins from 1 to this one go left. */
  bin: number;
  /** 1 where a missing value goes right. */
  missingRight: number;
  /** Twice what the loss on these rows becomes less by. */
  gain: number;
}

/** How many numbers a split is at a meeting. */
export const SPLIT = 5;
/** Gains below are rounding. */
const LEAST_GAIN = 1e-9;
/** A score that comes so near to the best may be above it, but for rounding. */
const NEAR = 1 - 1e-14;

/**
 * The best split of a node in some columns.
 * @param features those of the member's columns that may be split by
 */
export function bestSplit(
  { first, second }: Histogram,
  { cuts }: Pick<Binned, "cuts">,
  features: Uint32Array,
  { firstUnit, secondUnit }: Gradients,
  { lambda, minChildWeight }: Pick<Options, "lambda" | "minChildWeight">,
): Split {
  const penalty = lambda / secondUnit;
  const least = Math.max(1, minChildWeight / secondUnit);
  const { allFirst, allSecond } = totals(first, second, (features[0] ?? 0) * BINS);
  const unsplit = (allFirst * allFirst) / (allSecond + penalty);
  let bestScore = unsplit;
  let nearBest = bestScore * NEAR;
  let bestFeature = -1;
  let bestBin = 0;
  let bestMissingRight = 0;
  for (let index = 0; index < features.length; index += 1) {
    const feature = features[index]!;
    const start = feature * BINS;
    const last = cuts[feature]!.length;
    const missingFirst = first[start]!;
    const missingSecond = second[start]!;
    const isMissing = missingSecond > 0;
    for (let goesRight = isMissing ? 1 : 0; goesRight >= 0; goesRight -= 1) {
      let leftFirst = isMissing && goesRight === 0 ? missingFirst : 0;
      let leftSecond = isMissing && goesRight === 0 ? missingSecond : 0;
      for (let bin = 1; bin <= last; bin += 1) {
        leftFirst += first[start + bin]!;
        leftSecond += second[start + bin]!;
        const rightSecond = allSecond - leftSecond;
        if (leftSecond < least) continue;
        if (rightSecond < least) break;
        const rightFirst = allFirst - leftFirst;
        const left = leftSecond + penalty;
        const right = rightSecond + penalty;
        // Both fractions over one denominator: no division unless it may be the best so far.
        const top = leftFirst * leftFirst * right + rightFirst * rightFirst * left;
        if (top > nearBest * (left * right)) {
          const score = top / (left * right);
          if (score <= bestScore) continue;
          bestScore = score;
          nearBest = score * NEAR;
          bestFeature = feature;
          bestBin = bin;
          // Where none is missing, one that is missing later goes with the heavier side, as the rows mostly do.
          bestMissingRight = isMissing ? goesRight : leftSecond >= rightSecond ? 0 : 1;
        }
      }
    }
  }
  const gain = ((bestScore - unsplit) * firstUnit * firstUnit) / secondUnit;
  const isOne = bestFeature >= 0 && gain > LEAST_GAIN;
  return { score: isOne ? bestScore : -1, feature: bestFeature, bin: bestBin, missingRight: bestMissingRight, gain };
}

/** Of each node the best split that any member has found: of equally good ones that of the first column. */
export function agree(mine: readonly Split[], member: Member): (Split | undefined)[] {
  const said = member.hear(
    mine.flatMap(({ score, feature, bin, missingRight, gain }) => [score, feature, bin, missingRight, gain]),
  );
  return mine.map((_, node) => {
    const found = said.map((numbers) => numbers.subarray(SPLIT * node, SPLIT * (node + 1)));
    const best = found.reduce((one, other) => (other[0]! > one[0]! ? other : one));
    const [score = -1, feature = 0, bin = 0, missingRight = 0, gain = 0] = best;
    return score < 0 ? undefined : { score, feature, bin, missingRight, gain };
  });
}

/** The sums of all rows of the node, which are the same for every feature. */
function totals(first: Float64Array, second: Float64Array, start: number): { allFirst: number; allSecond: number } {
  let allFirst = 0;
  let allSecond = 0;
  for (let place = start; place < start + BINS; place += 1) {
    allFirst += first[place]!;
    allSecond += second[place]!;
  }
  return { allFirst, allSecond };
}
