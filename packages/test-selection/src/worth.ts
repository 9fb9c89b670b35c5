/**
 * What ranks tests: the score itself where a choice is counted in tests, the score for its price where it is counted in
 * time. To catch most red changes in the least time, tests are taken by failure odds over duration (Neyman and Pearson,
 * 1933: of all sets that take as long, the one above a ratio catches most); over a power of it below 1, since the odds
 * themselves are estimates, and a cheap test that nothing links would else go before a costly one that much links.
 *
 * The power is the same for all projects. To take, of several, the one whose calibrated cut was cheapest on a project's
 * own past would break what `recall.ts` states: the cheapest cut is the one that luck put highest, whichever runs its
 * price is measured on, since the cut itself comes from the failing runs. The choice can be made safely (a test is taken
 * by the power that would be cheapest if the test were what the change breaks: all failing runs, the present one
 * included, then have one say); on four projects with seeded faults that took as much time as the one power does, or more.
 */
import { rounded } from "./score.ts";
import type { ScorerName } from "./scorers.ts";

/** What a choice is paid in: tests, their time, or the time of their files where a runner can only be given those. */
export const orders = ["count", "time", "file-time"] as const;
export type Order = (typeof orders)[number];

// The sum, which is no probability, bears less of it. Chosen for the order of tests, on the first part of five histories,
// four of them with seeded faults, before any cut was made by it.
const durationExponent: Record<ScorerName, number> = { "hand-weighted-sum": 0.5, logistic: 0.7 };

/** Ranks tests. */
export interface Worth {
  /** Larger goes first. Over runs it is comparable: a runner that is twice as slow changes nothing. */
  of(score: number, durationMs: number | null): number;
  /** The score with which a test of this duration is worth so much. */
  scoreAt(worth: number, durationMs: number | null): number;
}

/**
 * @param durations milliseconds that the tests of the history usually take, or their files: all of them, whichever a run or a plan
 * has, so that a rank means the same to both; null where it is not known, which counts as the geometric mean of the others
 */
export function worthBy(scorer: ScorerName, order: Order, durations: Iterable<number | null>): Worth {
  if (order === "count") return { of: (score) => score, scoreAt: (worth) => worth };
  const known = [...durations].filter((duration) => duration !== null);
  const middle = known.reduce((sum, duration) => sum + logOf(duration), 0) / Math.max(1, known.length);
  const price = (duration: number | null): number =>
    duration === null ? 0 : durationExponent[scorer] * (logOf(duration) - middle);
  // Failing tests are rare, so that a probability is about the odds times a constant. Of the sum, its logarithm; without
  // any link the cheaper test goes first.
  const [log, exp] =
    scorer === "logistic"
      ? [(score: number) => score, (odds: number) => odds]
      : [(score: number) => Math.log(score + 1e-6), (odds: number) => Math.exp(odds) - 1e-6];
  return {
    of: (score, duration) => rounded(log(score) - price(duration)),
    scoreAt: (worth, duration) => exp(worth + price(duration)),
  };
}

const logOf = (durationMs: number): number => Math.log(Math.max(1, durationMs));
