/** The pages that readers see, and what is in them. */
import { globSync, readFileSync } from "node:fs";
import { join, sep } from "node:path";

export const root = join(import.meta.dirname, "../..");

/** Paths from the root of every page of ours, with forward slashes. */
export const pages: string[] = globSync(["*.md", "action-docs/**/*.md", "{actions,packages}/*/*.md", "test/**/*.md"], {
  cwd: root,
  exclude: (path) => /(^|[\\/])(node_modules|fixtures)$/.test(path),
})
  .map((file) => file.replaceAll(sep, "/"))
  .sort();

export const read = (file: string): string => readFileSync(join(root, file), "utf8");

/** A fenced block of a page. */
export interface Block {
  /** The first word behind the fence, such as `yaml`, and the rest of that line. */
  language: string;
  info: string;
  /** What is between the fences, without the indentation of the fence. */
  text: string;
  /** The line of the opening fence, from 1. */
  line: number;
}

export function blocks(page: string): Block[] {
  return [...page.matchAll(/^([ \t]*)```([\w-]*)[ \t]*([^\n]*)\n([\s\S]*?)^\1```/gm)].map(
    ({ index, 1: indent = "", 2: language = "", 3: info = "", 4: text = "" }) => ({
      language,
      info,
      text: text.replaceAll(new RegExp(`^${indent}`, "gm"), ""),
      line: page.slice(0, index).split("\n").length,
    }),
  );
}

/** A page without its fenced blocks and code, in which nothing is a link. */
export const prose = (page: string): string =>
  page.replace(/^([ \t]*)```[\s\S]*?^\1```/gm, (block) => block.replace(/[^\n]/g, "")).replace(/(`+)[^`\n]*?\1/g, "");

/** The anchors that GitHub gives a page's headings: lower case, no punctuation, spaces as hyphens, the second of a name with -1. */
export function anchors(page: string): Set<string> {
  const seen = new Map<string, number>();
  const withoutCode = page.replace(/^([ \t]*)```[\s\S]*?^\1```/gm, "");
  return new Set(
    [...withoutCode.matchAll(/^#{1,6} (.+?)\s*#*$/gm)].map(([, heading = ""]) => {
      const plain = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, "$1");
      const anchor = plain
        .toLowerCase()
        .replace(/[^\p{L}\p{M}\p{N}\p{Pc}\- ]/gu, "")
        .replaceAll(" ", "-");
      const times = seen.get(anchor) ?? 0;
      seen.set(anchor, times + 1);
      return times === 0 ? anchor : `${anchor}-${times}`;
    }),
  );
}
