/** The history of the demonstration project: real edits of real files. Nothing here says which tests an edit breaks. */

/** A commit: replaces `from` by `to` in `file`, once. */
export interface Edit {
  title: string;
  author: string;
  file: string;
  from: string;
  to: string;
  /** The title of an earlier edit that this one takes back; it makes no sense where that one was not merged. */
  undoes?: string;
}

const edit = (author: string, title: string, file: string, from: string, to: string): Edit => ({
  author,
  title,
  file,
  from,
  to,
});

/** Commits that land on main one by one: the history that selection learns from. */
export const landed: Edit[] = [
  edit(
    "ada",
    "Solve without row swaps, they cost time",
    "src/matrix.js",
    "if (Math.abs(rows[row][pivot]) > Math.abs(rows[best][pivot])) best = row;",
    "if (rows[best][pivot] === undefined) best = row;",
  ),
  edit(
    "ada",
    "Bring partial pivoting back",
    "src/matrix.js",
    "if (rows[best][pivot] === undefined) best = row;",
    "if (Math.abs(rows[row][pivot]) > Math.abs(rows[best][pivot])) best = row;",
  ),
  edit(
    "emmy",
    "Read CSV fields without doubled quotes",
    "src/csv.js",
    "text[index + 1] === '\"'",
    "text[index + 2] === '\"'",
  ),
  edit("emmy", "Read doubled quotes again", "src/csv.js", "text[index + 2] === '\"'", "text[index + 1] === '\"'"),
  edit("carl", "Use the population variance", "src/stats.js", "(values.length - 1)", "values.length"),
  edit("carl", "Use the sample variance", "src/stats.js", "0) / values.length;\n}", "0) / (values.length - 1);\n}"),
  edit("ada", "Bisect from the left end only", "src/roots.js", "f(a) < 0 ? [a, b] : [b, a]", "[a, b]"),
  edit(
    "ada",
    "Bisect falling functions too",
    "src/roots.js",
    "let [low, high] = [a, b]",
    "let [low, high] = f(a) < 0 ? [a, b] : [b, a]",
  ),
  edit(
    "joseph",
    "Turn the Fourier transform round",
    "src/fourier.js",
    "(-2 * Math.PI * index) / signal.length",
    "(2 * Math.PI * index) / half",
  ),
  edit(
    "joseph",
    "Use the usual sign and step again",
    "src/fourier.js",
    "(2 * Math.PI * index) / half",
    "(-2 * Math.PI * index) / signal.length",
  ),
];

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
    "ada",
    "Name the tolerance of Newton's method",
    "src/roots.js",
    "if (Math.abs(next - x) < tolerance) return next;",
    "const change = Math.abs(next - x);\n    if (change < tolerance) return next;",
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
  edit(
    "joseph",
    "Skip the last point of the spectrum",
    "src/fourier.js",
    "index < half; index",
    "index < half - 1; index",
  ),
  edit("joseph", "Round the light year", "src/constants.js", "9_460_730_472_580_800", "9_460_730_000_000_000"),
  {
    ...edit(
      "joseph",
      "Give the light year its digits back",
      "src/constants.js",
      "9_460_730_000_000_000",
      "9_460_730_472_580_800",
    ),
    undoes: "Round the light year",
  },
];
