import { expect, test } from "vitest";
import { generator } from "../src/random.js";
import { deviation, mean } from "../src/stats.js";

const draw = (seed, count) => Array.from({ length: count }, generator(seed));

test("the same seed gives the same numbers", () => expect(draw(7, 5)).toEqual(draw(7, 5)));
test("a million numbers look uniform", () => {
  const numbers = draw(1, 1e6);
  expect(mean(numbers)).toBeCloseTo(0.5, 2);
  expect(deviation(numbers)).toBeCloseTo(Math.sqrt(1 / 12), 2);
});
