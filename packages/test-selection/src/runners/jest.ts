import { installed } from "./installed.ts";
import type { Runner } from "./runner.ts";

/**
 * jest takes whole files: titles are made at run time, and a new one would be skipped in silence. Its report is written
 * by the reporter jest-junit, which the project has to have; without it jest says so and fails.
 */
export const jest: Runner = {
  name: "jest",
  granularity: "file",
  ordered: false,
  // https://jestjs.io/docs/configuration#testmatch-arraystring
  isTestFile: (path) => /((^|\/)__tests__\/.*|(^|\/)([^/]*\.)?(spec|test)+)\.[cm]?[jt]sx?$/.test(path),
  unitOf: (path) => path,
  // Without it, a path is a pattern.
  before: ["--runTestsByPath"],
  argument: ({ file }) => (file.startsWith("-") ? `./${file}` : file),
  start({ folder, command, args, report, chosen }) {
    const program = command ?? (["node", installed(folder, "jest/bin/jest.js")] as const);
    // `--reporters` and others take all words after them, so that no file may follow.
    const argv: [string, ...string[]] = [...program, ...chosen, ...args];
    // Files that are no tests any more are passed over in silence; this is the last word on none being left.
    if (chosen.length > 0) argv.push("--passWithNoTests=false");
    if (report === null) return { argv };
    return {
      argv: [...argv, "--reporters=default", "--reporters=jest-junit"],
      // The reporter has no arguments. Without the file, its report does not say which file a test is in; without the errors
      // of suites, it leaves out a file that could not be loaded, and looks as if all had passed.
      env: {
        JEST_JUNIT_OUTPUT_FILE: report,
        JEST_JUNIT_ADD_FILE_ATTRIBUTE: "true",
        JEST_JUNIT_REPORT_TEST_SUITE_ERRORS: "true",
        JEST_JUNIT_UNIQUE_OUTPUT_NAME: "false",
      },
    };
  },
  // 1 is all it says, also for failing tests.
  notFound: () => false,
};
