/** Every command in the documentation is run by a test, or its block says `not-run:` and why. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { expect, test } from "vitest";
import { describeWithPeer } from "../peers.ts";
import { blocks, pages, read } from "./pages.ts";

const shells = /^(sh|bash|shell|console|zsh|powershell|pwsh)$/;
const commandsOf = (page: string) => blocks(page).filter(({ language }) => shells.test(language));

/** Blocks without `not-run:`, by page, and what runs them. */
const run: Record<string, string> = {
  "README.md": "`npm test` is a step of .ci/run, and `npm start` is the demonstration",
  "actions/sops-decrypt/README.md": "below, with the real age-keygen and sops",
};

test.each(pages.filter((file) => commandsOf(read(file)).length > 0))("the commands of %s", (file) => {
  const open = commandsOf(read(file)).filter(({ info }) => !/^not-run: \S/.test(info));
  expect(open.length, `${file} has commands that no test runs; mark their block \`sh not-run: <reason>\``).toBe(
    file in run ? 1 : 0,
  );
});

test("the commands of the README are scripts of package.json, and .ci/run runs the tests", () => {
  const [block] = commandsOf(read("README.md"));
  const named = [...(block?.text ?? "").matchAll(/^npm (?:run )?([\w-]+)/gm)].map(([, name]) => name as string);
  expect(named).toEqual(["start", "test"]);
  const { scripts } = JSON.parse(read("package.json"));
  expect(Object.keys(scripts)).toEqual(expect.arrayContaining(named));
  expect(read(".ci/run")).toMatch(/npm test/);
});

describeWithPeer("age-keygen", (keygen) => {
  describeWithPeer("sops", (sops) => {
    test("from no key to the first secret, as the README of sops-decrypt says", () => {
      const file = "actions/sops-decrypt/README.md";
      const [block] = commandsOf(read(file)).filter(({ info }) => !info.startsWith("not-run:"));
      const folder = mkdtempSync(join(tmpdir(), "commands-"));
      const env = {
        PATH: [dirname(keygen), dirname(sops), process.env.PATH].join(delimiter),
        HOME: folder,
        SOPS_AGE_KEY_FILE: join(folder, "key.txt"),
      };
      try {
        execFileSync("bash", ["-euo", "pipefail", "-c", block?.text ?? ""], { cwd: folder, env, stdio: "pipe" });
        const secret = join(folder, "secrets/production.yaml");
        expect(readFileSync(secret, "utf8")).not.toContain("change-me-soon");
        expect(execFileSync(sops, ["decrypt", secret], { cwd: folder, env, encoding: "utf8" })).toContain(
          "change-me-soon",
        );
      } finally {
        rmSync(folder, { recursive: true });
      }
    });
  });
});

test("a block of commands without a word about them is noticed", () => {
  const open = (page: string) => commandsOf(page).filter(({ info }) => !/^not-run: \S/.test(info)).length;
  expect(open("```sh\nmake\n```\n")).toBe(1);
  expect(open("```sh not-run:\nmake\n```\n")).toBe(1);
  expect(open("```sh not-run: needs a network\nmake\n```\n")).toBe(0);
});
