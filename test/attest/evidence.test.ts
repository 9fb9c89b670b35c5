/** The map of requirements in the docs: each row names evidence, and what it names is there. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const docs = join(import.meta.dirname, "../../action-docs");
const text = readFileSync(join(docs, "slsa-levels.md"), "utf8");
const rows = [
  ...text.slice(text.indexOf("## Requirements and evidence")).matchAll(/^\| ((?:SLSA|NIST|CISA) .*?) \| (.*) \|$/gm),
];

/** Paths that a cell names: links, tests, and example workflows. */
const named = (cell: string): string[] => [
  ...[...cell.matchAll(/\]\(([^)]+)\)/g)].map(([, link]) => join(docs, link!)),
  ...[...cell.matchAll(/`(test\/[^`]+)`/g)].map(([, path]) => join(docs, "..", path!)),
  ...[...cell.matchAll(/`([\w-]+\.yml)`/g)].map(([, name]) => join(docs, "../workflows-examples", name!)),
];

test("SLSA, NIST and CISA are in it", () => {
  expect(rows.length).toBeGreaterThan(12);
});

test.each(rows.map(([, requirement, cell]) => [requirement!, cell!]))("%s", (_, cell) => {
  const evidence = named(cell);
  expect(evidence).not.toEqual([]);
  expect(evidence.filter((path) => !existsSync(path))).toEqual([]);
});
