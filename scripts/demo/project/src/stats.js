/** Descriptive statistics. */

export const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Sample variance, with n - 1. */
export function variance(values) {
  const average = mean(values);
  return values.reduce((sum, value) => sum + (value - average) ** 2, 0) / (values.length - 1);
}

export const deviation = (values) => Math.sqrt(variance(values));

export function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
