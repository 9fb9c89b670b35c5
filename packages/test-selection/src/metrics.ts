/** Measures of an order of tests, for one run with failures. */

/** A run as a policy ordered it. */
export interface Ordered {
  /** Durations of the tests in the policy's order; all 1 where none is known. */
  durations: number[];
  /** Positions (from 0) of the failing tests in that order. */
  failures: number[];
}

/**
 * Tests in falling order of their values, equal ones by id.
 * @param durationOf of a test, by id
 * @param failed ids of the failing tests
 */
export function inOrder(
  ids: readonly string[],
  value: (id: string) => number,
  durationOf: (id: string) => number,
  failed: readonly string[],
): Ordered {
  const values = Float64Array.from(ids, value);
  const order = Uint32Array.from(ids.keys()).sort((a, b) => values[b]! - values[a]! || (ids[a]! < ids[b]! ? -1 : 1));
  const wanted = new Set(failed);
  const durations: number[] = [];
  const failures: number[] = [];
  for (const [position, index] of order.entries()) {
    const id = ids[index]!;
    durations.push(durationOf(id));
    if (wanted.has(id)) failures.push(position);
  }
  return { durations, failures };
}

const total = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0);

/**
 * Average percentage of faults detected (Rothermel, Untch, Chu, Harrold 1999), each failing test being one fault:
 * 1 when all failing tests come first, 0 when they come last, up to 1/2n.
 */
export function apfd({ durations, failures }: Ordered): number {
  const tests = durations.length;
  return 1 - total(failures.map((position) => position + 1)) / (tests * failures.length) + 1 / (2 * tests);
}

/** APFD with cost (Elbaum, Malishevsky, Rothermel 2001), all faults being equally severe: shares of time in place of shares of tests. */
export function apfdc(ordered: Ordered): number {
  const { durations, failures } = ordered;
  const after = new Float64Array(durations.length + 1);
  for (let index = durations.length - 1; index >= 0; index -= 1) after[index] = after[index + 1]! + durations[index]!;
  // Where every test takes no time at all, shares of time are shares of tests.
  if (after[0] === 0) return apfd(ordered);
  return total(failures.map((position) => after[position]! - durations[position]! / 2)) / (after[0]! * failures.length);
}

// With more failing tests than this it is quicker to sort.
const fewFailing = 12;

/**
 * The APFDc of the order by falling values, equal ones by id, as of {@link inOrder}.
 * @param tests their ids, values and durations, in one order
 */
export function apfdcOf(
  { ids, values, durations }: { ids: readonly string[]; values: readonly number[]; durations: readonly number[] },
  failed: ReadonlySet<string>,
): number {
  const failing = [...ids.keys()].filter((index) => failed.has(ids[index]!));
  const whole = total(durations);
  if (failing.length > fewFailing || whole === 0) {
    const places = new Map(ids.map((id, index) => [id, index]));
    const at = (of: readonly number[]) => (id: string) => of[places.get(id)!]!;
    return apfdc(inOrder(ids, at(values), at(durations), [...failed]));
  }
  // To know how much comes after a failing test, nothing has to be sorted.
  const after = failing.map((index) => {
    let sum = durations[index]! / 2;
    for (let other = 0; other < ids.length; other += 1) {
      const isLater = values[other]! < values[index]! || (values[other] === values[index] && ids[other]! > ids[index]!);
      if (isLater) sum += durations[other]!;
    }
    return sum;
  });
  return total(after) / (whole * failing.length);
}

/** How many of the failing tests end within a share of the total duration. */
export function failuresWithin({ durations, failures }: Ordered, budget: number): number {
  const limit = total(durations) * budget * (1 + 1e-9);
  const wanted = new Set(failures);
  let spent = 0;
  let found = 0;
  for (const [position, duration] of durations.entries()) {
    spent += duration;
    if (spent > limit) break;
    if (wanted.has(position)) found += 1;
  }
  return found;
}

/** How well scores tell failing tests from passing ones. */
export interface Separation {
  /** Area under the curve of true against false positives: the chance that a failing test scores above a passing one. */
  auc: number;
  /** Mean of the precision at each failing test, in falling order of scores. */
  average_precision: number;
  /** Largest harmonic mean of precision and recall over all thresholds. */
  f1: number;
}

/** A score of a test that failed or not. `weight` is how many passing tests it stands for; 1 where absent. */
export interface Scored {
  score: number;
  failed: boolean;
  weight?: number;
}

/** Measures scores, of which at least one belongs to a failing and one to a passing test; null otherwise. Equal scores count half. */
export function separation(scored: readonly Scored[]): Separation | null {
  const positives = scored.reduce((count, { failed }) => count + Number(failed), 0);
  const negatives = scored.reduce((sum, { failed, weight = 1 }) => sum + (failed ? 0 : weight), 0);
  if (positives === 0 || negatives === 0) return null;
  const falling = scored.toSorted((a, b) => b.score - a.score);
  let [above, hits, rankSum, precisionSum, f1] = [0, 0, 0, 0, 0];
  for (let start = 0; start < falling.length; ) {
    let end = start;
    let [failures, passes] = [0, 0];
    do {
      const { failed, weight = 1 } = falling[end]!;
      if (failed) failures += 1;
      else passes += weight;
      end += 1;
    } while (falling[end]?.score === falling[start]!.score);
    rankSum += failures * (negatives - (above - hits) - passes / 2);
    [above, hits] = [above + failures + passes, hits + failures];
    precisionSum += (failures * hits) / above;
    f1 = Math.max(f1, (2 * hits) / (above + positives));
    start = end;
  }
  return { auc: rankSum / (positives * negatives), average_precision: precisionSum / positives, f1 };
}
