/** Measures of an order of tests, for one run with failures. */

/** A run as a policy ordered it. */
export interface Ordered {
  /** Durations of the tests in the policy's order; all 1 where none is known. */
  durations: number[];
  /** Positions (from 0) of the failing tests in that order. */
  failures: number[];
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
export function apfdc({ durations, failures }: Ordered): number {
  const after = new Float64Array(durations.length + 1);
  for (let index = durations.length - 1; index >= 0; index -= 1) after[index] = after[index + 1]! + durations[index]!;
  return total(failures.map((position) => after[position]! - durations[position]! / 2)) / (after[0]! * failures.length);
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
