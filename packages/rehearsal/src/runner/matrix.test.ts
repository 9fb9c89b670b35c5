import { expect, test } from "vitest";
import { legName, legs } from "./matrix.ts";

test("include adds to legs it does not contradict, and else makes its own (GitHub's documented example)", () => {
  const made = legs({
    fruit: ["apple", "pear"],
    animal: ["cat", "dog"],
    include: [
      { color: "green" },
      { color: "pink", animal: "cat" },
      { fruit: "apple", shape: "circle" },
      { fruit: "banana" },
      { fruit: "banana", animal: "cat" },
    ],
  });
  expect(made).toEqual([
    { fruit: "apple", animal: "cat", color: "pink", shape: "circle" },
    { fruit: "apple", animal: "dog", color: "green", shape: "circle" },
    { fruit: "pear", animal: "cat", color: "pink" },
    { fruit: "pear", animal: "dog", color: "green" },
    { fruit: "banana" },
    { fruit: "banana", animal: "cat" },
  ]);
});

test.each([
  [{ include: [{ a: 1 }, { a: 2 }] }, ["x (1)", "x (2)"]],
  [
    {
      os: [
        { name: "u", v: 1 },
        { name: "m", v: 2 },
      ],
      exclude: [{ os: { name: "m" } }],
    },
    ["x (u, 1)"],
  ],
  [{ n: [1, 2], exclude: [{ n: 1 }, { n: 2 }] }, []],
])("%o makes %o", (matrix, names) => {
  expect(legs(matrix).map((leg) => legName("x", leg))).toEqual(names);
});

test("an axis that is no list, and too many legs, are errors", () => {
  expect(() => legs({ n: "x" })).toThrow("axis n is not a list");
  const hundred = Array.from({ length: 100 }, (_, index) => index);
  expect(() => legs({ a: hundred, b: [1, 2, 3] })).toThrow("300 legs");
});
