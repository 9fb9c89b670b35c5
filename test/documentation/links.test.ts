/** Links lead somewhere: to files and headings of this repository; addresses outside are looked at by their form only. */
import { existsSync } from "node:fs";
import { dirname, join, posix } from "node:path";
import { expect, test } from "vitest";
import { anchors, pages, prose, read, root } from "./pages.ts";

/** What is wrong with the links of a page. */
function brokenLinks(file: string, page: string): string[] {
  return [...prose(page).matchAll(/\]\(\s*<?([^)\s>]*)>?(?:\s+"[^"]*")?\s*\)/g)].flatMap(([, link = ""]) => {
    if (/^[a-z]+:/i.test(link)) return isAddress(link) ? [] : [`${link} is no address`];
    const [path = "", anchor] = link.split("#");
    const target = path === "" ? file : posix.join(dirname(file), decodeURIComponent(path));
    if (target.startsWith("../") || (target !== file && !existsSync(join(root, target))))
      return [`${link} leads to no file`];
    if (anchor === undefined) return [];
    if (!target.endsWith(".md")) return [`${link} names a heading in no page`];
    return anchors(target === file ? page : read(target)).has(anchor)
      ? []
      : [`${link} names a heading that is not there`];
  });
}

function isAddress(link: string): boolean {
  if (!URL.canParse(link)) return false;
  const { protocol, hostname, username } = new URL(link);
  return protocol === "mailto:" || (protocol === "https:" && hostname.includes(".") && username === "");
}

test.each(pages)("%s", (file) => {
  expect(brokenLinks(file, read(file))).toEqual([]);
});

test.each([
  ["[x](nowhere.md)", "leads to no file"],
  ["[x](../elsewhere.md)", "leads to no file"],
  ["![x](action-docs/nowhere.png)", "leads to no file"],
  ["[x](README.md#nowhere)", "is not there"],
  ["[x](#nowhere)", "is not there"],
  ["[x](LICENSE#mit)", "in no page"],
  ["[x](http://example.org)", "is no address"],
  ["[x](https://localhost/x)", "is no address"],
])("in a page %s is noticed", (link, problem) => {
  expect(brokenLinks("PAGE.md", `# Page\n\nSee ${link}.\n`).join()).toContain(problem);
});

test("what is right is left alone, and code is no link", () => {
  const page =
    "# A `b`: c!\n\n[x](#a-b-c) [y](README.md) [z](https://example.org/a) `[x](nowhere)`\n\n```md\n[x](nowhere)\n```\n";
  expect(brokenLinks("PAGE.md", page)).toEqual([]);
});
