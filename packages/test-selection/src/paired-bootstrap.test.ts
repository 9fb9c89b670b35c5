import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { pairedBootstrap } from "./paired-bootstrap.ts";

describe("the paired bootstrap", () => {
  it("holds the mean, is as wide as the runs differ, and is the same each time", () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: 1, maxLength: 40 }), (values) => {
        const { mean, low, high } = pairedBootstrap(values)!;
        expect(low).toBeLessThanOrEqual(high);
        expect(low).toBeGreaterThanOrEqual(Math.min(...values) - 1e-12);
        expect(high).toBeLessThanOrEqual(Math.max(...values) + 1e-12);
        expect(pairedBootstrap(values)).toEqual({ mean, low, high });
      }),
      { numRuns: 50 },
    );
    expect(pairedBootstrap([0.25, 0.25, 0.25])).toEqual({ mean: 0.25, low: 0.25, high: 0.25 });
    expect(pairedBootstrap([])).toBeNull();
  });

  it("gives the interval that the normal distribution gives to many runs", () => {
    // 400 values, half of them 1 and half 0: the mean has the deviation 0.5 / 20.
    const { mean, low, high } = pairedBootstrap(Array.from({ length: 400 }, (_, index) => index % 2))!;
    expect(mean).toBe(0.5);
    expect(low).toBeCloseTo(0.5 - 1.96 * 0.025, 2);
    expect(high).toBeCloseTo(0.5 + 1.96 * 0.025, 2);
  });
});
