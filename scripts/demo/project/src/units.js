import { constants } from "./constants.js";

const metres = { m: 1, km: 1000, au: constants.astronomicalUnit, ly: constants.lightYear };

/** Converts a length from one unit to another. */
export function convert(value, from, to) {
  for (const unit of [from, to]) if (!(unit in metres)) throw new RangeError(`unknown unit ${unit}`);
  return (value * metres[from]) / metres[to];
}
