/** Sums of derivatives per feature and bin, for the rows of one node. */
import type { Binned } from "./bins.ts";
import { CHUNK, type Gradients, PACK } from "./gradients.ts";

/** Each feature has 256 places, so that feature and bin make an index without a table. */
export const BINS = 256;

/** In units of {@link Gradients}; whole numbers, so that a difference of two sums is exact too. */
export interface Histogram {
  first: Float64Array;
  second: Float64Array;
}

/** @param room makes the arrays */
export function histogramFor(
  columns: number,
  room = (count: number): Float64Array => new Float64Array(count),
): Histogram {
  const places = 4 * Math.ceil(columns / 4) * BINS;
  return { first: room(places), second: room(places) };
}

/**
 * Sums over `order[from..to)`.
 * @param used the words whose features are wanted
 * @param packed room for as many sums as the histogram has
 */
export function sumRows(
  into: Histogram,
  { words, stride }: Binned,
  gradients: Gradients,
  order: Uint32Array,
  from: number,
  to: number,
  used: Uint32Array,
  packed: Float64Array,
): void {
  into.first.fill(0);
  into.second.fill(0);
  for (let start = from; start < to; start += CHUNK) {
    packed.fill(0);
    addPacked(packed, words, stride, gradients.packed, order, start, Math.min(to, start + CHUNK), used);
    unpack(into, packed);
  }
}

function addPacked(
  sums: Float64Array,
  words: Uint32Array,
  stride: number,
  derivatives: Float64Array,
  order: Uint32Array,
  from: number,
  to: number,
  used: Uint32Array,
): void {
  const count = used.length;
  for (let at = from; at < to; at += 1) {
    const row = order[at]!;
    const derivative = derivatives[row]!;
    const start = row * stride;
    for (let index = 0; index < count; index += 1) {
      const which = used[index]!;
      const word = words[start + which]!;
      const place = which << 10;
      sums[place + (word & 255)]! += derivative;
      sums[place + 256 + ((word >>> 8) & 255)]! += derivative;
      sums[place + 512 + ((word >>> 16) & 255)]! += derivative;
      sums[place + 768 + (word >>> 24)]! += derivative;
    }
  }
}

function unpack({ first, second }: Histogram, packed: Float64Array): void {
  for (let place = 0; place < packed.length; place += 1) {
    const both = packed[place]!;
    if (both === 0) continue;
    const high = Math.floor(both / PACK);
    first[place]! += high;
    second[place]! += both - high * PACK;
  }
}

/** Adds up what the members have summed over their rows, for the columns `from..to`. */
export function addUp(into: Histogram, all: readonly Histogram[], from: number, to: number): void {
  const [start, end] = [from * BINS, to * BINS];
  const [one, ...others] = all;
  into.first.set(one!.first.subarray(start, end), start);
  into.second.set(one!.second.subarray(start, end), start);
  for (const { first, second } of others)
    for (let place = start; place < end; place += 1) {
      into.first[place]! += first[place]!;
      into.second[place]! += second[place]!;
    }
}

/** Takes the sums of one child out of its parent's, for the columns `from..to`: what is left are the other child's. */
export function subtract(parent: Histogram, child: Histogram, from: number, to: number): void {
  for (let place = from * BINS; place < to * BINS; place += 1) {
    parent.first[place]! -= child.first[place]!;
    parent.second[place]! -= child.second[place]!;
  }
}
