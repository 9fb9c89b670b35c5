import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { repository, tree, withAbsoluteLinks } from "./build.ts";

test("a tree has hidden files and links, and a link is no file of the same content", () => {
  const folder = mkdtempSync(join(tmpdir(), "tree-"));
  try {
    mkdirSync(join(folder, ".hidden"));
    writeFileSync(join(folder, ".hidden", "a.js"), "a");
    writeFileSync(join(folder, ".env"), "e");
    symlinkSync(".hidden", join(folder, "link"), "junction");
    const found = tree(folder);
    expect([...found.keys()].sort()).toEqual([".env", join(".hidden", "a.js"), "link"]);
    expect(found.get(".env")).toBe("file e");
    expect(found.get("link")).toMatch(/^link to /);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("links out of an action's folder lead into the monorepo where it is published, and others stay", () => {
  const stays = "[a](#a) [b](policy.schema.json) [c](https://example.org/../x) `../x`";
  expect(
    withAbsoluteLinks(`[x](../../workflows-examples/ci.yml#a) ![y](../../action-docs/y.png) ${stays}`, "actions/z"),
  ).toBe(
    `[x](${repository}/blob/main/workflows-examples/ci.yml#a) ![y](${repository}/raw/main/action-docs/y.png) ${stays}`,
  );
});
