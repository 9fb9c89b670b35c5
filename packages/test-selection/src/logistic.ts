/** Logistic regression with an L2 penalty, by Newton's method (iteratively reweighted least squares). */

/** A fitted model: `weights` belong to standardised features, the last one is the intercept. */
export interface Logistic {
  mean: number[];
  deviation: number[];
  weights: number[];
}

/** One example: features, whether the test failed, and how much the example counts. */
export interface Example {
  features: Float32Array;
  failed: boolean;
  weight: number;
}

/**
 * Fits a model. Failing and passing examples count alike in sum, whatever their numbers.
 * @param penalty L2 penalty on standardised weights, in units of examples
 * @throws Error without a failing or without a passing example
 */
export function fit(examples: readonly Example[], penalty: number): Logistic {
  const [failing, passing] = [true, false].map((kind) =>
    sum(examples.filter(({ failed }) => failed === kind).map(({ weight }) => weight)),
  );
  if (!failing || !passing) throw new Error("A model needs failing and passing examples.");
  const half = examples.length / 2;
  const rows = examples.map(({ features, failed, weight }) => ({
    features,
    failed,
    weight: (weight * half) / (failed ? failing : passing),
  }));
  const { mean, deviation } = standard(rows);
  const size = mean.length;
  const inputs = rows.map(({ features }) =>
    Float64Array.of(...features.map((value, index) => (value - mean[index]!) / deviation[index]!), 1),
  );
  const weights = new Float64Array(size + 1);
  for (let step = 0; step < 25; step += 1) {
    const { gradient, curvature } = derivatives(rows, inputs, weights);
    for (let index = 0; index < size; index += 1) {
      gradient[index]! += penalty * weights[index]!;
      curvature[index]![index]! += penalty;
    }
    const change = solve(curvature, gradient);
    // A bounded step keeps Newton's method from overshooting where the data are nearly separable.
    for (const [index, value] of change.entries()) weights[index]! -= Math.max(-3, Math.min(3, value));
    if (change.every((value) => Math.abs(value) < 1e-6)) break;
  }
  return { mean: [...mean], deviation: [...deviation], weights: [...weights] };
}

/** The logarithm of the odds that a test with these features fails, where failing and passing are alike in number. */
export function logOdds({ mean, deviation, weights }: Logistic, features: Float32Array | Float64Array): number {
  let odds = weights[mean.length]!;
  for (const [index, value] of features.entries())
    odds += (weights[index]! * (value - mean[index]!)) / deviation[index]!;
  return odds;
}

const sum = (values: Iterable<number>): number => Iterator.from(values).reduce((total, value) => total + value, 0);

function standard(rows: readonly Example[]): { mean: Float64Array; deviation: Float64Array } {
  const size = rows[0]!.features.length;
  const total = sum(rows.map(({ weight }) => weight));
  const mean = new Float64Array(size);
  const deviation = new Float64Array(size);
  for (const { features, weight } of rows)
    for (let index = 0; index < size; index += 1) mean[index]! += (weight / total) * features[index]!;
  for (const { features, weight } of rows)
    for (let index = 0; index < size; index += 1)
      deviation[index]! += (weight / total) * (features[index]! - mean[index]!) ** 2;
  return { mean, deviation: deviation.map((variance) => Math.sqrt(variance) || 1) };
}

function derivatives(
  rows: readonly Example[],
  inputs: readonly Float64Array[],
  weights: Float64Array,
): { gradient: Float64Array; curvature: Float64Array[] } {
  const size = weights.length;
  const gradient = new Float64Array(size);
  const curvature = Array.from({ length: size }, () => new Float64Array(size));
  for (const [row, { failed, weight }] of rows.entries()) {
    const input = inputs[row]!;
    let odds = 0;
    for (let index = 0; index < size; index += 1) odds += weights[index]! * input[index]!;
    const probability = 1 / (1 + Math.exp(-odds));
    const residual = weight * (probability - Number(failed));
    const bend = weight * Math.max(probability * (1 - probability), 1e-6);
    for (let index = 0; index < size; index += 1) {
      gradient[index]! += residual * input[index]!;
      const bent = bend * input[index]!;
      if (bent === 0) continue;
      const line = curvature[index]!;
      for (let other = 0; other < size; other += 1) line[other]! += bent * input[other]!;
    }
  }
  return { gradient, curvature };
}

/** Solves a system of linear equations by Gaussian elimination with partial pivoting. */
function solve(matrix: readonly Float64Array[], right: Float64Array): Float64Array {
  const size = right.length;
  const rows = matrix.map((row, index) => Float64Array.of(...row, right[index]!));
  for (let column = 0; column < size; column += 1) {
    let pivot = column;
    for (let row = column + 1; row < size; row += 1)
      if (Math.abs(rows[row]![column]!) > Math.abs(rows[pivot]![column]!)) pivot = row;
    [rows[column], rows[pivot]] = [rows[pivot]!, rows[column]!];
    const top = rows[column]!;
    // A feature that never varies has no curvature of its own beyond the penalty.
    if (Math.abs(top[column]!) < 1e-12) top[column] = 1e-12;
    for (let row = 0; row < size; row += 1) {
      const factor = row === column ? 0 : rows[row]![column]! / top[column]!;
      if (factor !== 0) for (let index = column; index <= size; index += 1) rows[row]![index]! -= factor * top[index]!;
    }
  }
  return Float64Array.from(rows, (row, index) => row[size]! / row[index]!);
}
