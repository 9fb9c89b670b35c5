/** The job summary: Markdown parts, and a writer that never lets GitHub drop it. */
import { appendFile, stat } from "node:fs/promises";
import { redact } from "./secrets.ts";

// GitHub drops the whole summary of a step above 1 MiB.
const limit = 1024 * 1024;

/** Text for a table cell or a line of prose: no Markdown or HTML of strangers is rendered, line breaks become spaces. */
export function plain(text: string): string {
  return text
    .replace(/[\r\n\t]+/g, " ")
    .replace(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, "")
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replace(/[\\`*_{}[\]|~#@!]/g, "\\$&")
    .replace(/(https?|www)([:.])/gi, "$1&#8203;$2");
}

/** Text in code font, safe inside a table: backticks and pipes of the text cannot end it. */
export function code(text: string): string {
  return `<code>${text
    .replace(/[\r\n\t]+/g, " ")
    .replace(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, "")
    .replace(/[&<>`|*_[\]\\~@!#$]/g, (character) => `&#${character.charCodeAt(0)};`)}</code>`;
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
  if (value < 60) return `${value < 10 ? value.toFixed(1) : Math.round(value)} s`;
  const whole = Math.round(value);
  return `${Math.floor(whole / 60)} min ${whole % 60} s`;
}

/**
 * Cuts Markdown at the end of a line so that it fits, closes what was open, and says that it was cut.
 * @param bytes room left in the summary
 */
export function cut(markdown: string, bytes: number): string {
  if (Buffer.byteLength(markdown) <= bytes) return markdown;
  const note = `\n\n> This summary was cut: GitHub shows at most 1 MiB of it, and it has ${Math.ceil(Buffer.byteLength(markdown) / 1024)} KiB.\n`;
  const closing = "\n```\n\n</details>\n".length * 2;
  const room = Math.max(0, bytes - Buffer.byteLength(note) - closing);
  // A cut inside a character would leave U+FFFD; the cut goes back to the last whole line anyway.
  const kept = Buffer.from(markdown).subarray(0, room).toString("utf8");
  const whole = kept.slice(0, Math.max(0, kept.lastIndexOf("\n")));
  const fences = whole.match(/^```/gm)?.length ?? 0;
  const open = (whole.match(/<details>/g)?.length ?? 0) - (whole.match(/<\/details>/g)?.length ?? 0);
  return `${whole}${fences % 2 === 1 ? "\n```\n" : ""}${open > 0 ? "\n\n</details>\n" : ""}${note}`;
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
  await appendFile(file, cut(redact(`${markdown.trim()}\n\n`), limit - used));
}
