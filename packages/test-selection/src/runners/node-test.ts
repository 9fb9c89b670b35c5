import type { Runner } from "./runner.ts";

/** `node --test` takes whole files. Everything is what it finds by its own patterns. */
export const nodeTest: Runner = {
  name: "node-test",
  granularity: "file",
  ordered: false,
  // https://nodejs.org/docs/latest-v24.x/api/test.html#running-tests-from-the-command-line
  isTestFile: (path) => /((^|\/)test\/.*|(^|\/)(test(-[^/]*)?|[^/]*[._-]test))\.[cm]?[jt]s$/.test(path),
  unitOf: (path) => path,
  startsAnyFile: true,
  before: [],
  // Arguments are patterns that know no escape, and one that matches nothing is passed over in silence.
  argument: ({ file }) => (/[*?[\]{}\\]|[!@+]\(/.test(file) ? null : file.startsWith("-") ? `./${file}` : file),
  start({ command, args, report, chosen }) {
    const program = command ?? (["node", "--test"] as const);
    // `spec` beside it, since a reporter that is named replaces the usual one.
    const reporters =
      report === null
        ? []
        : [
            ...["--test-reporter=spec", "--test-reporter-destination=stdout"],
            ...["--test-reporter=junit", `--test-reporter-destination=${report}`],
          ];
    // Options after the first file would be the test's own. With this variable node runs nothing and says it passed.
    return { argv: [...program, ...reporters, ...args, ...chosen], env: { NODE_TEST_CONTEXT: undefined } };
  },
  // 1 is all it says, also for failing tests.
  notFound: () => false,
};
