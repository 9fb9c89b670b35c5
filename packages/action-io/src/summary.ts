/** The job summary: Markdown parts, and a writer that never lets GitHub drop it. */
import { appendFile, stat } from "node:fs/promises";
import { warning } from "@actions/core";
import { redact } from "./secrets.ts";

// GitHub drops the whole summary of a step above 1 MiB.
const limit = 1024 * 1024;

// Written as entities these mean nothing to Markdown, in a table, in prose, and in HTML such as the title of `details`.
const markup = /[&<>"`|*_{}[\]\\~!]/g;
// GitHub and GFM look for links, mentions, issues, emoji and formulas in the text that entities stand for, but not across
// elements: https://docs.github.com/get-started/writing-on-github/working-with-advanced-formatting/writing-mathematical-expressions
const linking = /[@$]|(?<!&)#|:(?=\/\/|[\w+-]+:)|(?<=www)\./gi;

/** Without control characters (terminal colours, text direction); line breaks and tabs become spaces. */
function literal(text: string): string {
  return text
    .replace(/[\r\n\t]+/g, " ")
    .replace(/[\p{Cc}\p{Bidi_Control}]/gu, "")
    .replace(markup, (character) => `&#${character.charCodeAt(0)};`)
    .replace(linking, "<span>$&</span>");
}

/** What may begin a line: a list, a heading's underline or a rule begins with one of these marks, also after digits. */
const atStart = (text: string): string =>
  literal(text.trimStart()).replace(/^(\d*)([-+=:.)])/, (_, digits, mark) => `${digits}&#${mark.charCodeAt(0)};`);

/** Text for a table cell, a title or a line of prose: no Markdown or HTML of strangers is rendered, line breaks become spaces. */
export function plain(text: string): string {
  return atStart(text.trimEnd());
}

/** Text in code font, safe inside a table: backticks and pipes of the text cannot end it. */
export function code(text: string): string {
  return `<code>${literal(text)}</code>`;
}

/** A sentence of ours for the same places: what it quotes in backticks is in code font, the rest is as `plain` has it. */
export function prose(text: string): string {
  return text
    .split(/`([^`]+)`/)
    .map((part, index) => (index === 0 ? atStart(part) : index % 2 === 0 ? literal(part) : code(part)))
    .join("");
}

/** A table of cells that are Markdown already (use `plain` or `code` for text of strangers); "" without rows. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return "";
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |\n`;
  return `\n${line(header)}${line(header.map(() => "---"))}${rows.map(line).join("")}\n`;
}

/** A part that is folded until the reader opens it. */
export const details = (title: string, body: string): string =>
  `\n<details><summary>${title}</summary>\n\n${body}\n\n</details>\n`;

/** Seconds in words, such as `4.2 s` or `3 min 20 s`. */
export function seconds(value: number): string {
  if (value < 59.5) return `${value < 10 ? value.toFixed(1) : Math.round(value)} s`;
  const whole = Math.round(value);
  return `${Math.floor(whole / 60)} min ${whole % 60} s`;
}

interface OpenBlocks {
  /** The mark that opened a code fence; "" outside of one. */
  fence: string;
  details: number;
}

/** Which blocks are open after one more line, by CommonMark's rule for fences (https://spec.commonmark.org/0.31.2/#fenced-code-blocks). */
function after(line: string, { fence, details }: OpenBlocks): OpenBlocks {
  const [, mark = "", info = ""] = /^ {0,3}(`{3,}|~{3,})(.*)$/.exec(line.trimEnd()) ?? [];
  if (fence !== "") return { fence: mark.startsWith(fence) && info === "" ? "" : fence, details };
  if (mark !== "" && !(mark.startsWith("`") && info.includes("`"))) return { fence: mark, details };
  const steps = line.matchAll(/<(\/?)details\b/gi).map(([, end]) => (end ? -1 : 1));
  return { fence, details: steps.reduce((depth, step) => Math.max(0, depth + step), details) };
}

/**
 * Cuts Markdown at the end of a line so that it fits, closes what was open, and says that it was cut.
 * @param bytes room left in the summary
 * @returns "" where there is not even room to say so
 */
export function cut(markdown: string, bytes: number): string {
  const size = Buffer.byteLength(markdown);
  if (size <= bytes) return markdown;
  const note = `\n\n> This summary was cut: GitHub shows at most 1 MiB of it, and it has ${Math.ceil(size / 1024)} KiB.\n`;
  const room = bytes - note.length;
  if (room < 0) return "";
  let best = { end: 0, closing: "" };
  let open: OpenBlocks = { fence: "", details: 0 };
  let used = 0;
  for (const { 0: line, index } of markdown.matchAll(/[^\n]*\n/g)) {
    used += Buffer.byteLength(line);
    if (used > room) break;
    open = after(line, open);
    const closing = `${open.fence && `${open.fence}\n`}${"\n</details>\n".repeat(open.details)}`;
    if (used + closing.length <= room) best = { end: index + line.length, closing };
  }
  return `${markdown.slice(0, best.end)}${best.closing}${note}`;
}

/**
 * Appends to the step's summary. Without a file (outside a runner) it does nothing.
 * @param file the runner's `GITHUB_STEP_SUMMARY`
 */
export async function writeSummary(markdown: string, file: string | undefined): Promise<void> {
  if (!file) return;
  const used = await stat(file).then(
    ({ size }) => size,
    () => 0,
  );
  const part = cut(redact(`${markdown.trim()}\n\n`), limit - used);
  if (part === "") warning("The job summary is full (1 MiB); a part of it is missing.");
  else await appendFile(file, part);
}
