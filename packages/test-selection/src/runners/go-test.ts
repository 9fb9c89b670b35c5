import { posix } from "node:path";
import type { Runner } from "./runner.ts";

// `./...` does not descend into these: https://pkg.go.dev/cmd/go#hdr-Package_lists_and_patterns
const passedOver = /(^|\/)(testdata|vendor|[_.][^/]*)\//;

/**
 * `go test` takes packages, which are folders. A test could be named by `-run`, but that is one pattern for all packages.
 * It writes no JUnit XML; gotestsum does, and passes on what follows its `--`.
 */
export const goTest: Runner = {
  name: "go-test",
  granularity: "folder",
  ordered: false,
  isTestFile: (path) => /(^|\/)[^/_.][^/]*_test\.go$/.test(path) && !passedOver.test(path),
  unitOf(path) {
    const own = path.replace(/(^|\/)testdata\/.*/, "$1data_test.go");
    return own.endsWith("_test.go") ? posix.dirname(own) : null;
  },
  compiles: (path) => /(^|\/)[^/_.][^/]*\.go$/.test(path) && !passedOver.test(path),
  boundary: { file: "go.mod", joins: "go.work" },
  before: [],
  // `...` is a pattern. What lies outside of the folder may be another module, which this one cannot name.
  argument: ({ file }) => (/\.\.\.|^\.\.(\/|$)/.test(file) ? null : /^\.?$/.test(file) ? "." : `./${file}`),
  start({ command, args, report, chosen }) {
    const program = command ?? (report === null ? (["go", "test"] as const) : (["gotestsum"] as const));
    const packages = chosen.length > 0 ? chosen : ["./..."];
    // After a flag that go does not know, a package would be an argument of the tests, and not be tested.
    return { argv: [...program, ...(report === null ? [] : [`--junitfile=${report}`, "--"]), ...packages, ...args] };
  },
  // 1 is all it says, also for failing tests.
  notFound: () => false,
};
