/** Values sorted into at most 255 ranges per column, so that a split is found by counting. */
import { random } from "./random.ts";

/** Cuts are made from at most this many rows; more move a quantile by less than its own width. */
const SAMPLED_ROWS = 50_000;

/** The bins of all rows, in two orders. Bin 0 holds missing values; bin b > 0 the values above cut b − 2, up to cut b − 1. */
export interface Binned {
  rows: number;
  columns: number;
  /** Per column, ascending; the last one is the largest number there is. */
  cuts: Float64Array[];
  /** Column by column: for parting rows by one feature. */
  byColumn: Uint8Array[];
  /** Row by row, four columns to a word, the first in the lowest byte: for sums over all features. */
  words: Uint32Array;
  /** Words per row. */
  stride: number;
}

/** Sorts all values into bins. */
export function bin(features: Float64Array | Float32Array, rows: number, columns: number, bins: number): Binned {
  const sample = sampledRows(rows);
  const stride = Math.ceil(columns / 4);
  const words = new Uint32Array(rows * stride);
  const cuts: Float64Array[] = [];
  const byColumn: Uint8Array[] = [];
  const values = new Float64Array(sample.length);
  for (let column = 0; column < columns; column += 1) {
    let known = 0;
    for (const row of sample) {
      const value = features[row * columns + column]!;
      if (!Number.isNaN(value)) values[known++] = value;
    }
    const sorted = values.subarray(0, known).sort();
    const cut = cutsOf(sorted, bins);
    const found = new Uint8Array(rows);
    const shift = (column & 3) * 8;
    for (let row = 0, word = column >> 2; row < rows; row += 1, word += stride) {
      const at = binOf(cut, features[row * columns + column]!);
      found[row] = at;
      words[word]! |= at << shift;
    }
    cuts.push(cut);
    byColumn.push(found);
  }
  return { rows, columns, cuts, byColumn, words, stride };
}

/** All rows, or one out of each of as many equal stretches as are sampled. */
function sampledRows(rows: number): Uint32Array {
  if (rows <= SAMPLED_ROWS) return Uint32Array.from({ length: rows }, (_, row) => row);
  const next = random(rows);
  return Uint32Array.from({ length: SAMPLED_ROWS }, (_, index) => Math.floor(((index + next()) * rows) / SAMPLED_ROWS));
}

/**
 * Cuts between sorted values, for bins of about equally many. A value that fills a bin alone gets one, and the rest is
 * shared out among the other bins.
 */
function cutsOf(sorted: Float64Array, bins: number): Float64Array {
  const cuts: number[] = [];
  const { length } = sorted;
  let filled = 0;
  let binsLeft = bins;
  let rest = length;
  for (let start = 0; start < length; ) {
    let end = start + 1;
    while (end < length && sorted[end] === sorted[start]) end += 1;
    filled += end - start;
    let nextEnd = end + 1;
    while (nextEnd < length && sorted[nextEnd] === sorted[end]) nextEnd += 1;
    const room = rest / binsLeft;
    // Close here too when the next value fills a bin alone, and closing now comes nearer to the aim than taking it in.
    if (
      end < length &&
      binsLeft > 1 &&
      (filled >= room || nextEnd - end >= room || filled + nextEnd - end > 1.5 * room)
    ) {
      const low = sorted[end - 1]!;
      const high = sorted[end]!;
      const middle = low / 2 + high / 2;
      cuts.push(middle >= low && middle < high ? middle : low);
      rest -= filled;
      filled = 0;
      binsLeft -= 1;
    }
    start = end;
  }
  cuts.push(Number.MAX_VALUE);
  return Float64Array.from(cuts);
}

/** The bin of a value: 0 when it is missing, else 1 and how many cuts lie below it. */
function binOf(cuts: Float64Array, value: number): number {
  if (Number.isNaN(value)) return 0;
  let low = 0;
  let high = cuts.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (value > cuts[middle]!) low = middle + 1;
    else high = middle;
  }
  return low + 1;
}
