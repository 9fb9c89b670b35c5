/**
 * Threads that train one model together. Each runs the same program, is the only one to hold some of the rows, and looks for
 * splits in some of the columns; where they have to agree they meet. All that they add up are whole numbers, so that the
 * model does not depend on how many they are.
 */
import { availableParallelism } from "node:os";
import { BINS, type Histogram, histogramFor } from "./histogram.ts";
import { SPLIT } from "./split.ts";

/** Most nodes that are split at once. */
const TOGETHER = 8;

/** Sums of a wide node are large, and meetings then few for the work between them. */
const COLUMNS_TOGETHER = 256;

/**
 * How many nodes are split at once: the more the fewer meetings, and the more sums are in use. It decides how nodes are
 * numbered, so that it does not depend on the number of threads.
 */
export const nodesTogether = (columns: number): number =>
  Math.max(1, Math.min(TOGETHER, Math.floor(COLUMNS_TOGETHER / columns)));

/** Numbers that a member can say at a meeting: of each node a split. */
const SAYING = TOGETHER * SPLIT;

/**
 * So often a thread looks before it sleeps: most meetings are microseconds apart, and waking takes longer. It does not where
 * there are more threads than processors, since who looks keeps from working who is waited for.
 */
const looksOf = (size: number): number => (size > availableParallelism() ? 10 : 20_000);

/** What the members have in common. */
export interface Common {
  size: number;
  /** How many have come to meetings, counted on and on. */
  state: Int32Array;
  /** What was said, of two meetings in turn. */
  said: Float64Array;
  /** The cuts of each column, at most 255 of {@link BINS} places. */
  cuts: Float64Array;
  /** The sums of each member over its rows, of as many nodes as are split at once. */
  histograms: Histogram[][];
  /** Of each member: first and second derivatives of the rows of each leaf, by node. */
  leaves: Float64Array[];
}

/** @param size how many threads there are; the memory is shared where it is more than one */
export function common(size: number, columns: number, depth: number): Common {
  const room = (count: number): ArrayBuffer =>
    (size > 1 ? new SharedArrayBuffer(8 * count) : new ArrayBuffer(8 * count)) as ArrayBuffer;
  const numbers = (count: number): Float64Array => new Float64Array(room(count));
  return {
    size,
    state: new Int32Array(room(1)),
    said: numbers(2 * SAYING * size),
    cuts: numbers(columns * BINS),
    histograms: Array.from({ length: size > 1 ? size : 0 }, () =>
      Array.from({ length: nodesTogether(columns) }, () => histogramFor(columns, numbers)),
    ),
    leaves: Array.from({ length: size }, () => numbers(2 * 2 ** (depth + 1))),
  };
}

/** One of the threads, as it sees itself. */
export class Member {
  readonly common: Common;
  readonly index: number;
  readonly #looks: number;
  #meetings = 0;

  constructor(common: Common, index: number) {
    this.common = common;
    this.index = index;
    this.#looks = looksOf(common.size);
  }

  /** The part of `0..count` that is this thread's: from, and to before. */
  share(count: number): [number, number] {
    const { size } = this.common;
    return [Math.floor((count * this.index) / size), Math.floor((count * (this.index + 1)) / size)];
  }

  /** Waits until all have come here: what each wrote before can be read by all. */
  meet(): void {
    const { size, state } = this.common;
    if (size === 1) return;
    this.#meetings += 1;
    const all = Math.imul(this.#meetings, size);
    let came = (Atomics.add(state, 0, 1) + 1) | 0;
    if (came === all) Atomics.notify(state, 0);
    // The count goes round at 2³¹, so that only differences tell who is ahead.
    for (let looks = 0; ((came - all) | 0) < 0; looks += 1) {
      if (looks > this.#looks) Atomics.wait(state, 0, came);
      came = Atomics.load(state, 0);
    }
  }

  /** Whether the members' numbers sum up to 0 at most, place by place. */
  areAtMost(mine: readonly number[]): boolean[] {
    const said = this.hear(mine);
    return mine.map((_, place) => said.reduce((sum, numbers) => sum + numbers[place]!, 0) <= 0);
  }

  /**
   * Meets, and hears what each has said.
   * @returns one array per member, which holds until the next meeting
   */
  hear(mine: readonly number[]): Float64Array[] {
    const { size, said } = this.common;
    // Nobody writes to the same places before all have come to the meeting in between, having read these.
    const start = (this.#meetings & 1) * size * SAYING;
    said.set(mine, start + this.index * SAYING);
    this.meet();
    const places = Array.from({ length: size }, (_, index) => start + index * SAYING);
    return places.map((place) => said.subarray(place, place + SAYING));
  }
}
