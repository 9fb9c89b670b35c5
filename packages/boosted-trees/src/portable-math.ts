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

/** 2^(i/32): each bit of i is a root of 2, and square roots are exact to the last bit by IEEE 754 too. */
const roots = new Float64Array(32).fill(1);
for (let bit = 16, root = Math.sqrt(2); bit >= 1; bit >>= 1, root = Math.sqrt(root))
  for (let index = 0; index < 32; index += 1) if (index & bit) roots[index]! *= root;

/** e^x for |x| ≤ 700, beyond which x is held there; within a few units in the last place. */
export function exp(x: number): number {
  const held = x > 700 ? 700 : x < -700 ? -700 : x;
  const k = Math.floor(held * (32 * Math.LOG2E) + 0.5);
  const r = held - (k / 32) * LN2_HIGH - (k / 32) * LN2_LOW; // |r| ≤ ln 2 / 64: terms after r^6/6! are below the last bit
  const sum = r + r * r * (1 / 2 + r * (1 / 6 + r * (1 / 24 + r * (1 / 120 + r * (1 / 720)))));
  return (1 + sum) * roots[k & 31]! * powers[(k >> 5) + 1022]!;
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
