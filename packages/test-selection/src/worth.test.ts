import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { scorerNames } from "./scorers.ts";
import { worthBy } from "./worth.ts";

const scorers = fc.constantFrom(...scorerNames);
const scores = fc.double({ min: 0.001, max: 5, noNaN: true });
const durations = fc.array(fc.option(fc.double({ min: 1, max: 1e6, noNaN: true })), { minLength: 2, maxLength: 9 });

describe("what a test is worth", () => {
  it("counted in tests, is its score", () => {
    expect(worthBy("logistic", "count", [1, 1000]).of(-3.5, 1000)).toBe(-3.5);
    expect(worthBy("hand-weighted-sum", "count", [1, 1000]).scoreAt(0.25, 1)).toBe(0.25);
  });

  it.each(scorerNames)("counted in time, is less where it takes longer (%s)", (scorer) => {
    const { of } = worthBy(scorer, "time", [10, 1000]);
    expect(of(1, 10)).toBeGreaterThan(of(1, 1000));
    expect(of(2, 10)).toBeGreaterThan(of(1, 10));
    // 10 and 1000 are as far from 100, their geometric mean, which an unknown duration counts as.
    expect(of(1, null)).toBeCloseTo(of(1, 100), 5);
    expect(of(1, null)).toBeCloseTo((of(1, 10) + of(1, 1000)) / 2, 5);
  });

  it("is the same on a runner that is slower by any factor", () => {
    fc.assert(
      fc.property(scorers, scores, durations, fc.double({ min: 1, max: 50, noNaN: true }), (scorer, score, all, by) => {
        const slower = all.map((duration) => duration && duration * by);
        const [now, then] = [worthBy(scorer, "time", all), worthBy(scorer, "time", slower)];
        for (const [index, duration] of all.entries())
          expect(then.of(score, slower[index]!)).toBeCloseTo(now.of(score, duration), 3);
      }),
    );
  });

  it("gives back the score", () => {
    fc.assert(
      fc.property(scorers, scores, durations, (scorer, score, all) => {
        const { of, scoreAt } = worthBy(scorer, "time", all);
        for (const duration of all) {
          const back = scoreAt(of(score, duration), duration);
          expect(Math.abs(back - score)).toBeLessThan(1e-3 * score + 1e-4);
        }
      }),
    );
  });
});
