import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { changedLines, linesOf } from "./changed-lines.ts";
import { newRepository, type Repository } from "./repositories.ts";

const put = (repo: Repository, name: string, content: string | Uint8Array) => writeFile(join(repo.path, name), content);

test("what goes and what comes, of every file, and nothing around it", async () => {
  const repo = await newRepository();
  await put(repo, "edited", "before\nold\nafter\n");
  await put(repo, "gone", "last words");
  await put(repo, "picture", Buffer.from([0, 1, 2]));
  const base = await repo.commit("one");
  await put(repo, "edited", "before\nnew\nafter\n");
  await rm(join(repo.path, "gone"));
  await put(repo, "picture", Buffer.from([0, 3]));
  await put(repo, 'quote"\t', "fresh\n");
  const head = await repo.commit("two");
  expect((await changedLines(repo.path, base, head)).split("\n").sort()).toEqual(["fresh", "last words", "new", "old"]);
  expect((await changedLines(repo.path, null, base)).split("\n").sort()).toEqual([
    "after",
    "before",
    "last words",
    "old",
  ]);
  await expect(changedLines(repo.path, "--output=x", head)).rejects.toThrow(/is not the full id of a commit/);
});

test("a line that looks like a part of a patch is a line", async () => {
  const line = fc.constantFrom(
    "",
    "a",
    "++ b/x",
    "-- a/x",
    "@@ -1 +1 @@",
    "diff --git a/x b/x",
    "\\ No newline",
    "+",
    "-",
    " ",
  );
  const text = fc.array(line, { maxLength: 12 }).map((lines) => lines.join("\n"));
  const repo = await newRepository();
  await fc.assert(
    fc.asyncProperty(text, text, async (before, after) => {
      await put(repo, "x", before);
      const base = await repo.commit("before");
      await put(repo, "x", after);
      await put(repo, "y", "end\n");
      const head = await repo.commit("after");
      const [added = 0, deleted = 0] = (await repo.git("diff", "--numstat", base, head, "--", "x")).split("\t");
      const lines = (await changedLines(repo.path, base, head)).split("\n");
      const known = [...before.split("\n"), ...after.split("\n")];
      expect(lines.pop()).toBe("end");
      expect(lines).toHaveLength(Number(added) + Number(deleted));
      for (const each of lines) expect(known).toContain(each);
      await rm(join(repo.path, "y"));
    }),
    { numRuns: 30 },
  );
});

test("a patch that is cut off has the lines that are there", () => {
  expect(linesOf("@@ -1,2 +1,9 @@\n-a\n-b\n+c")).toBe("a\nb\nc");
  expect(linesOf("")).toBe("");
});
