/** The history of the demonstration project: real edits of real files. Nothing here says which tests an edit breaks. */

/** A commit: replaces `from` by `to` in `file`, once. */
export interface Edit {
  title: string;
  author: string;
  file: string;
  from: string;
  to: string;
}

const edit = (author: string, title: string, file: string, from: string, to: string): Edit => ({
  author,
  title,
  file,
  from,
  to,
});

/** The first pull request, on a day on which nothing is known yet. */
export const first = edit(
  "ada",
  "Name the tolerance of Newton's method",
  "src/roots.js",
  "if (Math.abs(next - x) < tolerance) return next;",
  "const change = Math.abs(next - x);\n    if (change < tolerance) return next;",
);

/** Changes that come as pull requests, one after the other, each from the main of its time. */
export const proposed: Edit[] = [
  edit(
    "emmy",
    "Document the CSV dialect",
    "src/csv.js",
    "after RFC 4180",
    "after RFC 4180; a final line break is optional",
  ),
  edit(
    "carl",
    "Take the upper middle as the median",
    "src/stats.js",
    "(sorted[middle - 1] + sorted[middle]) / 2",
    "sorted[middle]",
  ),
  edit(
    "emmy",
    "Run tests in one thread",
    "vitest.config.js",
    "isolate: false",
    "isolate: false, fileParallelism: false",
  ),
  edit(
    "carl",
    "Say what the table of units holds",
    "src/units.js",
    "const metres",
    "/** Metres in each unit. */\nconst metres",
  ),
  edit("joseph", "Round the light year", "src/constants.js", "9_460_730_472_580_800", "9_460_730_000_000_000"),
];
