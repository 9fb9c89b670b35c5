/** The best way to part a node's rows in two (Chen and Guestrin 2016, equation 7; missing values as in algorithm 3). */
import type { Binned } from "./bins.ts";
import type { Gradients } from "./gradients.ts";
import { BINS, type Histogram } from "./histogram.ts";
import type { Options } from "./options.ts";

export interface Split {
  feature: number;
  /** Bins from 1 to this one go left. */
  bin: number;
  missingRight: boolean;
  /** Twice what the loss on these rows becomes less by. */
  gain: number;
}

/** Gains below are rounding. */
const LEAST_GAIN = 1e-9;

/** @returns undefined where no split makes the loss less */
export function bestSplit(
  { first, second }: Histogram,
  { cuts }: Binned,
  features: Uint32Array,
  { firstUnit, secondUnit }: Gradients,
  { lambda, minChildWeight }: Pick<Options, "lambda" | "minChildWeight">,
): Split | undefined {
  const penalty = lambda / secondUnit;
  const least = Math.max(1, minChildWeight / secondUnit);
  let [bestScore, bestFeature, bestBin, bestMissingRight] = [0, -1, 0, 0];
  for (let index = 0; index < features.length; index += 1) {
    const feature = features[index]!;
    const start = feature * BINS;
    const last = cuts[feature]!.length;
    let [allFirst, allSecond] = [0, 0];
    for (let place = start; place <= start + last; place += 1) {
      allFirst += first[place]!;
      allSecond += second[place]!;
    }
    const unsplit = (allFirst * allFirst) / (allSecond + penalty);
    const [missingFirst, missingSecond] = [first[start]!, second[start]!];
    const isMissing = missingSecond > 0;
    for (let goesRight = isMissing ? 1 : 0; goesRight >= 0; goesRight -= 1) {
      // Without missing values here they will go with the heavier side, as the rows mostly do.
      let leftFirst = isMissing && goesRight === 0 ? missingFirst : 0;
      let leftSecond = isMissing && goesRight === 0 ? missingSecond : 0;
      for (let bin = 1; bin <= last; bin += 1) {
        const added = second[start + bin]!;
        leftFirst += first[start + bin]!;
        leftSecond += added;
        if (leftSecond < least) continue;
        const rightSecond = allSecond - leftSecond;
        if (rightSecond < least) break;
        const rightFirst = allFirst - leftFirst;
        const score =
          (leftFirst * leftFirst) / (leftSecond + penalty) +
          (rightFirst * rightFirst) / (rightSecond + penalty) -
          unsplit;
        if (score > bestScore) {
          bestScore = score;
          bestFeature = feature;
          bestBin = bin;
          bestMissingRight = isMissing ? goesRight : leftSecond >= rightSecond ? 0 : 1;
        }
      }
    }
  }
  const gain = (bestScore * firstUnit * firstUnit) / secondUnit;
  if (bestFeature < 0 || gain <= LEAST_GAIN) return undefined;
  return { feature: bestFeature, bin: bestBin, missingRight: bestMissingRight === 1, gain };
}
