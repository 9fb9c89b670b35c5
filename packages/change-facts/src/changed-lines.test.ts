import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { expect, onTestFinished, test, vi } from "vitest";
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
  expect(await changedLines(repo.path, base, head)).toEqual([
    "old\nnew",
    "last words",
    expect.stringContaining("\u0001"),
    "fresh",
  ]);
  expect((await changedLines(repo.path, null, base)).slice(0, 2)).toEqual(["before\nold\nafter", "last words"]);
  await expect(changedLines(repo.path, "--output=x", head)).rejects.toThrow(/is not the full id of a commit/);
});

test("an attribute, a zero byte and the job's own wish for context hide and add no line", async () => {
  const repo = await newRepository();
  await put(repo, "a.py", "start = 1\nlength = 1\nend = 1\n");
  const base = await repo.commit("one");
  await put(repo, ".gitattributes", "*.py -diff\n");
  await put(repo, "a.py", "start = 1\nlength = 2\nend = 1\n");
  await put(repo, "b.py", "hidden = 1\n\0");
  const head = await repo.commit("two");
  vi.stubEnv("GIT_DIFF_OPTS", "--unified=3");
  onTestFinished(() => void vi.unstubAllEnvs());
  expect(await changedLines(repo.path, base, head)).toEqual(["*.py -diff", "length = 1\nlength = 2", "hidden = 1\n\0"]);
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
      const [of = "", ...rest] = (await changedLines(repo.path, base, head)).toReversed();
      const lines = rest.length === 0 ? [] : rest[0]!.split("\n");
      expect([of, rest.length < 2]).toEqual(["end", true]);
      const known = [...before.split("\n"), ...after.split("\n")];
      expect(lines).toHaveLength(Number(added) + Number(deleted));
      for (const each of lines) expect(known).toContain(each);
      await rm(join(repo.path, "y"));
    }),
    { numRuns: 30 },
  );
});

test("a patch that is cut off has the lines that are there", () => {
  expect(linesOf("diff --git a/x b/x\n@@ -1,2 +1,9 @@\n-a\n-b\n+c")).toEqual(["a\nb\nc"]);
  expect(linesOf("diff --git a/x b/x\n")).toEqual([""]);
  expect(linesOf("@@ -1 +1 @@\n-a\n+b")).toEqual([]);
  expect(linesOf("")).toEqual([]);
});
