import { expect, test } from "vitest";
import { cacheOn } from "./copy.ts";

test.each([
  ["node_modules/.cache/x/y", "node_modules/.cache"],
  ["node_modules/.vite/deps", "node_modules/.vite"],
  [".nx/cache/1", ".nx/cache"],
  ["apps/a/.next/cache/webpack", "apps/a/.next/cache"],
  [".gradle/caches/modules-2", ".gradle/caches"],
  ["build/app.tsbuildinfo", "build/app.tsbuildinfo"],
  [".venv/lib/x/__pycache__/a.pyc", ".venv/lib/x/__pycache__"],
])("%s is in a cache", (path, cache) => {
  expect(cacheOn(path, ["node_modules", ".venv", "*"])).toBe(cache);
});

test.each(["node_modules/cache/index.js", "node_modules/lru-cache/x", ".next/static/x", "target/release/app"])(
  "%s is in none",
  (path) => {
    expect(cacheOn(path, ["node_modules"])).toBeUndefined();
  },
);

test("one that a pattern names is taken", () => {
  expect(cacheOn("node_modules/.cache/x", ["node_modules", "node_modules/.cache/x"])).toBeUndefined();
});
