/** Each heading of the troubleshooting page is a text of the code, so whoever searches for a message finds it. */
import { globSync } from "node:fs";
import { parseSync, Visitor } from "rolldown/utils";
import { expect, test } from "vitest";
import { read, root } from "./pages.ts";

const page = "action-docs/troubleshooting.md";

/** Texts of a source file: its strings, and its templates with … for what they are filled with. */
function textsOf(file: string, code: string): string[] {
  const texts: string[] = [];
  new Visitor({
    Literal({ value }) {
      if (typeof value === "string") texts.push(value);
    },
    TemplateLiteral({ quasis }) {
      texts.push(quasis.map(({ value }) => value.cooked ?? "").join("…"));
    },
  }).visit(parseSync(file, code).program);
  return texts;
}

/** What the actions can say. Programs of the shell have their messages in double quotes. */
const catalogue = [
  ...globSync("{actions,packages}/*/src/**/*.ts", {
    cwd: root,
    exclude: ["**/*.test.ts", "packages/rehearsal/**"],
  }).flatMap((file) => textsOf(file, read(file))),
  ...globSync("actions/*/*.sh", { cwd: root }).flatMap((file) =>
    [...read(file).matchAll(/"([^"]*)"/g)].map(([, text]) => text as string),
  ),
];

const headings = (text: string): string[] => [...text.matchAll(/^### (.+)$/gm)].map(([, heading]) => heading as string);

/** Whether a heading is part of a text; each … of it stands for anything. */
function isSaid(heading: string, texts: string[]): boolean {
  const parts = heading.split("…").map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  const pattern = new RegExp(parts.join("[^]*?"));
  return texts.some((text) => pattern.test(text));
}

test("there are headings for every action", () => {
  const sections = [...read(page).matchAll(/^## (.+)$/gm)].map(([, name]) => name as string);
  const actions = globSync("actions/*/action.yml", { cwd: root }).map((file) => file.split(/[\\/]/)[1] as string);
  expect(sections).toEqual(expect.arrayContaining(actions));
});

test.each(headings(read(page)))("%s", (heading) => {
  expect(heading.replaceAll("…", "").length, "a heading this short would be found anywhere").toBeGreaterThan(15);
  expect(isSaid(heading, catalogue)).toBe(true);
});

test("a heading that no code says is noticed, also one that only a comment says", () => {
  const texts = textsOf(
    "x.ts",
    "// The key is lost for good.\nthrow new Error(`The file ${name} is empty, and is not used.`);",
  );
  expect(isSaid("The key is lost for good.", texts)).toBe(false);
  expect(isSaid("The file … is empty", texts)).toBe(true);
  expect(isSaid("The file … is full", texts)).toBe(false);
});
