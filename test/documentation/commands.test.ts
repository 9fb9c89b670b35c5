import { expect, test } from "vitest";
import { blocks, pages, read } from "./pages.ts";

const shells = /^(sh|bash|shell|console|zsh|powershell|pwsh)$/;
const commandsOf = (page: string) => blocks(page).filter(({ language }) => shells.test(language));

/** Blocks without `not-run:`, by page, and what runs them. */
const run: Record<string, string> = {
  "README.md": "`npm test` is a step of .ci/run, and `npm start` is the demonstration",
  "actions/sops-decrypt/README.md": "test/sops/agreement.test.ts, with the real age-keygen and sops",
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

test("a block of commands without a word about them is noticed", () => {
  const open = (page: string) => commandsOf(page).filter(({ info }) => !/^not-run: \S/.test(info)).length;
  expect(open("```sh\nmake\n```\n")).toBe(1);
  expect(open("```sh not-run:\nmake\n```\n")).toBe(1);
  expect(open("```sh not-run: needs a network\nmake\n```\n")).toBe(0);
});
