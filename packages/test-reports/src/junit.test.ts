import { expect, test } from "vitest";
import { lines, readText, readTexts } from "./samples.ts";

const suites = (root: string, suite: string, cases: string) =>
  `<testsuites ${root}><testsuite ${suite}>${cases}</testsuite></testsuites>`;
const pytest = (cases: string) => suites('name="pytest tests"', 'name="pytest"', cases);
const files = [
  "tests/sub/test_a.py",
  "src/a.test.ts",
  "app/src/test/java/org/x/FooTest.java",
  "net/http/server_test.go",
  "README.md",
];

test.each<[string, string, string[]]>([
  [
    "pytest: the class is parted from the file, parameters from the name",
    pytest(
      '<testcase classname="tests.sub.test_a.TestX" name="test_f[a|b]"/><testcase classname="tests.sub.test_a" name="test_g"/>',
    ),
    ["tests/sub/test_a.py|TestX|test_f [a|b] pass", "tests/sub/test_a.py||test_g pass"],
  ],
  [
    "pytest xunit1: the file is named",
    pytest('<testcase classname="other.test_z.TestX" name="t" file="other/test_z.py" line="3"/>'),
    ["other/test_z.py|TestX|t pass"],
  ],
  [
    "pytest: a failure and an error in its teardown are one execution",
    pytest(
      '<testcase classname="m" name="t" time="1"><failure message="x"/></testcase><testcase classname="m" name="t" time="2"><error message="failed on teardown with &quot;E&quot;"/></testcase>',
    ),
    ["m||t fail"],
  ],
  [
    "pytest: xfail is no skip, and strict xpass has failed",
    pytest(
      '<testcase name="a"><skipped type="pytest.xfail" message=""/></testcase><testcase name="b"><failure message="[XPASS(strict)] "/></testcase>',
    ),
    ["||a xfail", "||b fail"],
  ],
  [
    "pytest-timeout",
    pytest('<testcase name="a"><failure message="Failed: Timeout (&gt;1.0s) from pytest-timeout."/></testcase>'),
    ["||a timeout"],
  ],
  [
    "vitest: the class is the file, equal titles are two tests, a skip may be a todo",
    suites(
      'name="vitest tests"',
      'name="src/a.test.ts" hostname="vm"',
      '<testcase classname="src/a.test.ts" name="x &gt; y"/><testcase classname="src/a.test.ts" name="x &gt; y"><failure/></testcase><testcase classname="src/a.test.ts" name="z"><skipped/></testcase>',
    ),
    ["src/a.test.ts|x|y pass", "src/a.test.ts|x|y [#2] fail", "src/a.test.ts||z skip"],
  ],
  [
    "Playwright: the project is the variant, retries are attempts",
    suites(
      'id="" name=""',
      'name="e2e/a.spec.ts" timestamp="2026-01-01T00:00:00Z" hostname="firefox"',
      '<testcase classname="e2e/a.spec.ts" name="page › opens" time="2"><flakyFailure message="x" time="1"/></testcase>',
    ),
    ["e2e/a.spec.ts|page|opens firefox fail", "e2e/a.spec.ts|page|opens firefox pass @2"],
  ],
  [
    "Surefire: flaky and rerun children are attempts",
    '<testsuite xsi:noNamespaceSchemaLocation="x" name="org.x.FooTest"><testcase classname="org.x.FooTest" name="a"><flakyFailure/><flakyError/></testcase><testcase classname="org.x.FooTest$In" name="b"><failure/><rerunFailure/><rerunError/></testcase></testsuite>',
    [
      "app/src/test/java/org/x/FooTest.java|org.x.FooTest|a fail",
      "app/src/test/java/org/x/FooTest.java|org.x.FooTest|a error @2",
      "app/src/test/java/org/x/FooTest.java|org.x.FooTest|a pass @3",
      "app/src/test/java/org/x/FooTest.java|org.x.FooTest > In|b fail",
      "app/src/test/java/org/x/FooTest.java|org.x.FooTest > In|b fail @2",
      "app/src/test/java/org/x/FooTest.java|org.x.FooTest > In|b error @3",
    ],
  ],
  [
    "Gradle: rows of a parametrised test",
    '<testsuite name="org.x.FooTest" timestamp="2026-01-01T00:00:00" hostname="h"><testcase classname="org.x.FooTest" name="rows(int)[1]"/><testcase classname="org.x.FooTest" name="rows(int)[2]"/></testsuite>',
    [
      "app/src/test/java/org/x/FooTest.java|org.x.FooTest|rows(int) [1] pass",
      "app/src/test/java/org/x/FooTest.java|org.x.FooTest|rows(int) [2] pass",
    ],
  ],
  [
    "gotestsum: reruns are attempts, parents give way to subtests unless they failed alone",
    suites(
      "",
      'name="m.org/net/http"',
      '<properties><property name="go.version" value="go1.26"/></properties>' +
        '<testcase classname="m.org/net/http" name="TestA/x"><failure/></testcase><testcase classname="m.org/net/http" name="TestA"><failure/></testcase>' +
        '<testcase classname="m.org/net/http" name="TestB"><failure/></testcase><testcase classname="m.org/net/http" name="TestB/x"/>' +
        '<testcase classname="m.org/net/http" name="TestA/x"/><testcase classname="m.org/net/http" name="TestA"/>',
    ),
    [
      "m.org/net/http||TestA [x] fail",
      "m.org/net/http||TestB fail",
      "m.org/net/http||TestB [x] pass",
      "m.org/net/http||TestA [x] pass @2",
    ],
  ],
  [
    "gotestsum: subtests named by paths, whose first slash is a part of the name",
    suites(
      "",
      'name="m.org/web"',
      '<properties><property name="go.version" value="go1.26"/></properties>' +
        '<testcase classname="m.org/web" name="TestRoutes//healthz/live"/><testcase classname="m.org/web" name="TestRoutes//healthz"/>' +
        '<testcase classname="m.org/web" name="TestRoutes//"/><testcase classname="m.org/web" name="TestRoutes"/>',
    ),
    ["m.org/web||TestRoutes [/healthz/live] pass", "m.org/web||TestRoutes [/] pass"],
  ],
  [
    "cargo-nextest: a flaky child does not make a pass",
    suites(
      'name="nextest-run"',
      'name="crate::bin/x"',
      '<testcase classname="crate::bin/x" name="m::t"><failure type="test failure with exit code 101"/><flakyFailure type="test failure"/></testcase><testcase classname="crate::bin/x" name="slow"><failure type="test timeout"/></testcase>',
    ),
    ["crate::bin/x||m::t fail", "crate::bin/x||m::t fail @2", "crate::bin/x||slow timeout"],
  ],
  [
    "GoogleTest: not run is disabled, skipped is not run",
    suites(
      'name="AllTests"',
      'name="S"',
      '<testcase name="A" status="notrun" result="suppressed" classname="S"/><testcase name="B" status="run" result="skipped" classname="S"/><testcase name="C/0" status="run" result="completed" classname="I/S"/>',
    ),
    ["|S|A disabled", "|S|B skip", "|I/S|C [0] pass"],
  ],
  [
    "any: failure beats skipped, several failures are one, disabled that failed has failed",
    suites(
      "",
      'name="S"',
      '<testcase name="a"><skipped/><failure/></testcase><testcase name="b"><failure/><error/><failure/></testcase><testcase name="c" status="disabled"><failure/></testcase><testcase name="d" status="disabled"/>',
    ),
    ["|S|a fail", "|S|b fail", "|S|c fail", "|S|d disabled"],
  ],
  [
    "any: an error of a suite is not lost",
    suites("", 'name="S"', '<error message="setup"/><testcase name="a"/>'),
    ["|S|(suite) error", "|S|a pass"],
  ],
  ["any: cases without suites and roots", '<testcase name="a"/><testcase name="b"/>', ["||a pass", "||b pass"]],
  [
    "any: nested suites are the class path, namespaces say nothing",
    '<j:testsuites xmlns:j="x"><j:testsuite name="A"><j:testsuite name="B"><j:testcase name="a"/></j:testsuite><j:testcase name="b"/></j:testsuite></j:testsuites>',
    ["|A > B|a pass", "|A|b pass"],
  ],
  [
    "any: text before the declaration",
    'warning: something\n<?xml version="1.0"?><testsuite name="S"><testcase name="a"/></testsuite>',
    ["|S|a pass"],
  ],
  [
    "any: a parameter that looks like an ordinal stays its own test",
    pytest('<testcase name="f[#2]"/><testcase name="f"/><testcase name="f"/>'),
    ["||f [#2] pass", "||f pass", "||f [#3] pass"],
  ],
])("%s", async (_what, text, expected) => {
  expect(lines(await readText(text, { files }))).toEqual(expected);
});

test.each([
  ["1.5", "auto", 1500],
  ["1,234.5", "auto", 1_234_500],
  ["0,5", "auto", 500],
  ["1.7e-05", "auto", 0.017],
  ["0.", "auto", 0],
  ["", "auto", null],
  ["-4416.24", "auto", null],
  ["NaN", "auto", null],
  ["<<computed>>", "auto", null],
  ["604801", "auto", null],
  ["12", "ms", 12],
] as const)("the time %s in %s is %s ms", async (time, timeUnit, expected) => {
  const result = await readText(`<testsuite name="S"><testcase name="a" time="${time}"/></testsuite>`, { timeUnit });
  expect(result.executions[0]!.duration_ms).toBe(expected);
});

test("times are milliseconds where seconds would end long after the report was written", async () => {
  const started = (ago: number) => new Date(Date.now() - ago).toISOString();
  const report = (timestamp: string) =>
    `<testsuite name="S" timestamp="${timestamp}" time="5000"><testcase name="a" time="5000"/></testsuite>`;
  expect((await readText(report(started(6000)))).executions[0]!.duration_ms).toBe(5000);
  expect((await readText(report(started(5_000_000)))).executions[0]!.duration_ms).toBe(5_000_000);
  expect((await readText(report(started(6000)), { timeUnit: "s" })).executions[0]!.duration_ms).toBe(5_000_000);
});

test("the order of reports does not matter, and reading twice says the same", async () => {
  const text = (name: string) => `<testsuite name="S"><testcase name="same"/><testcase name="${name}"/></testsuite>`;
  const { readReports } = await import("./index.ts");
  const { mkdtempSync, writeFileSync, rmSync } = await import("node:fs");
  const root = mkdtempSync("/tmp/reports-");
  try {
    for (const name of ["a", "b", "c"]) writeFileSync(`${root}/${name}.xml`, text(name));
    const one = await readReports(["a.xml", "b.xml", "c.xml"], { root });
    expect(await readReports(["c.xml", "a.xml", "b.xml", `${root}/a.xml`], { root })).toEqual(one);
    expect(lines(one)).toContain("|S|same [#3] pass");
  } finally {
    rmSync(root, { recursive: true });
  }
});

test("the variant is on every execution", async () => {
  expect(
    lines(await readTexts(['<testsuite name="S"><testcase name="a"/></testsuite>'], { variant: "linux" })),
  ).toEqual(["|S|a linux pass"]);
});
