import { expect, test } from "vitest";
import { generator } from "../src/random.js";
import { explained, fit } from "../src/regression.js";

const x = Array.from({ length: 20_000 }, (_, index) => index / 10_000 - 1);

test("recovers a cubic", () => {
  const y = x.map((value) => 1 - 2 * value + 0.5 * value ** 3);
  const coefficients = fit(x, y, 3);
  for (const [power, expected] of [1, -2, 0, 0.5].entries()) expect(coefficients[power]).toBeCloseTo(expected, 8);
});
test("explains most of a noisy line", () => {
  const random = generator(5);
  const y = x.map((value) => 3 * value + (random() - 0.5) / 10);
  expect(explained(x, y, fit(x, y, 1))).toBeGreaterThan(0.99);
});
