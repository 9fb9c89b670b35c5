import { installed } from "./installed.ts";
import type { Runner } from "./runner.ts";

/**
 * vitest takes parts of file paths. Single tests could be named by a pattern over their titles, but titles are made at
 * run time, and a new one would be skipped in silence; so the file is what is chosen.
 */
export const vitest: Runner = {
  name: "vitest",
  granularity: "file",
  ordered: false,
  // https://vitest.dev/config/include
  isTestFile: (path) => /\.(test|spec)\.[cm]?[jt]sx?$/.test(path),
  unitOf: (path) => path,
  // https://vitest.dev/guide/in-source
  holdsTests: (text) => /(?<!["'])import\.meta\.vitest\b(?!["'])/.test(text),
  // https://vitest.dev/guide/testing-types: the types of all sources are checked with any of these, and with none not at all
  besides(known, changed) {
    const file = known.filter((path) => /\.(?:test|spec)-d\.[cm]?tsx?$/.test(path)).sort()[0];
    if (file === undefined || !changed.some((path) => /\.(?:[cm]?tsx?|vue)$/.test(path))) return null;
    return { file, reason: "with a file of it vitest checks the types of all sources" };
  },
  before: [],
  // A trailing `:12` would be read as a line.
  argument: ({ file }) => (/:\d+$/.test(file) ? null : file.startsWith("-") ? `./${file}` : file),
  start({ folder, command, args, report, chosen }) {
    const program = command ?? (["node", installed(folder, "vitest/vitest.mjs"), "run"] as const);
    const reporters = report === null ? [] : ["--reporter=default", "--reporter=junit", `--outputFile.junit=${report}`];
    // `--silent` and others take the word after them for their value, so that no file may follow the user's arguments.
    return {
      argv: [...program, ...reporters, ...chosen, ...args, ...(chosen.length > 0 ? ["--passWithNoTests=false"] : [])],
    };
  },
  notFound: () => false,
};
