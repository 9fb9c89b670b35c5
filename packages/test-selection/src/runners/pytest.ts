import { settingsOptions } from "./pytest-settings.ts";
import type { Runner } from "./runner.ts";

/** pytest takes node ids, `path::Class::test`: one stands for all parameters of the test. */
export const pytest: Runner = {
  name: "pytest",
  granularity: "test",
  ordered: true,
  // https://docs.pytest.org/en/stable/reference/reference.html#confval-python_files
  // https://docs.pytest.org/en/stable/how-to/doctest.html: text files are read as doctests by default
  isTestFile: (path) => /(^|\/)((test_[^/]*|[^/]*_test)\.py|test[^/]*\.txt)$/.test(path),
  unitOf: (path) => path,
  startsAnyFile: true,
  before: [],
  argument({ file, test }) {
    // pytest cuts an argument at the first `[` and at `::`, so a path with one of them cannot be named. What lies outside of the
    // folder is of another project: pytest would take its settings, and may lack what it needs.
    if (/\[|::/.test(file) || file.startsWith("../")) return null;
    const path = /^[-@]/.test(file) ? `./${file}` : file;
    return test ? [path, ...test.classPath, test.name].join("::") : path;
  },
  settings: settingsOptions,
  start({ command, args, report, chosen }) {
    const program = command ?? (["python", "-m", "pytest"] as const);
    // `--cov` and others take the word after them for their value, so that no test may follow the user's arguments.
    return { argv: [...program, ...(report === null ? [] : [`--junitxml=${report}`]), ...chosen, ...args] };
  },
  // 4: wrong usage, such as a node id that does not exist; 5: no tests collected.
  notFound: (exitCode) => exitCode === 4 || exitCode === 5,
};
