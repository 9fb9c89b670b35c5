import { checkData, type Data } from "./data.ts";

/** How a model is trained. Names follow LightGBM's where it has them. */
export interface Options {
  /** At most this many. */
  trees: number;
  /** Splits between the root and a leaf, at most. */
  depth: number;
  /** What each tree adds is multiplied by it. */
  learningRate: number;
  /** Ranges that the values of a column are sorted into, at most 255; missing ones have a range of their own. */
  bins: number;
  /** The least sum of second derivatives, weight times p(1 − p), on each side of a split. */
  minChildWeight: number;
  /** L2 penalty on the leaves. */
  lambda: number;
  /** The share of rows that each tree sees. */
  subsample: number;
  /** The share of columns that each tree may split by. */
  featureFraction: number;
  /** A whole number. The same seed and data make the same model. */
  seed: number;
  /** Rows that teach nothing and tell how many trees are best. */
  validation?: Data;
  /** With `validation`: stop when the loss on it has not become less for this many trees. */
  earlyStopping?: number;
}

export const defaults: Options = {
  trees: 100,
  depth: 6,
  learningRate: 0.1,
  bins: 255,
  minChildWeight: 1e-3,
  lambda: 1,
  subsample: 1,
  featureFraction: 1,
  seed: 1,
};

/** What each number may be, in words and as a check. */
const whole = (least: number, most: number): [string, (value: number) => boolean] => [
  `a whole number from ${least} to ${most}`,
  (value) => Number.isInteger(value) && value >= least && value <= most,
];
const share: [string, (value: number) => boolean] = ["above 0 and at most 1", (value) => value > 0 && value <= 1];
const notNegative: [string, (value: number) => boolean] = ["0 or more", (value) => value >= 0 && value < 1e300];
const allowed = {
  trees: whole(1, 10_000),
  depth: whole(1, 16),
  learningRate: share,
  bins: whole(2, 255),
  minChildWeight: notNegative,
  lambda: notNegative,
  subsample: share,
  featureFraction: share,
  seed: whole(0, 2 ** 32 - 1),
} as const;

/**
 * Fills in the defaults.
 * @throws RangeError that names the option, its value and what is allowed
 */
export function complete(given: Partial<Options>, columns: number): Options {
  const options = { ...defaults, ...given };
  for (const [name, [words, holds]] of Object.entries(allowed)) {
    const value = options[name as keyof typeof allowed];
    if (typeof value !== "number" || !holds(value)) throw new RangeError(`${name} is ${value}; allowed is ${words}.`);
  }
  const { validation, earlyStopping } = options;
  if (validation) {
    checkData(validation, "validation");
    if (validation.columns !== columns)
      throw new RangeError(`validation has ${validation.columns} columns, the rows to learn from have ${columns}.`);
  }
  if (earlyStopping !== undefined) {
    if (!validation) throw new RangeError("earlyStopping needs validation rows.");
    const [words, holds] = whole(1, 10_000);
    if (!holds(earlyStopping)) throw new RangeError(`earlyStopping is ${earlyStopping}; allowed is ${words}.`);
  }
  return options;
}
