/** telemetry-upload by itself, with a folder as store: what a job's reports become, and when the step fails. */
import { execFileSync } from "node:child_process";
import { globSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { decodeRuns, type Run } from "@goatnote/ci-history";
import { beforeAll, beforeEach, expect, test } from "vitest";
import { build } from "../../scripts/build.ts";
import { type Ended, runEntry } from "./entry.ts";

let actions: string;
let workspace: string;
beforeAll(async () => {
  actions = await build();
});
beforeEach(() => {
  workspace = join(realpathSync(mkdtempSync(join(tmpdir(), "telemetry-"))), "lab");
  mkdirSync(workspace);
  git("init", "--quiet");
  git("commit", "--quiet", "--allow-empty", "--message", "Start");
  return () => rmSync(dirname(workspace), { recursive: true, force: true });
});
const git = (...args: string[]): void => {
  execFileSync("git", ["-c", "user.name=Ada", "-c", "user.email=ada@example.org", ...args], { cwd: workspace });
};
const write = (files: Record<string, string>): void => {
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(workspace, name)), { recursive: true });
    writeFileSync(join(workspace, name), content);
  }
};
const suite = (...cases: string[]): string =>
  `<testsuites><testsuite name="pytest">${cases.join("")}</testsuite></testsuites>`;
const passed = (name: string): string => `<testcase classname="tests.test_a" name="${name}" time="0.1"/>`;
const failed = (name: string): string =>
  `<testcase classname="tests.test_a" name="${name}" time="0.1"><failure message="m">hunter2</failure></testcase>`;
const upload = (inputs: Record<string, string> = {}, env: Record<string, string> = {}): Promise<Ended> =>
  runEntry(
    actions,
    "telemetry-upload",
    { paths: "reports/*.xml", store: "file", "store-location": join(workspace, "history"), ...inputs },
    workspace,
    env,
  );
const records = (): Run[] =>
  globSync("history/**/*.zst", { cwd: workspace }).flatMap((file) =>
    decodeRuns(readFileSync(join(workspace, file)), file),
  );

test("the totals, and what is kept of a failure", async () => {
  write({
    "reports/a.xml": suite(
      passed("one"),
      failed("two"),
      '<testcase classname="tests.test_a" name="three"><skipped/></testcase>',
    ),
  });
  const { code, outputs, summary, log } = await upload();
  expect(code, log).toBe(0);
  expect(outputs).toMatchObject({
    tests: "3",
    passed: "1",
    failed: "1",
    errors: "0",
    skipped: "1",
    reports: "1",
    "invalid-reports": "0",
    recorded: "true",
  });
  expect(summary).toContain("1 of 3 tests failed");
  expect(JSON.stringify(records())).not.toContain("hunter2");
  expect(records()[0]?.tests.map(({ status }) => status)).toEqual(["pass", "fail", "skip"]);
});

test("another outcome is another summary", async () => {
  write({ "reports/a.xml": suite(passed("one"), passed("two")) });
  const green = await upload();
  write({ "reports/a.xml": suite(passed("one"), failed("two")) });
  const red = await upload();
  expect(green.summary).toContain("2 tests passed");
  expect(red.summary).toContain("1 of 2 tests failed");
});

test.each<[string, Record<string, string>, Record<string, string>, number, RegExp]>([
  ["no report", {}, {}, 0, /::warning::No test was found in reports.*, so nothing was recorded/],
  ["no report, and tests are required", {}, { "require-tests": "true" }, 1, /::error::No test was found in reports/],
  [
    "a report without tests, and tests are required",
    { "reports/a.xml": suite() },
    { "require-tests": "true" },
    1,
    /`require-tests` is true/,
  ],
  [
    "a broken report",
    { "reports/a.xml": "<testsuites><testsuite>" },
    {},
    0,
    /::warning::reports\/a\.xml cannot be read/,
  ],
  [
    "a broken report that fails",
    { "reports/a.xml": "<testsuites><testsuite>" },
    { "fail-on-invalid": "true" },
    1,
    /1 reports cannot be read, the first is reports\/a\.xml/,
  ],
  [
    "a plan that is missing",
    { "reports/a.xml": suite(passed("one")) },
    { plan: "plan/none.json" },
    0,
    /::warning::The plan was not used: there is no file plan\/none\.json/,
  ],
  [
    "a plan that is garbage",
    { "reports/a.xml": suite(passed("one")), "p.json": "{" },
    { plan: "p.json" },
    0,
    /::warning::The plan was not used: p\.json is not a plan/,
  ],
])("%s", async (_, files, inputs, code, message) => {
  write(files);
  const ended = await upload(inputs);
  expect([ended.code, ended.log + ended.summary]).toEqual([code, expect.stringMatching(message)]);
});

test("a broken report beside a good one makes the record incomplete, and no pass of it", async () => {
  write({ "reports/a.xml": suite(passed("one")), "reports/b.xml": "<testsuites><testsuite>" });
  const { outputs } = await upload();
  expect(outputs).toMatchObject({ tests: "1", "invalid-reports": "1" });
  expect(records()[0]).toMatchObject({ report_complete: false });
});

test("a cut record says so, and keeps the failures", async () => {
  write({ "reports/a.xml": suite(passed("one"), passed("two"), failed("three")) });
  await upload({ "max-records": "1" });
  expect(records()[0]).toMatchObject({ report_complete: false, tests: [{ status: "fail" }] });
});

test("two reports of one job that are handed over one after the other are both kept", async () => {
  write({ "reports/a.xml": suite(passed("unit")), "more/b.xml": suite(failed("integration")) });
  await upload();
  const second = await upload({ paths: "more/*.xml" });
  expect(second.outputs.recorded).toBe("true");
  expect(
    records()
      .flatMap(({ tests }) => tests.map(({ id }) => id.split("|").at(-1)))
      .sort(),
  ).toEqual(["integration", "unit"]);
});

test("a store that cannot be written breaks nobody's build", async () => {
  write({ "reports/a.xml": suite(passed("one")), history: "a file, no folder" });
  const { code, outputs, log, summary } = await upload();
  expect([code, outputs.recorded]).toEqual([0, "false"]);
  expect(log).toContain("::warning::The results were not recorded");
  expect(summary).toContain("Not recorded");
});

test("all mistakes in inputs are told at once", async () => {
  const { code, log } = await upload({ "time-unit": "h", "require-tests": "yes", paths: "", patsh: "x" });
  expect(code).toBe(1);
  for (const word of ["4 inputs need a change", "`time-unit`", "`require-tests`", "`paths` is required", "patsh"])
    expect(log).toContain(word);
  const folder = await upload({ store: "auto" });
  expect(folder.log).toContain("`store-location` is given, but `store` is `auto`");
});

test("a name from a report cannot speak to the runner", async () => {
  write({ "reports/a.xml": suite(failed("&#10;::error::boo&#10;##[error]boo")) });
  const { log, summary } = await upload();
  expect(log).not.toMatch(/^(::error::boo|##\[error\])/m);
  expect(summary).not.toMatch(/^(::|##\[)/m);
});

test("one odd test never costs the step, nor the record of the others", async () => {
  const odd = ["../x.py", "/etc/x.py", ".", "a\0b.py", "x/".repeat(3000)].map(
    (file) => `<testcase classname="tests.test_a" name="t" file="${file}" time="0.1"/>`,
  );
  write({ "reports/a.xml": suite(passed("one"), ...odd) });
  const { code, outputs, log } = await upload({ variant: "ubuntu\npython" });
  expect(code, log).toBe(0);
  expect(outputs).toMatchObject({ tests: "6", recorded: "true" });
  expect(records()[0]?.tests.map(({ file }) => file)).toEqual(Array(6).fill(null));
});

test("a record that cannot be made is a warning: outputs and summary are there, and the step is green", async () => {
  write({ "reports/a.xml": suite(passed("one"), failed("two")) });
  const ended = await upload({}, { GITHUB_RUN_ID: "not\na run" });
  expect(ended.code, ended.log).toBe(0);
  expect(ended.log).toMatch(/::warning::The results were not recorded: .*run_id is/);
  expect(ended.outputs).toMatchObject({ tests: "2", failed: "1", segment: "", recorded: "false" });
  expect(ended.summary).toContain("1 of 2 tests failed");
  expect(ended.summary).toContain("Not recorded");
  const required = await upload({ "require-tests": "true", paths: "none/*.xml" }, { GITHUB_RUN_ID: "" });
  expect(required.code).toBe(1);
});
