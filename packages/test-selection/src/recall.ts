/**
 * The stated recall: a cut through the scores that keeps red changes red, by conformal risk control
 * (Angelopoulos, Bates, Fisch, Lei, Schuster: "Conformal Risk Control", ICLR 2024, for a loss of 0 or 1).
 *
 * Each past failing run gives one number: the highest score among its truly failing tests, as scored before that run
 * (Infinity where a safety net runs one of them anyway). What is called score here is what ranks tests, see `worth.ts`. Running every test that scores at least `cut` would have
 * missed the runs below it. With R runs and M misses, the expected miss rate of the next run is at most (M + 1)/(R + 1),
 * if the coming runs resemble the past ones.
 */

/** Failing runs needed before a target can be stated at all: 19 for 0.95, when none of them is missed. */
export function failingRunsNeeded(targetRecall: number): number {
  return targetRecall >= 1 ? Number.POSITIVE_INFINITY : Math.ceil(1 / (1 - targetRecall) - 1 - 1e-9);
}

/** How many of so many past runs a cut may miss: M, at most; below 0 where the past is too short. */
const missesOf = (targetRecall: number, runs: number): number => Math.floor((1 - targetRecall) * (runs + 1) + 1e-9) - 1;

/**
 * The past failing runs that a cut for the target is of: the latest ones, no more than it takes to miss as many. For 0.95
 * 19 of 19 to 38, then 39 of up to 58: the lowest of 30 would give 0.968, for more time than was asked for, and the runs
 * before the latest 19 were scored when less was known. Which they are does not depend on their scores.
 * @param best for each past failing run the highest score of its failing tests, oldest first
 */
export function calibratedOn(targetRecall: number, best: readonly number[]): readonly number[] {
  const misses = missesOf(targetRecall, best.length);
  return misses < 0 ? best : best.slice(-Math.ceil((misses + 1) / (1 - targetRecall) - 1 - 1e-9));
}

/**
 * The highest cut that meets the target. Where safety nets alone meet it, a change without any would be left to nothing:
 * then the cut meets the target for the runs that nets did not catch; it misses none of these where they are too few.
 * @param best as for {@link calibratedOn}
 * @returns null when the past is too short to state the target; Infinity when nets caught every run
 */
export function cutFor(targetRecall: number, best: readonly number[]): number | null {
  const misses = missesOf(targetRecall, best.length);
  if (misses < 0) return null;
  const cut = calibratedOn(targetRecall, best).toSorted((a, b) => a - b)[misses]!;
  if (cut < Number.POSITIVE_INFINITY) return cut;
  const uncaught = best.filter((score) => score < Number.POSITIVE_INFINITY);
  return cutFor(targetRecall, uncaught) ?? Math.min(...uncaught);
}

/** The recall that a cut gives, 0 to 1, by the failing runs that it is of; null without any. */
export function recallAt(cut: number, best: readonly number[]): number | null {
  if (best.length === 0) return null;
  const misses = best.filter((score) => score < cut).length;
  return Math.max(0, 1 - (misses + 1) / (best.length + 1));
}

/** How a stated recall has held: of so many failing runs that came after one could be stated, so many were caught. */
export interface Coverage {
  caught: number;
  of: number;
}

// What is looked back on: enough that 0.95 can be told from 0.8, few enough that a change of the project shows.
const latest = 50;

/** Whether the cut that could be stated before each of the latest failing runs caught it. */
export function coverageOf(targetRecall: number, best: readonly number[]): Coverage {
  const coverage = { caught: 0, of: 0 };
  for (let run = Math.max(0, best.length - latest); run < best.length; run += 1) {
    const cut = cutFor(targetRecall, best.slice(0, run));
    if (cut === null) continue;
    coverage.of += 1;
    if (best[run]! >= cut) coverage.caught += 1;
  }
  return coverage;
}

/** The chance, 0 to 1, that a recall of `recall` would have caught so few or fewer (one-sided binomial test); 1 without a run. */
export function chanceOfSoFew(recall: number, { caught, of }: Coverage): number {
  if (caught === of) return 1;
  // Logarithms: the chance of none at all is too small for a number where runs are many.
  let [chance, atMost] = [of * Math.log(1 - recall), 0];
  for (let hits = 0; hits <= caught; hits += 1) {
    atMost += Math.exp(chance);
    chance += Math.log(((of - hits) / (hits + 1)) * (recall / (1 - recall)));
  }
  return atMost;
}

/**
 * True where so few were caught that a recall of `targetRecall` would do so in less than one of twenty projects: the
 * coming runs no longer resemble the past ones.
 */
export const hasDrifted = (targetRecall: number, coverage: Coverage): boolean =>
  chanceOfSoFew(targetRecall, coverage) < 0.05;

/** The recall that a coverage speaks for, as an interval of 95 % (Wilson, JASA 22, 1927); null without a run. */
export function recallInterval({ caught, of }: Coverage): { low: number; high: number } | null {
  if (of === 0) return null;
  const z = 1.959964;
  const middle = (caught + z ** 2 / 2) / (of + z ** 2);
  const half = (z / (of + z ** 2)) * Math.sqrt((caught * (of - caught)) / of + z ** 2 / 4);
  return { low: Math.max(0, middle - half), high: Math.min(1, middle + half) };
}
