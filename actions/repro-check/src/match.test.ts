import type { Entry } from "@goatnote/build-comparison";
import { expect, test } from "vitest";
import { matchPublished } from "./match.ts";

/** Folders end with a slash. */
const entries = (paths: readonly string[]): Entry[] =>
  paths.map((path) =>
    path.endsWith("/")
      ? { path: path.slice(0, -1), type: "directory", mode: "0755" }
      : { path, type: "file", size: 1, sha256: "0".repeat(64), executable: false, mode: "0644" },
  );

test.each([
  ["by the whole path", ["dist/", "dist/x"], ["x", "dist/x"], { "dist/x": "dist/x" }],
  [
    "below the root, with two of a name",
    ["dist/", "dist/a/", "dist/a/x", "dist/b/", "dist/b/x"],
    ["a/x", "b/x"],
    { "dist/a/x": "a/x", "dist/b/x": "b/x" },
  ],
  ["chosen one by one", ["dist/a/x", "dist/b/x"], ["a/x", "b/x"], { "dist/a/x": "a/x", "dist/b/x": "b/x" }],
  ["of one name above the other", ["dist/", "dist/x", "dist/a/x"], ["x", "a/x"], { "dist/x": "x", "dist/a/x": "a/x" }],
  ["in a flat folder", ["dist/", "dist/a/x", "dist/y"], ["x", "y"], { "dist/a/x": "x", "dist/y": "y" }],
  ["below a folder more", ["dist/", "dist/a/x"], ["assets/a/x", "assets/x"], { "dist/a/x": "assets/a/x" }],
  ["in another folder of a name", ["dist/", "dist/a/x"], ["b/x"], { "dist/a/x": null }],
  ["of which two could be meant", ["x"], ["a/x", "b/x"], { x: undefined }],
  ["that two files could be", ["a/x", "b/x"], ["x"], { "a/x": undefined, "b/x": undefined }],
  ["that is another's", ["dist/", "dist/x", "dist/a/x"], ["dist/x"], { "dist/x": "dist/x", "dist/a/x": null }],
  ["of another name", ["dist/", "dist/x"], ["y"], { "dist/x": null }],
])("a published file %s", (_, built, published, wanted) => {
  expect(Object.fromEntries(matchPublished(entries(built), published))).toEqual(wanted);
});

test("a site of many pages of one name, chosen as a folder or one by one", () => {
  const pages = Array.from({ length: 150_000 }, (_, i) => `chapter${i % 100}/page${i}/index.html`);
  const built = pages.map((page) => `site/${page}`);
  const wanted = new Map(pages.map((page) => [`site/${page}`, page]));
  for (const above of [["site/"], []])
    expect(
      [...matchPublished(entries([...above, ...built]), pages)].every(([path, page]) => wanted.get(path) === page),
    ).toBe(true);
});
