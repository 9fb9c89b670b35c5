import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { changeBetween } from "./diff.ts";
import { changeFacts } from "./facts.ts";
import { newRepository, type Repository, shallowClone } from "./repositories.ts";

const day = 86_400;

/** Commits files, a null removes one; `days` is when, `author` who. */
async function commit(repo: Repository, days: number, author: string, files: Record<string, string | Buffer | null>) {
  for (const [name, content] of Object.entries(files)) {
    const path = join(repo.path, name);
    await mkdir(dirname(path), { recursive: true });
    await (content === null ? rm(path) : writeFile(path, content));
  }
  return repo.commit("Change", { date: `${1_600_000_000 + days * day} +0000`, author });
}

const factsOf = async (repo: Repository, base: string | null, head: string) => {
  const { files, historyTruncated } = await changeFacts(repo.path, await changeBetween(repo.path, base, head));
  return { files: Object.fromEntries(files), historyTruncated };
};

const twice = "if a:\n    pass\nif b:\n    pass\n";

describe("facts of a change", () => {
  it("are decision points, days since the last change, and authors before", async () => {
    const repo = await newRepository();
    await commit(repo, 0, "Ada", { "a.py": "x = 1\n", "old.py": twice, "notes.md": "if\n" });
    await commit(repo, 4, "Bob", { "a.py": "if x:\n    pass\n" });
    const base = await commit(repo, 5, "Ada", { "a.py": twice });
    const head = await commit(repo, 12, "Cy", {
      "a.py": "x = 1\n",
      "old.py": null,
      "notes.md": "for\n",
      "new.py": twice,
      "data.py": Buffer.alloc(2 * 1024 * 1024, 0x20),
    });
    expect(await factsOf(repo, base, head)).toEqual({
      historyTruncated: false,
      files: {
        "a.py": { decisionDelta: -2, ageDays: 7, authors: 2 },
        "data.py": { decisionDelta: null, ageDays: null, authors: 0 },
        "new.py": { decisionDelta: 2, ageDays: null, authors: 0 },
        "notes.md": { decisionDelta: null, ageDays: 12, authors: 1 },
        "old.py": { decisionDelta: -2, ageDays: 12, authors: 1 },
      },
    });
  });

  it("of a renamed file go on from its former self", async () => {
    const repo = await newRepository();
    const base = await commit(repo, 0, "Ada", { "a.py": `${twice}# ${"long".repeat(50)}\n` });
    await rename(join(repo.path, "a.py"), join(repo.path, "b.py"));
    const head = await commit(repo, 3, "Bob", {});
    const { files } = await factsOf(repo, base, head);
    expect(files["b.py"]).toMatchObject({ ageDays: 3, authors: 1 });
  });

  it("of a first commit are those of new files", async () => {
    const repo = await newRepository();
    const head = await commit(repo, 0, "Ada", { "a.py": twice });
    expect((await factsOf(repo, null, head)).files).toEqual({
      "a.py": { decisionDelta: 2, ageDays: null, authors: 0 },
    });
  });

  it("of a shallow clone, which stays as it is, are those within it; and it says that it is shallow", async () => {
    const origin = await newRepository();
    await commit(origin, 0, "Ada", { "a.py": "x = 1\n" });
    for (let days = 1; days < 8; days += 1) await commit(origin, days, "Bob", { "other.py": `${days}\n` });
    const base = await commit(origin, 8, "Bob", { "other.py": "x\n" });
    const head = await commit(origin, 9, "Cy", { "a.py": "if x: pass\n" });
    const whole = await factsOf(origin, base, head);
    expect(whole.files["a.py"]).toEqual({ decisionDelta: 1, ageDays: 9, authors: 1 });
    const clone = await shallowClone(origin, "refs/heads/main", 2);
    expect(await factsOf(clone, base, head)).toEqual({
      historyTruncated: true,
      files: { "a.py": { decisionDelta: 1, ageDays: null, authors: null } },
    });
    expect(await clone.git("rev-list", "--count", "HEAD")).toBe("2");
    expect(await factsOf(await shallowClone(origin, "refs/heads/main", 99), base, head)).toEqual(whole);
  });

  it("take names that look like what git writes between them", async () => {
    const repo = await newRepository();
    const base = await commit(repo, 0, "1600000000", { "1600000000": "a\n", "123/\nb.py": "x\n" });
    const head = await commit(repo, 1, "Ada", { "1600000000": "b\n", "123/\nb.py": "if x: pass\n" });
    expect((await factsOf(repo, base, head)).files).toEqual({
      "1600000000": { decisionDelta: null, ageDays: 1, authors: 1 },
      "123/\nb.py": { decisionDelta: 1, ageDays: 1, authors: 1 },
    });
  });
});
