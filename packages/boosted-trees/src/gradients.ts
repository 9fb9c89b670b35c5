/**
 * First and second derivatives of the log loss, and both in one number per row.
 *
 * A sum over rows is what training mostly does. Both derivatives are rounded at random (unbiased) to whole numbers and
 * packed into one double, first · 2²⁷ + second: one addition sums both, and sums of whole numbers below 2⁵³ are exact in
 * any order. Quantized training is by Shi et al., "Quantized Training of Gradient Boosting Decision Trees", NeurIPS 2022.
 * Here it keeps 13 bits or more. Leaves are computed from numbers of some 30 bits, whole ones too.
 */
import type { Data } from "./data.ts";
import { sigmoid } from "./portable-math.ts";
import type { Member } from "./team.ts";

/** The second derivative's sum stays below it, the first's magnitude at half of it. */
export const PACK = 2 ** 27;
/** So many packed rows are added before they are unpacked. */
export const CHUNK = 8192;
const BATCH = 512;

export interface Gradients {
  /** The first and the second of each row next to each other, finely rounded. */
  fine: Float64Array;
  /** How many units of the fine numbers make 1. */
  fineFirst: number;
  fineSecond: number;
  packed: Float64Array;
  /** What one unit of the packed numbers stands for. */
  firstUnit: number;
  secondUnit: number;
}

/** Room for the derivatives of this many rows. */
export const gradientsFor = (rows: number): Gradients => ({
  fine: new Float64Array(2 * rows),
  fineFirst: 1,
  fineSecond: 1,
  packed: new Float64Array(rows),
  firstUnit: 1,
  secondUnit: 1,
});

/**
 * Fills in the derivatives of the member's rows.
 * @param odds the log odds of these rows
 */
export function derive(
  into: Gradients,
  odds: Float64Array,
  { labels, weights }: Data,
  seed: number,
  member: Member,
): void {
  const { fine, packed } = into;
  const [from] = member.share(labels.length);
  for (let start = 0; start < odds.length; start += BATCH)
    deriveRows(fine, odds, labels, weights, from, start, Math.min(odds.length, start + BATCH));
  let firstMost = 0;
  let secondMost = 0;
  for (let row = 0; row < odds.length; row += 1) {
    const size = Math.abs(fine[2 * row]!);
    if (size > firstMost) firstMost = size;
    if (fine[2 * row + 1]! > secondMost) secondMost = fine[2 * row + 1]!;
  }
  for (const [first, second] of member.hear([firstMost, secondMost])) {
    firstMost = Math.max(firstMost, first!);
    secondMost = Math.max(secondMost, second!);
  }
  const most = Math.floor(PACK / 2 / Math.min(CHUNK, labels.length)) - 1;
  into.firstUnit = firstMost > 0 ? firstMost / most : 1;
  into.secondUnit = secondMost > 0 ? secondMost / most : 1;
  const [firstScale, secondScale] = [1 / into.firstUnit, 1 / into.secondUnit];
  const [fineFirst, fineSecond] = [unitsFor(firstMost * labels.length), unitsFor(secondMost * labels.length)];
  into.fineFirst = fineFirst;
  into.fineSecond = fineSecond;
  for (let row = 0; row < odds.length; row += 1) {
    // A hash of row and seed (the finalizer of MurmurHash3): a generator's state would cost an allocation per row.
    let mixed = Math.imul((from + row) ^ seed, 0x9e3779b1);
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
    const noise = ((mixed ^ (mixed >>> 16)) >>> 0) / 2 ** 32;
    const g = fine[2 * row]!;
    const h = fine[2 * row + 1]!;
    packed[row] = Math.floor(g * firstScale + noise) * PACK + Math.floor(h * secondScale + (1 - noise));
    fine[2 * row] = Math.floor(g * fineFirst + 0.5);
    fine[2 * row + 1] = Math.floor(h * fineSecond + 0.5);
  }
}

/** In batches: the compiler takes pains with a function that is called often. */
function deriveRows(
  into: Float64Array,
  odds: Float64Array,
  labels: Data["labels"],
  weights: Data["weights"],
  from: number,
  start: number,
  end: number,
): void {
  for (let row = start; row < end; row += 1) {
    const p = sigmoid(odds[row]!);
    const weight = weights ? weights[from + row]! : 1;
    into[2 * row] = weight * (p - labels[from + row]!);
    into[2 * row + 1] = weight * p * (1 - p);
  }
}

/** How many units make 1, so that whole numbers of them are exact up to this sum: a power of 2. */
function unitsFor(sum: number): number {
  let units = 1;
  while (units < 2 ** 1000 && sum * units < 2 ** 51) units *= 2;
  while (sum * units > 2 ** 52) units /= 2;
  return units;
}
