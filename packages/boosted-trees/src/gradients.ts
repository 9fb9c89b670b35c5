/**
 * First and second derivatives of the log loss, and both in one number per row.
 *
 * A sum over rows is what training mostly does. Both derivatives are rounded at random (unbiased) to whole numbers and
 * packed into one double, first · 2²⁷ + second: one addition sums both, and sums of whole numbers below 2⁵³ are exact in
 * any order. Quantized training is by Shi et al., "Quantized Training of Gradient Boosting Decision Trees", NeurIPS 2022.
 * Here it keeps 13 bits or more, and leaves are computed from the unrounded numbers.
 */
import type { Data } from "./data.ts";
import { sigmoid } from "./portable-math.ts";

/** The second derivative's sum stays below it, the first's magnitude at half of it. */
export const PACK = 2 ** 27;
/** So many packed rows are added before they are unpacked. */
export const CHUNK = 8192;

export interface Gradients {
  /** The first and the second of each row next to each other. */
  exact: Float64Array;
  packed: Float64Array;
  /** What one unit of the packed numbers stands for. */
  firstUnit: number;
  secondUnit: number;
}

/** Room for the derivatives of this many rows. */
export const gradientsFor = (rows: number): Gradients => ({
  exact: new Float64Array(2 * rows),
  packed: new Float64Array(rows),
  firstUnit: 1,
  secondUnit: 1,
});

/** Fills in the derivatives at these log odds. */
export function derive(into: Gradients, odds: Float64Array, { labels, weights }: Data, seed: number): void {
  const { exact, packed } = into;
  let firstMost = 0;
  let secondMost = 0;
  for (let row = 0; row < odds.length; row += 1) {
    const p = sigmoid(odds[row]!);
    const weight = weights ? weights[row]! : 1;
    const g = weight * (p - labels[row]!);
    const h = weight * p * (1 - p);
    exact[2 * row] = g;
    exact[2 * row + 1] = h;
    const size = g < 0 ? -g : g;
    if (size > firstMost) firstMost = size;
    if (h > secondMost) secondMost = h;
  }
  const most = Math.floor(PACK / 2 / Math.min(CHUNK, odds.length)) - 1;
  into.firstUnit = firstMost > 0 ? firstMost / most : 1;
  into.secondUnit = secondMost > 0 ? secondMost / most : 1;
  const [firstScale, secondScale] = [1 / into.firstUnit, 1 / into.secondUnit];
  for (let row = 0; row < odds.length; row += 1) {
    // A hash of row and seed (the finalizer of MurmurHash3): a generator's state would cost an allocation per row.
    let mixed = Math.imul(row ^ seed, 0x9e3779b1);
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
    const noise = ((mixed ^ (mixed >>> 16)) >>> 0) / 2 ** 32;
    packed[row] =
      Math.floor(exact[2 * row]! * firstScale + noise) * PACK +
      Math.floor(exact[2 * row + 1]! * secondScale + (1 - noise));
  }
}
