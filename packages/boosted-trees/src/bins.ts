/** Values sorted into at most 255 ranges per column, so that a split is found by counting. */
import type { Data } from "./data.ts";
import { BINS } from "./histogram.ts";
import { random } from "./random.ts";
import type { Member } from "./team.ts";

/** Cuts are made from at most this many rows; more move a quantile by less than its own width. */
const SAMPLED_ROWS = 50_000;
/** Columns that are read at once, since those of a row are near to each other. */
const READ_TOGETHER = 8;

/** The bins of the rows of one thread, in two orders. Bin 0 holds missing values; bin b > 0 the values above cut b − 2, up to cut b − 1. */
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

/** Sorts all values of the member's rows into bins. */
export function bin({ features, columns, labels }: Data, bins: number, member: Member): Binned {
  const cuts = agreeOnCuts(features, labels.length, columns, bins, member);
  const [from, to] = member.share(labels.length);
  const rows = to - from;
  const stride = Math.ceil(columns / 4);
  const words = new Uint32Array(rows * stride);
  const byColumn = cuts.map(() => new Uint8Array(rows));
  // Word by word, not column by column: the values of a row are near to each other.
  for (let word = 0; word < stride; word += 1)
    for (let row = 0; row < rows; row += 1)
      for (let column = word * 4; column < columns && column < word * 4 + 4; column += 1) {
        const at = binOf(cuts[column]!, features[(from + row) * columns + column]!);
        byColumn[column]![row] = at;
        words[row * stride + word]! |= at << ((column & 3) * 8);
      }
  return { rows, columns, cuts, byColumn, words, stride };
}

/** Finds the cuts of the member's columns, and learns those of the others. */
function agreeOnCuts(
  features: Float64Array | Float32Array,
  rows: number,
  columns: number,
  bins: number,
  member: Member,
): Float64Array[] {
  const sample = sampledRows(rows);
  const [from, to] = member.share(columns);
  for (let first = from; first < to; first += READ_TOGETHER) {
    const known = knownValues(features, columns, sample, first, Math.min(to, first + READ_TOGETHER));
    for (const [index, values] of known.entries())
      member.common.cuts.set(cutsOf(values.sort(), bins), (first + index) * BINS);
  }
  member.meet();
  return Array.from({ length: columns }, (_, column) => {
    const places = member.common.cuts.subarray(column * BINS, (column + 1) * BINS);
    return places.slice(0, places.indexOf(Number.MAX_VALUE) + 1);
  });
}

/** The values of the columns `from..to` in the sampled rows, without the missing ones. */
function knownValues(
  features: Float64Array | Float32Array,
  columns: number,
  sample: Uint32Array,
  from: number,
  to: number,
): Float64Array[] {
  const values = Array.from({ length: to - from }, () => new Float64Array(sample.length));
  const known = new Uint32Array(to - from);
  for (const row of sample)
    for (let column = from; column < to; column += 1) {
      const value = features[row * columns + column]!;
      if (!Number.isNaN(value)) values[column - from]![known[column - from]!++] = value;
    }
  return values.map((all, index) => all.subarray(0, known[index]));
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
