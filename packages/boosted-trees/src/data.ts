/** Rows of features with their labels, and what they must be. */

export interface Data {
  /** Row by row, `columns` numbers each; NaN is a missing value. */
  features: Float64Array | Float32Array;
  columns: number;
  /** One per row, from 0 to 1: a class, or how sure one is of class 1. */
  labels: Float64Array | Uint8Array;
  /** How much each row counts, from 0 to 1e100; 1 when absent. */
  weights?: Float64Array;
}

/** Columns that a model may have; keeps a model from strangers from asking for all memory. */
export const MAX_COLUMNS = 4096;

/** The square of a sum of such weights is a number still. */
const MAX_WEIGHT = 1e100;

/**
 * Checks rows before they teach anything.
 * @param name what to call them in an error
 * @returns how many rows there are
 * @throws RangeError that names the row and the column
 */
export function checkData({ features, columns, labels, weights }: Data, name: string): number {
  if (!Number.isInteger(columns) || columns < 1 || columns > MAX_COLUMNS)
    throw new RangeError(`${name}: columns is ${columns}; allowed is a whole number from 1 to ${MAX_COLUMNS}.`);
  const rows = labels.length;
  if (rows === 0) throw new RangeError(`${name} has no rows.`);
  if (features.length !== rows * columns)
    throw new RangeError(`${name}: ${features.length} features are not ${rows} rows of ${columns} columns.`);
  if (weights && weights.length !== rows)
    throw new RangeError(`${name}: ${weights.length} weights for ${rows} rows; one per row is needed.`);
  const infinite = features.findIndex((value) => value === Number.POSITIVE_INFINITY || value === -Infinity);
  if (infinite >= 0)
    throw new RangeError(
      `${name}: row ${Math.floor(infinite / columns)}, column ${infinite % columns} is infinite; use NaN for a missing value.`,
    );
  const label = labels.findIndex((value: number) => !(value >= 0 && value <= 1));
  if (label >= 0) throw new RangeError(`${name}: the label of row ${label} is ${labels[label]}, not from 0 to 1.`);
  const weight = weights?.findIndex((value) => !(value >= 0 && value <= MAX_WEIGHT)) ?? -1;
  if (weight >= 0)
    throw new RangeError(`${name}: the weight of row ${weight} is ${weights?.[weight]}, not from 0 to ${MAX_WEIGHT}.`);
  if (weights?.every((value) => value === 0))
    throw new RangeError(`${name}: all weights are 0, so there is nothing to learn from.`);
  return rows;
}
