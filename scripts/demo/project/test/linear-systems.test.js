import { expect, test } from "vitest";
import { identity, multiply, solve, transpose } from "../src/matrix.js";

test("transpose", () =>
  expect(
    transpose([
      [1, 2, 3],
      [4, 5, 6],
    ]),
  ).toEqual([
    [1, 4],
    [2, 5],
    [3, 6],
  ]));
test("multiply by the identity", () =>
  expect(
    multiply(
      [
        [1, 2],
        [3, 4],
      ],
      identity(2),
    ),
  ).toEqual([
    [1, 2],
    [3, 4],
  ]));
test("solve needs a pivot", () =>
  expect(
    solve(
      [
        [0, 2],
        [1, 1],
      ],
      [4, 3],
    ),
  ).toEqual([1, 2]));
test("solve the Hilbert matrix of size 6", () => {
  const hilbert = Array.from({ length: 6 }, (_, row) =>
    Array.from({ length: 6 }, (_, column) => 1 / (row + column + 1)),
  );
  const x = solve(
    hilbert,
    hilbert.map((row) => row.reduce((sum, value) => sum + value, 0)),
  );
  for (const value of x) expect(value).toBeCloseTo(1, 6);
});
