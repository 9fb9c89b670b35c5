import { expect, test } from "vitest";
import { bisect, newton } from "../src/roots.js";

test("bisect finds the square root of two", () => expect(bisect((x) => x * x - 2, 0, 2)).toBeCloseTo(Math.SQRT2, 10));
test("bisect works when the function falls", () => expect(bisect((x) => 1 - x, 0, 3)).toBeCloseTo(1, 10));
test("bisect refuses equal signs", () => expect(() => bisect((x) => x * x + 1, 0, 1)).toThrow(RangeError));
test("newton finds the cube root of three", () =>
  expect(
    newton(
      (x) => x ** 3 - 3,
      (x) => 3 * x * x,
      1,
    ),
  ).toBeCloseTo(Math.cbrt(3), 10));
