/**
 * Exponential and logarithm of + − × ÷ alone. IEEE 754 fixes those to the last bit; it leaves exp and log to the
 * machine, and one bit there can turn a split. So a model is the same everywhere.
 */

const LN2_HIGH = 0x162e42fee / 2 ** 33; // few enough bits that a product with a small whole number is exact
const LN2_LOW = 1.9082149292705877e-10;

/** 2^(i − 1022), each exact. */
const powers = new Float64Array(2046);
powers[1022] = 1;
for (let index = 1023; index < powers.length; index += 1) powers[index] = powers[index - 1]! * 2;
for (let index = 1021; index >= 0; index -= 1) powers[index] = powers[index + 1]! / 2;

/** e^x for |x| ≤ 700, beyond which x is held there; within 2 units in the last place. */
export function exp(x: number): number {
  const held = x > 700 ? 700 : x < -700 ? -700 : x;
  const k = Math.floor(held * Math.LOG2E + 0.5);
  const r = held - k * LN2_HIGH - k * LN2_LOW; // |r| ≤ ln 2 / 2: the terms after r^13/13! are below the last bit
  let sum = 1 / 6227020800;
  sum = sum * r + 1 / 479001600;
  sum = sum * r + 1 / 39916800;
  sum = sum * r + 1 / 3628800;
  sum = sum * r + 1 / 362880;
  sum = sum * r + 1 / 40320;
  sum = sum * r + 1 / 5040;
  sum = sum * r + 1 / 720;
  sum = sum * r + 1 / 120;
  sum = sum * r + 1 / 24;
  sum = sum * r + 1 / 6;
  sum = sum * r + 0.5;
  sum = sum * r + 1;
  return (sum * r + 1) * powers[k + 1022]!;
}

/** The natural logarithm of a positive number within 1e±300; two steps of Halley's method on {@link exp}. */
export function log(x: number): number {
  let high = 0;
  for (let step = 1024; step >= 1; step >>= 1)
    if (high + step < powers.length && powers[high + step]! <= x) high += step;
  const m = x / powers[high]!; // from 1 up to 2
  let y = (2 * (m - 1)) / (m + 1); // the first term of 2·artanh((m − 1)/(m + 1))
  for (let step = 0; step < 2; step += 1) {
    const e = exp(y);
    y += (2 * (m - e)) / (m + e);
  }
  return (high - 1022) * LN2_HIGH + (y + (high - 1022) * LN2_LOW);
}

/** 1 / (1 + e^−x): the probability whose log odds are `x`. */
export const sigmoid = (x: number): number => 1 / (1 + exp(-x));

/** log(1 + e^x) without overflow. */
export const softplus = (x: number): number => (x > 0 ? x + log(1 + exp(-x)) : log(1 + exp(x)));
