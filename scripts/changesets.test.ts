/** Versions and changelogs by the real changesets, from the changesets that wait in this repository. */
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, globSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { actionNames } from "./action-names.ts";
import { gitText } from "./release-tree.ts";

const root = dirname(import.meta.dirname);
const cli = join(root, "node_modules/@changesets/cli/bin.js");

test("a changeset raises the version of the action that it names, alone, and is in its changelog", () => {
  const folder = mkdtempSync(join(tmpdir(), "changesets-"));
  try {
    for (const file of globSync(
      ["package.json", "package-lock.json", "{actions,packages}/*/package.json", ".changeset/config.json"],
      { cwd: root },
    ))
      cpSync(join(root, file), join(folder, file));
    symlinkSync(join(root, "node_modules"), join(folder, "node_modules"), "junction");
    writeFileSync(
      join(folder, ".changeset/change.md"),
      '---\n"@goatnote/repro-check": minor\n---\n\nNames the cause.\n',
    );
    gitText(folder, ["init", "--quiet", "--initial-branch=main"]);
    gitText(folder, ["add", "--all", "--", ":!node_modules"]);
    gitText(folder, ["-c", "user.name=o", "-c", "user.email=o@example.org", "commit", "--quiet", "--message", "x"]);
    execFileSync(process.execPath, [cli, "version"], { cwd: folder, stdio: "pipe" });
    const version = (action: string, at: string): string =>
      JSON.parse(readFileSync(join(at, "actions", action, "package.json"), "utf8")).version;
    const [major, minor] = version("repro-check", root).split(".").map(Number);
    expect(version("repro-check", folder)).toBe(`${major}.${(minor as number) + 1}.0`);
    expect(readFileSync(join(folder, "actions/repro-check/CHANGELOG.md"), "utf8")).toContain("Names the cause.");
    for (const other of actionNames().filter((name) => name !== "repro-check"))
      expect(version(other, folder)).toBe(version(other, root));
    expect(existsSync(join(folder, ".changeset/change.md"))).toBe(false);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("changesets name actions and nothing else", () => {
  const named = globSync(".changeset/*.md", { cwd: root }).flatMap((file) =>
    [...readFileSync(join(root, file), "utf8").matchAll(/^"?(@goatnote\/[\w-]+)"?: (major|minor|patch)$/gm)].map(
      ([, name]) => name as string,
    ),
  );
  expect(named.filter((name) => !actionNames().includes(name.replace("@goatnote/", "")))).toEqual([]);
});
