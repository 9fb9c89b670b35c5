/** A difference between two measures of the same runs, with the interval that resampling the runs gives it. */

export interface Difference {
  /** Mean of the differences. */
  mean: number;
  /** 2.5th and 97.5th percentile of the mean over resampled runs. */
  low: number;
  high: number;
}

const resamples = 2000;

/**
 * The paired bootstrap (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, percentile interval): runs are
 * drawn with replacement, and each brings both of its measures. The same values give the same interval.
 * @param differences per run the one measure less the other
 * @returns null without runs
 */
export function pairedBootstrap(differences: readonly number[]): Difference | null {
  const { length } = differences;
  if (length === 0) return null;
  const random = xorshift(length);
  const means = new Float64Array(resamples);
  for (let index = 0; index < resamples; index += 1) {
    let sum = 0;
    for (let draw = 0; draw < length; draw += 1) sum += differences[Math.floor(random() * length)]!;
    means[index] = sum / length;
  }
  means.sort();
  const mean = differences.reduce((sum, value) => sum + value, 0) / length;
  return { mean, low: means[Math.floor(resamples * 0.025)]!, high: means[Math.ceil(resamples * 0.975) - 1]! };
}

/** Numbers from 0 up to 1 (Marsaglia, Xorshift RNGs, 2003: shifts 13, 17, 5). */
export function xorshift(seed: number): () => number {
  let state = seed ^ 0x9e3779b9 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}
