import { chmod, mkdir, rename, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { changeBetween, listFiles, parseDiff } from "./diff.ts";
import { newRepository, type Repository } from "./repositories.ts";

const put = (repo: Repository, name: string | Buffer, content: string | Uint8Array) =>
  writeFile(
    typeof name === "string" ? join(repo.path, name) : Buffer.concat([Buffer.from(`${repo.path}/`), name]),
    content,
  );

test("added, modified and deleted files with their lines, and the author", async () => {
  const repo = await newRepository();
  await put(repo, "same", "1\n");
  await put(repo, "edited", "1\n2\n3\n");
  await put(repo, "gone", "1\n2\n");
  const base = await repo.commit("one");
  await put(repo, "edited", "1\nzwei\n3\n4\n");
  await rm(join(repo.path, "gone"));
  await mkdir(join(repo.path, "a/b"), { recursive: true });
  await put(repo, "a/b/new", "x\ny\nz\n");
  const head = await repo.commit("two");
  expect(await changeBetween(repo.path, base, head)).toEqual({
    base,
    head,
    author: "Ada",
    files: [
      { path: "a/b/new", added: 3, deleted: 0, status: "added" },
      { path: "edited", added: 2, deleted: 1, status: "modified" },
      { path: "gone", added: 0, deleted: 2, status: "deleted" },
    ],
  });
});

test("a first commit adds all its files", async () => {
  const repo = await newRepository();
  await put(repo, "a", "1\n");
  const head = await repo.commit("one");
  expect(await changeBetween(repo.path, null, head)).toMatchObject({
    base: null,
    files: [{ path: "a", added: 1, deleted: 0, status: "added" }],
  });
});

const hostile = [
  'quote".py',
  "line\nbreak",
  "tab\there",
  "-rf",
  ":100644 x",
  "1\t2\tx",
  "ü.txt",
  " space ",
  "$(x);`y`",
  "back\\slash",
  "\u001b[31m",
];

test.skipIf(process.platform === "win32")("file names may hold anything", async () => {
  const repo = await newRepository();
  const base = await repo.commit("none");
  for (const name of hostile) await put(repo, name, "1\n2\n");
  await put(repo, Buffer.from([0x66, 0xff, 0xfe]), "1\n");
  const head = await repo.commit("all");
  const { files } = await changeBetween(repo.path, base, head);
  const names = [...hostile, "f\uFFFD\uFFFD"].sort();
  expect(files.map((file) => file.path).sort()).toEqual(names);
  expect(files.every((file) => file.status === "added" && file.deleted === 0)).toBe(true);
  expect(files.filter((file) => file.added === 2)).toHaveLength(hostile.length);
  expect((await listFiles(repo.path, head)).sort()).toEqual(names);
  expect((await listFiles(repo.path)).sort()).toEqual(names);
});

test("a renamed file is one deleted and one added, which knows its former name", async () => {
  const repo = await newRepository();
  await put(repo, "old.py", "a\nb\nc\nd\ne\nf\n");
  const base = await repo.commit("one");
  await rename(join(repo.path, "old.py"), join(repo.path, "new.py"));
  await put(repo, "other.py", "x\n");
  const head = await repo.commit("two");
  expect((await changeBetween(repo.path, base, head)).files).toEqual([
    { path: "new.py", added: 6, deleted: 0, status: "added", renamedFrom: "old.py" },
    { path: "old.py", added: 0, deleted: 6, status: "deleted" },
    { path: "other.py", added: 1, deleted: 0, status: "added" },
  ]);
});

test("binary files, modes, links and submodules", async () => {
  const repo = await newRepository();
  await put(repo, "picture", Buffer.from([0, 1, 2]));
  await put(repo, "script", "1\n");
  await put(repo, "link", "1\n");
  await repo.git("update-index", "--add", "--cacheinfo", `160000,${"1".repeat(40)},sub`);
  await repo.git("add", "picture", "script", "link");
  await repo.git("commit", "--quiet", "-m", "one");
  const base = await repo.git("rev-parse", "HEAD");
  await put(repo, "picture", Buffer.from([0, 3]));
  await chmod(join(repo.path, "script"), 0o755);
  await rm(join(repo.path, "link"));
  await symlink("script", join(repo.path, "link"));
  await repo.git("add", "picture", "script", "link");
  await repo.git("update-index", "--cacheinfo", `160000,${"2".repeat(40)},sub`);
  await repo.git("config", "diff.ignoreSubmodules", "all");
  await repo.git("commit", "--quiet", "-m", "two");
  const head = await repo.git("rev-parse", "HEAD");
  expect((await changeBetween(repo.path, base, head)).files).toEqual([
    { path: "link", added: 1, deleted: 1, status: "type-changed" },
    { path: "picture", added: 0, deleted: 0, status: "modified" },
    { path: "script", added: 0, deleted: 0, status: "modified" },
    { path: "sub", added: 1, deleted: 1, status: "modified", isSubmodule: true },
  ]);
  expect(await listFiles(repo.path, "HEAD")).toEqual(["link", "picture", "script", "sub"]);
});

test("no program that the repository names is started", async () => {
  const repo = await newRepository();
  await put(repo, ".gitattributes", "* diff=evil\n");
  await put(repo, "a", "1\n");
  const base = await repo.commit("one");
  await put(repo, "a", "2\n");
  const head = await repo.commit("two");
  for (const name of ["diff.external", "diff.evil.command", "diff.evil.textconv", "core.fsmonitor", "core.pager"]) {
    await repo.git("config", name, `touch ${join(repo.path, "started")};false`);
  }
  await changeBetween(repo.path, base, head);
  await listFiles(repo.path);
  expect((await listFiles(repo.path, "HEAD")).length).toBe(2);
  expect(await repo.git("-c", "core.fsmonitor=false", "ls-files", "--others")).toBe("");
});

test("paths are the repository's from any folder in it", async () => {
  const repo = await newRepository();
  await mkdir(join(repo.path, "sub"));
  await put(repo, "sub/a", "1\n");
  await put(repo, "b", "1\n");
  const head = await repo.commit("one");
  await repo.git("config", "diff.relative", "true");
  const inside = join(repo.path, "sub");
  expect(await listFiles(inside, head)).toEqual(["b", "sub/a"]);
  expect(await listFiles(inside)).toEqual(["b", "sub/a"]);
  expect((await changeBetween(inside, null, head)).files.map((file) => file.path)).toEqual(["b", "sub/a"]);
});

test.each(["--output=x", "main", "HEAD~1", "refs/heads/a..b", "", "HEAD^{/x}"])(
  "%j reaches no command line",
  async (text) => {
    const repo = await newRepository();
    const head = await repo.commit("one");
    await expect(changeBetween(repo.path, text, head)).rejects.toThrow("is not the full id of a commit");
    await expect(changeBetween(repo.path, head, text)).rejects.toThrow("is not the full id of a commit");
    await expect(listFiles(repo.path, text)).rejects.toThrow("is neither the full id of a commit, nor HEAD");
  },
);

test("any output of git is read without an error", () => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom(":", "\0", "\t", "1", "-", "A", "\n") }),
      (text) => void parseDiff(text),
    ),
  );
});
