import fc from "fast-check";
import { expect, test } from "vitest";
import { exp, log, sigmoid, softplus } from "./portable-math.ts";

test("exp is within a few units in the last place of the machine's", () => {
  fc.assert(
    fc.property(fc.double({ min: -700, max: 700, noNaN: true }), (x) => {
      expect(Math.abs(exp(x) / Math.exp(x) - 1)).toBeLessThan(2e-15);
    }),
    { numRuns: 5000 },
  );
  expect([exp(0), exp(-800), exp(800)]).toEqual([1, exp(-700), exp(700)]);
});

test("log is within a few units in the last place of the machine's", () => {
  fc.assert(
    fc.property(fc.double({ min: 1e-290, max: 1e290, noNaN: true }), (x) => {
      expect(Math.abs(log(x) - Math.log(x))).toBeLessThan(2e-15 + 5e-16 * Math.abs(Math.log(x)));
    }),
    { numRuns: 5000 },
  );
});

test("probabilities and losses far out are finite", () => {
  expect([sigmoid(0), sigmoid(1000), sigmoid(-1000) < 1e-300]).toEqual([0.5, 1, true]);
  expect([softplus(1000), softplus(-1000)]).toEqual([1000, expect.closeTo(0, 12)]);
});
