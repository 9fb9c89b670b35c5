/** The invariants of the threat model are numbered, and each names tests that exist. */
import { existsSync } from "node:fs";
import { dirname, join, posix } from "node:path";
import { expect, test } from "vitest";
import { read, root } from "./pages.ts";

const page = "action-docs/threat-model.md";
const rows = [...read(page).matchAll(/^\| (\d+) \| (.+?) \| (.+) \|$/gm)].map(([, number, , tests = ""]) => ({
  number: Number(number),
  tests: [...tests.matchAll(/\[([^\]]+)\]\(([^)]+)\)/g)].map(([, name = "", file = ""]) => ({
    name,
    file: posix.join(dirname(page), file),
  })),
}));

/** Whether a test of this name is in a file: as the first argument of `test` or `describe`, or as the name of a row of a table. */
function hasTest(code: string, name: string): boolean {
  const escaped = name.replace(/[.*+?^${}()|[\]\\]/g, "\\$&").replaceAll('"', '\\\\?"');
  return new RegExp(
    `(test|describe|it)(\\.\\w+(\\([^)]*\\))?)?\\(\\s*["'\`]${escaped}["'\`]|^\\s*\\[\\s*["'\`]${escaped}["'\`],`,
    "m",
  ).test(code);
}

test("they are numbered from 1, without a gap", () => {
  expect(rows.map(({ number }) => number)).toEqual(rows.map((_, i) => i + 1));
  expect(rows.length).toBeGreaterThan(10);
});

test.each(rows)("$number is held by tests that exist", ({ tests }) => {
  expect(tests).not.toEqual([]);
  const missing = tests.filter(
    ({ name, file }) => !/\.test\.ts$/.test(file) || !existsSync(join(root, file)) || !hasTest(read(file), name),
  );
  expect(missing).toEqual([]);
});

test("a test that is renamed or only spoken of is noticed", () => {
  const code =
    '// holds a lot\ntest("holds water", () => {});\ntest.each([["a row", 1]])("%s", () => {});\n  ["another row", 2],';
  expect(["holds water", "another row"].map((name) => hasTest(code, name))).toEqual([true, true]);
  expect(["holds a lot", "holds", "holds waters"].map((name) => hasTest(code, name))).toEqual([false, false, false]);
});
