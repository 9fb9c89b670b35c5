import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Parser } from "htmlparser2";
import { describe, expect, test } from "vitest";
import { readReports } from "./index.ts";
import { lines, readText } from "./samples.ts";
import { XmlScanner } from "./xml.ts";

const folder = join(import.meta.dirname, "../fixtures");
const files = [
  "tests/test_a.py",
  "tests/test_broken.py",
  "src/a.test.mjs",
  "src/a.test.js",
  "root_test.go",
  "sub/a_test.go",
];

const pytest = [
  "tests/test_a.py|TestX|test_ok pass",
  "tests/test_a.py|TestX|test_param [a b] fail",
  "tests/test_a.py|TestX|test_param [x;$(y)] pass",
  'tests/test_a.py|TestX|test_param [quo"te] pass',
  "tests/test_a.py|TestX|test_param [li\\nne] pass",
  "tests/test_a.py|TestX|test_param [\\u65e5\\u672c] pass",
  "tests/test_a.py||test_fails_twice fail",
  "tests/test_a.py||test_teardown error",
  "tests/test_a.py||test_xfail xfail",
  "tests/test_a.py||test_xpass pass",
  "tests/test_a.py||test_strict_xpass fail",
  "tests/test_a.py||test_skip skip",
  "tests/test_a.py||test_object [o0] fail",
];

/** What the runners were told to do in `scripts/fixtures.ts`, as far as their reports can tell. */
const expected: Record<string, string[]> = {
  "pytest-xunit2": ["tests/test_broken.py||tests.test_broken error", ...pytest],
  "pytest-xunit1": pytest,
  vitest: [
    'src/a.test.mjs|out > in > "quoted"|ok; $(x) pass',
    'src/a.test.mjs|out > in > "quoted"|bad fail',
    "src/a.test.mjs|out|skipped skip",
    "src/a.test.mjs|out|later skip",
    "src/a.test.mjs||日本語 pass",
    "src/a.test.mjs||twice pass",
    "src/a.test.mjs||twice [#2] pass",
    "src/a.test.mjs||slow timeout",
  ],
  // Names of suites are escaped twice by node:test.
  "node-test": [
    "src/a.test.mjs|out > in \\> &quot;quoted&quot;|ok; $(x) pass",
    "src/a.test.mjs|out > in \\> &quot;quoted&quot;|bad fail",
    "src/a.test.mjs|out|skipped skip",
    "src/a.test.mjs|out|later todo",
    "src/a.test.mjs||日本語 pass",
    "src/a.test.mjs||twice pass",
    "src/a.test.mjs||twice [#2] pass",
    "src/a.test.mjs|raw \\u001b[31m|sub pass",
    "src/a.test.mjs||slow timeout",
    "src/a.test.mjs||failing todo todo",
  ],
  // jest-junit names no file unless it is told to, and writes a todo as passed.
  "jest-junit": [
    '||out in > "quoted" ok; $(x) pass',
    '||out in > "quoted" bad fail',
    "||out skipped skip",
    "||out later pass",
    "||日本語 pass",
    "||twice pass",
    "||twice [#2] pass",
    "||slow timeout",
  ],
  gotestsum: [
    "example.org/m||TestRoot pass",
    "example.org/m/sub||TestOk [日本;$()] fail",
    "example.org/m/sub||TestFlaky fail",
    "example.org/m/sub||TestOk [日本;$()] fail @2",
    "example.org/m/sub||TestOk [日本;$()] fail @3",
    "example.org/m/sub||TestSkip skip",
    "example.org/m/sub||TestOk [x_y] pass",
    "example.org/m/sub||TestPath [/healthz] pass",
    "example.org/m/sub||TestTwice [d] pass",
    "example.org/m/sub||TestTwice [d#01] pass",
    "example.org/m/sub||TestFlaky pass @2",
  ],
  ctest: ["||ok one pass", "||bad fail", "||missing error", "||disabled disabled", "||skipped skip", "||日本 $() pass"],
};

describe.each(Object.keys(expected))("%s", (name) => {
  const path = join(folder, `${name}.xml`);

  test("says what the runner did", async () => {
    const result = await readReports([path], { root: "/workspace", files });
    expect(lines(result)).toEqual(expected[name]);
    expect([result.reports, result.complete, result.invalid]).toEqual([1, true, []]);
  });

  test("has the tags that htmlparser2 finds", () => {
    const text = readFileSync(path, "utf8");
    const found: unknown[] = [];
    const scanner = new XmlScanner({
      wantsText: false,
      open: (tag, attributes) => found.push([tag, { ...attributes }]),
      close: () => {},
      text: () => {},
      warning: () => {},
    });
    scanner.write(text);
    scanner.end();
    const oracle: unknown[] = [];
    new Parser({ onopentag: (tag, attributes) => oracle.push([tag, { ...attributes }]) }, { xmlMode: true }).end(text);
    expect(found).toEqual(oracle);
    expect(found.length).toBeGreaterThan(5);
  });

  test("cut anywhere, never passes what it does not show to its end", async () => {
    const text = readFileSync(path);
    const whole = new Set(lines(await readText(text, { root: "/workspace", files })));
    for (let length = 0; length < text.length; length += 37) {
      const result = await readText(text.subarray(0, length), { root: "/workspace", files });
      const passed = lines(result).filter((line) => line.endsWith(" pass") && !whole.has(line));
      expect(passed, `${length} bytes`).toEqual([]);
    }
  });
});
