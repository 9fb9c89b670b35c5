import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { apfd, apfdc, apfdcOf, failuresWithin, inOrder, separation } from "./metrics.ts";

const ordered = fc.integer({ min: 1, max: 20 }).chain((size) =>
  fc.record({
    durations: fc.array(fc.integer({ min: 1, max: 9 }), { minLength: size, maxLength: size }),
    failures: fc.uniqueArray(fc.integer({ min: 0, max: size - 1 }), { minLength: 1 }),
  }),
);

describe("APFD", () => {
  it("by the definition, on a small case worked by hand", () => {
    expect(apfd({ durations: [1, 1, 1, 1, 1], failures: [0, 3] })).toBeCloseTo(1 - (1 + 4) / 10 + 0.1, 12);
    // Costs 2, 1, 3: the failing second test leaves 1/2 + 3 of 6.
    expect(apfdc({ durations: [2, 1, 3], failures: [1] })).toBeCloseTo(3.5 / 6, 12);
  });

  it("with equal costs APFDc is APFD", () => {
    fc.assert(
      fc.property(ordered, ({ durations, failures }) => {
        const equal = { durations: durations.map(() => 7), failures };
        expect(apfdc(equal)).toBeCloseTo(apfd(equal), 9);
      }),
    );
  });

  it("an earlier failure is never worse", () => {
    fc.assert(
      fc.property(ordered, ({ durations, failures }) => {
        const [first] = failures;
        const earlier = failures.map((position) =>
          position === first && !failures.includes(position - 1) && position > 0 ? position - 1 : position,
        );
        expect(apfd({ durations, failures: earlier })).toBeGreaterThanOrEqual(apfd({ durations, failures }));
        expect(apfdc({ durations, failures: earlier })).toBeGreaterThanOrEqual(apfdc({ durations, failures }) - 1e-12);
      }),
    );
  });
});

describe("failures within a budget", () => {
  it.each([
    [0.1, 0],
    [0.5, 1],
    [0.9, 1],
    [1, 2],
  ])("%f of the time finds %i", (budget, found) => {
    expect(failuresWithin({ durations: [3, 2, 5], failures: [1, 2] }, budget)).toBe(found);
  });
});

it("APFDc is the same sorted and not sorted", () => {
  const run = fc.array(
    fc.record({
      value: fc.integer({ min: 0, max: 5 }),
      duration: fc.integer({ min: 0, max: 9 }),
      failed: fc.boolean(),
    }),
    { minLength: 1, maxLength: 40 },
  );
  fc.assert(
    fc.property(run, (tests) => {
      const ids = tests.map((_, index) => `t${index}`);
      const failed = ids.filter((_, index) => tests[index]!.failed);
      fc.pre(failed.length > 0);
      const [values, durations] = [tests.map(({ value }) => value), tests.map(({ duration }) => duration)];
      const at = (of: number[]) => (id: string) => of[ids.indexOf(id)]!;
      const sorted = apfdc(inOrder(ids, at(values), at(durations), failed));
      expect(apfdcOf({ ids, values, durations }, new Set(failed))).toBeCloseTo(sorted, 12);
    }),
  );
});

describe("separation of failing from passing tests", () => {
  const of = (text: string, scores: number[]) =>
    separation([...text].map((sign, index) => ({ score: scores[index]!, failed: sign === "F" })));

  it("is by hand", () => {
    expect(of("FFpp", [4, 3, 2, 1])).toEqual({ auc: 1, average_precision: 1, f1: 1 });
    expect(of("ppF", [3, 2, 1])).toEqual({ auc: 0, average_precision: 1 / 3, f1: 0.5 });
    // Of the four pairs, the first failing test wins both, the second one.
    expect(of("FpFp", [4, 3, 2, 1])).toEqual({ auc: 0.75, average_precision: (1 + 2 / 3) / 2, f1: 0.8 });
    expect(of("Fp", [1, 1])).toEqual({ auc: 0.5, average_precision: 0.5, f1: 2 / 3 });
  });

  it("is not known without both kinds", () => {
    expect(of("FF", [1, 2])).toBeNull();
    expect(separation([])).toBeNull();
  });
});
