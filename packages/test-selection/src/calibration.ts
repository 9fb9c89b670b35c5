/**
 * From a score to a probability: isotonic regression by pooling adjacent violators (Ayer, Brunk, Ewing, Reid, Silverman,
 * Annals of Mathematical Statistics 26, 1955). Learnt from tests that were scored before their run was learnt; and
 * what was stated is kept beside what came, so that the probabilities themselves are checked.
 */

/** Tests for which about the same probability was stated. */
export interface ReliabilityBin {
  /** The probabilities lie below this and not below the bin before. */
  below: number;
  tests: number;
  /** Sum of the stated probabilities: the failures to expect. */
  expected: number;
  /** Failures that came. */
  failed: number;
}

/** What a {@link Calibration} holds, as JSON. */
export interface CalibrationState {
  /** Step of the score, tests and failures at it. */
  counts: [number, number, number][];
  /** Scores and their probabilities, both rising; empty where nothing can be stated yet. */
  curve: { score: number; probability: number }[];
  reliability: ReliabilityBin[];
}

// A score is rounded to this, so that a history of any length is kept in few numbers.
const step = 0.05;
// Most tests fail seldom: what is stated lies orders of magnitude apart.
const edges = [0.0001, 0.001, 0.01, 0.1, 1.000001];
const fewestFailures = 20;

export class Calibration {
  private readonly counts = new Map<number, [tests: number, failures: number]>();
  private curve: CalibrationState["curve"] = [];
  readonly reliability = emptyBins();

  /**
   * Takes a score that was given before its run was learnt.
   * @param tests how many tests this one stands for
   */
  observe(score: number, failed: boolean, tests: number): void {
    if (!Number.isFinite(score)) return;
    const stated = this.probability(score);
    if (stated !== null) tally(this.reliability, stated, failed, tests);
    const key = Math.round(score / step);
    const count = this.counts.get(key) ?? [0, 0];
    this.counts.set(key, [count[0] + tests, count[1] + (failed ? tests : 0)]);
  }

  /** Learns the curve anew from all that was observed. */
  fit(): void {
    const points = [...this.counts].sort(([a], [b]) => a - b);
    const failures = points.reduce((sum, [, [, failed]]) => sum + failed, 0);
    const tests = points.reduce((sum, [, [all]]) => sum + all, 0);
    this.curve = failures < fewestFailures ? [] : isotonic(points, failures / tests);
  }

  /** The probability that a test with this score fails; null where too few failures tell. Between two scores it rises evenly. */
  probability(score: number): number | null {
    const { curve } = this;
    const at = curve.findIndex((point) => point.score >= score);
    const [before, after] = [curve.at(at < 0 ? -1 : at - 1), curve[at]];
    if (before === undefined) return null;
    if (at === 0 || after === undefined) return (after ?? before).probability;
    const share = (score - before.score) / (after.score - before.score);
    return before.probability + share * (after.probability - before.probability);
  }

  get state(): CalibrationState {
    const counts = [...this.counts].map(([key, [tests, failures]]): [number, number, number] => [key, tests, failures]);
    return { counts, curve: this.curve, reliability: this.reliability };
  }

  static from({ counts, curve, reliability }: CalibrationState): Calibration {
    const calibration = new Calibration();
    for (const [key, tests, failures] of counts) calibration.counts.set(key, [tests, failures]);
    calibration.curve = curve;
    for (const [index, bin] of reliability.entries()) calibration.reliability[index] = { ...bin };
    return calibration;
  }
}

/** Bins without a test. */
export const emptyBins = (): ReliabilityBin[] => edges.map((below) => ({ below, tests: 0, expected: 0, failed: 0 }));

/** Adds to the bin that a stated probability falls into. */
export function tally(bins: readonly ReliabilityBin[], stated: number, failed: boolean, tests: number): void {
  const bin = bins.find(({ below }) => stated < below)!;
  bin.tests += tests;
  bin.expected += tests * stated;
  if (failed) bin.failed += tests;
}

/**
 * Expected calibration error (Naeini, Cooper, Hauskrecht, AAAI 2015): the mean over all tests of how far the stated
 * probability of their bin is from the share that failed, 0 to 1; null without tests.
 */
export function expectedCalibrationError(bins: readonly ReliabilityBin[]): number | null {
  const tests = bins.reduce((sum, bin) => sum + bin.tests, 0);
  return tests === 0 ? null : bins.reduce((sum, bin) => sum + Math.abs(bin.expected - bin.failed), 0) / tests;
}

interface Block {
  score: number;
  tests: number;
  failures: number;
}

function isotonic(points: [number, [number, number]][], base: number): CalibrationState["curve"] {
  const blocks: Block[] = [];
  for (const [key, [tests, failures]] of points) {
    let block: Block = { score: key * step, tests, failures };
    for (let last = blocks.at(-1); last && last.failures * block.tests >= block.failures * last.tests; ) {
      blocks.pop();
      const both = last.tests + block.tests;
      block = {
        score: (last.score * last.tests + block.score * block.tests) / both,
        tests: both,
        failures: last.failures + block.failures,
      };
      last = blocks.at(-1);
    }
    blocks.push(block);
  }
  // One more test that fails as often as all do: no block is certain. A small block moves more by it than a large one before.
  let highest = 0;
  return blocks.map(({ score, tests, failures }) => {
    highest = Math.max(highest, (failures + base) / (tests + 1));
    return { score, probability: highest };
  });
}
