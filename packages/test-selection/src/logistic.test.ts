import { describe, expect, it } from "vitest";
import { type Example, fit, logOdds } from "./logistic.ts";

let state = 3;
const random = (): number => {
  state = (state * 48271) % 2147483647;
  return state / 2147483647;
};

/** Failures follow the first feature with log odds 3x - 1; the second is noise, the third never varies. */
const examples: Example[] = Array.from({ length: 4000 }, () => {
  const x = random() * 4 - 2;
  return { features: Float32Array.of(x, random(), 5), failed: random() < 1 / (1 + Math.exp(1 - 3 * x)), weight: 1 };
});

describe("logistic regression", () => {
  const model = fit(examples, 1);
  const slope = (feature: number): number => model.weights[feature]! / model.deviation[feature]!;

  it("finds the law that made the data", () => {
    expect(slope(0)).toBeGreaterThan(2.6);
    expect(slope(0)).toBeLessThan(3.4);
    expect(Math.abs(slope(1))).toBeLessThan(0.4);
    expect(model.weights[2]).toBeCloseTo(0, 6);
  });

  it("weighs failing and passing examples alike in sum, so that copies of one kind change little", () => {
    const rare = fit(
      examples.filter(({ failed }, index) => !failed || index % 8 === 0),
      1,
    );
    const at = (x: number) => Float32Array.of(x, 0.5, 5);
    expect(logOdds(rare, at(0.4)) - logOdds(model, at(0.4))).toBeLessThan(0.6);
    expect(Math.abs(logOdds(rare, at(0.4)) - logOdds(model, at(0.4)))).toBeLessThan(0.6);
  });

  it("a larger penalty gives smaller weights", () => {
    expect(Math.abs(fit(examples, 10_000).weights[0]!)).toBeLessThan(Math.abs(model.weights[0]!));
  });

  it("stays finite where the data are separable", () => {
    const separable = examples.map((example) => ({ ...example, failed: example.features[0]! > 0 }));
    expect(fit(separable, 1).weights.every(Number.isFinite)).toBe(true);
  });

  it("refuses examples of one kind", () => {
    expect(() =>
      fit(
        examples.filter(({ failed }) => failed),
        1,
      ),
    ).toThrow("failing and passing");
  });
});
