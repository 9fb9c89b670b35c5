import { expect, it } from "vitest";
import { matches } from "./globs.ts";

it.each([
  ["package.json", "**/package.json", true],
  [".config/package.json", "**/package.json", true],
  ["sub/.ci/conftest.py", "**/conftest.py", true],
  [".github/actions/.x/action.yml", ".github/actions/**", true],
  [".github/workflows/ci.yml", ".github/workflows/*", true],
  [".npmrc", "**/.npmrc", true],
  ["a/.npmrc", "**/.npmrc", true],
  ["requirements/dev.txt", "**/requirements/*.txt", true],
  ["npmrc", "**/.npmrc", false],
  ["package.jsonx", "**/package.json", false],
  ["src/a.py", "**/*.ts", false],
])("%s, %s: %s", (path, glob, expected) => {
  expect(matches(path, glob)).toBe(expected);
});
