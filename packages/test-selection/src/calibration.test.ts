import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Calibration, emptyBins, expectedCalibrationError, tally } from "./calibration.ts";
import { xorshift } from "./paired-bootstrap.ts";

/** Tests whose score is the logarithm of their odds, so that the probability is known. */
function observed(runs: number): Calibration {
  const random = xorshift(7);
  const calibration = new Calibration();
  for (let run = 0; run < runs; run += 1) {
    const score = 8 * random() - 6;
    calibration.observe(score, random() < 1 / (1 + Math.exp(-score)), 1);
    if (run % 500 === 499) calibration.fit();
  }
  return calibration;
}

describe("calibration", () => {
  it("finds the probability behind a score, and states ones that come true", () => {
    const calibration = observed(20_000);
    for (const score of [-4, -2, 0, 1])
      expect(calibration.probability(score)).toBeCloseTo(1 / (1 + Math.exp(-score)), 1);
    expect(expectedCalibrationError(calibration.reliability)).toBeLessThan(0.02);
    expect(calibration.reliability.reduce((sum, { tests }) => sum + tests, 0)).toBe(19_500);
  });

  it("rises with the score, and never states what is impossible or certain", () => {
    const point = fc.tuple(fc.double({ min: -9, max: 9, noNaN: true }), fc.boolean(), fc.integer({ min: 1, max: 50 }));
    fc.assert(
      fc.property(fc.array(point, { minLength: 30, maxLength: 200 }), (points) => {
        const calibration = new Calibration();
        for (const [score, failed, tests] of points) calibration.observe(score, failed, tests);
        calibration.fit();
        const stated = points.map(([score]) => score).sort((a, b) => a - b);
        const probabilities = stated.map((score) => calibration.probability(score));
        if (probabilities[0] === null) return;
        for (const [index, probability] of probabilities.entries()) {
          expect(probability).toBeGreaterThan(0);
          expect(probability).toBeLessThanOrEqual(1);
          if (index > 0) expect(probability).toBeGreaterThanOrEqual(probabilities[index - 1]! - 1e-12);
        }
      }),
    );
  });

  it("states nothing before twenty failures", () => {
    const calibration = new Calibration();
    for (let run = 0; run < 19; run += 1) calibration.observe(1, true, 1);
    calibration.observe(0, false, 1000);
    calibration.fit();
    expect(calibration.probability(1)).toBeNull();
    calibration.observe(1, true, 1);
    calibration.fit();
    expect(calibration.probability(1)).toBeGreaterThan(0.9);
  });

  it("is the same after its state went through JSON", () => {
    const calibration = observed(2000);
    const copy = Calibration.from(JSON.parse(JSON.stringify(calibration.state)));
    expect(copy.state).toEqual(calibration.state);
    copy.observe(0.5, true, 1);
    expect(copy.state).not.toEqual(calibration.state);
  });
});

it("the calibration error is the mean distance between what was stated and what came", () => {
  const bins = emptyBins();
  expect(expectedCalibrationError(bins)).toBeNull();
  for (let test = 0; test < 10; test += 1) tally(bins, 0.2, test < 4, 1);
  for (let test = 0; test < 30; test += 1) tally(bins, 0.001, false, 1);
  // 10 of 40 tests are off by 0.2, 30 by 0.001.
  expect(expectedCalibrationError(bins)).toBeCloseTo((10 * 0.2 + 30 * 0.001) / 40, 12);
});
