import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  calibratedOn,
  chanceOfSoFew,
  coverageOf,
  cutFor,
  failingRunsNeeded,
  hasDrifted,
  recallAt,
  recallInterval,
} from "./recall.ts";

const scores = fc.array(fc.oneof(fc.double({ min: 0, max: 3, noNaN: true }), fc.constant(Number.POSITIVE_INFINITY)), {
  maxLength: 60,
});
const targets = fc.constantFrom(0.5, 0.75, 0.8, 0.9, 0.95, 0.99);

describe("the stated recall", () => {
  it.each([
    [0.95, 19],
    [0.9, 9],
    [0.8, 4],
    [0.75, 3],
    [0.5, 1],
  ])("%f needs %i failing runs", (target, needed) => {
    expect(failingRunsNeeded(target)).toBe(needed);
    expect(cutFor(target, new Array(needed - 1).fill(1))).toBeNull();
    expect(cutFor(target, new Array(needed).fill(1))).toBe(1);
  });

  it("a cut meets its target, and the next higher score would not", () => {
    fc.assert(
      fc.property(targets, scores, (target, best) => {
        const cut = cutFor(target, best);
        if (cut === null) {
          expect(best.length).toBeLessThan(failingRunsNeeded(target));
          return;
        }
        const latest = calibratedOn(target, best);
        if (recallAt(Number.POSITIVE_INFINITY, latest)! > target - 1e-9) {
          const uncaught = best.filter(Number.isFinite); // safety nets alone meet it
          expect(cut).toBe(cutFor(target, uncaught) ?? Math.min(...uncaught));
          return;
        }
        expect(recallAt(cut, latest)).toBeGreaterThanOrEqual(target - 1e-9);
        const higher = latest.filter((score) => score > cut).sort((a, b) => a - b)[0];
        if (higher !== undefined) expect(recallAt(higher, latest)).toBeLessThan(target - 1e-9);
      }),
    );
  });

  it.each([
    [18, 18],
    [19, 19],
    [38, 19],
    [39, 39],
    [58, 39],
    [59, 59],
    [200, 199],
  ])("of %i runs the latest %i say what 0.95 is", (runs, used) => {
    const best = Array.from({ length: runs }, (_, run) => run);
    expect(calibratedOn(0.95, best)).toEqual(best.slice(runs - used));
  });

  it("where safety nets alone meet the target, the cut meets it for what they did not catch", () => {
    const netted = new Array(40).fill(Number.POSITIVE_INFINITY);
    expect(cutFor(0.8, [0.3, 0.2, ...netted, 0.7])).toBe(0.2);
    expect(cutFor(0.8, [0.3, 0.1, 0.9, 0.4, 0.5, 0.6, 0.8, ...netted, 0.7, 0.2])).toBe(0.2);
    expect(cutFor(0.8, netted)).toBe(Number.POSITIVE_INFINITY);
  });

  it("what a run before them scored has no say", () => {
    const best = [0, ...Array.from({ length: 19 }, (_, run) => 19 - run)];
    expect(cutFor(0.95, best)).toBe(1);
    expect(cutFor(0.95, best.slice(0, 19))).toBe(0);
  });

  // 4,000 draws from one distribution: the cut of the past runs, the miss or catch of the next one.
  it.each([9, 14, 18, 19, 40])("as much as was asked for, and no more, of runs that resemble %i past ones", (runs) => {
    let state = 7;
    const next = (): number => {
      state = (state * 48271) % 2147483647;
      return state / 2147483647;
    };
    let caught = 0;
    for (let draw = 0; draw < 4000; draw += 1) {
      const best = Array.from({ length: runs }, () => next() ** 2);
      if (next() ** 2 >= cutFor(0.9, best)!) caught += 1;
    }
    expect(caught / 4000).toBeGreaterThan(0.885);
    expect(caught / 4000).toBeLessThan(0.915);
  });
});

describe("the rolling coverage", () => {
  it("asks of each run only what was known before it", () => {
    // Nine runs state 0.9; the tenth scores lower than all of them, the eleventh as they do.
    const best = [...new Array(9).fill(1), 0.5, 1];
    expect(coverageOf(0.9, best)).toEqual({ caught: 1, of: 2 });
    expect(coverageOf(0.9, best.slice(0, 9))).toEqual({ caught: 0, of: 0 });
  });

  it("looks at the latest 50 runs", () => {
    expect(coverageOf(0.9, new Array(200).fill(1))).toEqual({ caught: 50, of: 50 });
  });

  // One-sided binomial test: of 50 at 0.95 five misses come in 10 of 100 projects, six in 4 (scipy.stats.binom.cdf(44, 50, 0.95)).
  it.each([
    [0.95, 45, 50, false],
    [0.95, 44, 50, true],
    [0.9, 0, 0, false],
    [0.9, 0, 1, false],
    [0.95, 0, 1, false],
    [0.95, 1, 3, true],
    [0.9, 50, 50, false],
  ])("at %f, %i caught of %i: drifted is %s", (target, caught, of, drifted) => {
    expect(hasDrifted(target, { caught, of })).toBe(drifted);
  });
});

// Exact sums of fractions.
it.each([
  [0.95, 47, 50, 0.4595],
  [0.95, 249, 254, 0.9961],
  [0.5, 1000, 2000, 0.5089],
])("at %f, %i or fewer caught of %i have a chance of %f", (recall, caught, of, chance) => {
  expect(chanceOfSoFew(recall, { caught, of })).toBeCloseTo(chance, 3);
});

// scipy.stats.binomtest(45, 50).proportion_ci(method="wilson").
it("the interval of a recall is Wilson's", () => {
  expect(recallInterval({ caught: 45, of: 50 })!.low).toBeCloseTo(0.7864, 3);
  expect(recallInterval({ caught: 45, of: 50 })!.high).toBeCloseTo(0.9565, 3);
  expect(recallInterval({ caught: 3, of: 3 })!.high).toBeCloseTo(1, 12);
  expect(recallInterval({ caught: 0, of: 0 })).toBeNull();
});
