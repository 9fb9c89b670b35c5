import { describe, expect, test } from "vitest";
import { deviation, mean, median, variance } from "../src/stats.js";

describe("descriptive statistics", () => {
  test("mean", () => expect(mean([1, 2, 3, 4])).toBe(2.5));
  test("variance divides by n - 1", () => expect(variance([2, 4, 4, 4, 5, 5, 7, 9])).toBeCloseTo(32 / 7, 12));
  test("deviation", () => expect(deviation([1, 3])).toBeCloseTo(Math.SQRT2, 12));
  test.each([
    [[3, 1, 2], 2],
    [[4, 1, 3, 2], 2.5],
  ])('median of %j; "$(odd)" and even', (values, expected) => expect(median(values)).toBe(expected));
});
