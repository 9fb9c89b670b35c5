/** ml-test-select/exec by itself: a wrong plan never makes a job green that would be red without it. */
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { build } from "../../scripts/build.ts";
import { describeWithPeer } from "../peers.ts";
import { type Ended, runEntry } from "./entry.ts";

interface Tests {
  id: string;
  file: string | null;
  chosen: boolean;
}

const planned = (file: string | null, name: string, chosen: boolean): Tests => ({
  id: `${file ?? ""}||${name}`,
  file,
  chosen,
});
const planOf = (tests: Tests[], more: object = {}): string =>
  JSON.stringify({
    version: 1,
    mode: "select",
    run: "chosen",
    reason: "1 of 2 tests run.",
    runner: "pytest",
    base: null,
    head: null,
    seed: "s",
    target_recall: 0.95,
    confidence: 0.95,
    model: { kind: "hand-weighted-sum" },
    history: { runs: 20, failing_runs: 19 },
    shards: 1,
    tests: tests.map((each) => ({
      score: 1,
      probability: null,
      p_run: each.chosen ? 1 : 0,
      reason: "r",
      duration_ms: 1,
      ...each,
    })),
    files: [],
    ...more,
  });

let actions: string;
let workspace: string;
beforeAll(async () => {
  actions = await build();
});
beforeEach(() => {
  // As a runner has it: no link on the way.
  workspace = join(realpathSync(mkdtempSync(join(tmpdir(), "exec-"))), "lab");
  mkdirSync(workspace);
  return () => rmSync(dirname(workspace), { recursive: true, force: true });
});
const write = (files: Record<string, string>): void => {
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(workspace, name)), { recursive: true });
    writeFileSync(join(workspace, name), content);
  }
};
const exec = (inputs: Record<string, string>, env: Record<string, string> = {}): Promise<Ended> =>
  runEntry(actions, "ml-test-select/exec", { plan: "plan.json", runner: "pytest", ...inputs }, workspace, env);

describe("a program in place of the runner", () => {
  /** It says what it was started with, then ends as `end` says. */
  const program = (end: string): string => {
    write({
      "runner.cjs": `console.log("GOT " + JSON.stringify(process.argv.slice(2)));\nconsole.log("ENV " + JSON.stringify(process.env));\nconsole.log("CWD " + process.cwd());\n${end}\n`,
    });
    return `${process.execPath}\n${join(workspace, "runner.cjs")}`;
  };
  const started = ({ log }: Ended): string[][] =>
    [...log.matchAll(/^GOT (.*)$/gm)].map(([, args]) => JSON.parse(args ?? "") as string[]);
  const everything: string[][] = [[]];

  const good = () => planOf([planned("test_a.py", "test_a", true), planned("test_b.py", "test_b", false)]);
  test("gets what the plan chose, its report and the user's arguments, each as one argument", async () => {
    write({ "plan.json": good(), "test_a.py": "", "test_b.py": "" });
    const writes = `fs.mkdirSync("out", { recursive: true });\nfs.writeFileSync("out/r.xml", "<testsuites/>");`;
    const command = program(`const fs = require("node:fs");\n${writes}`);
    const ended = await exec({ command, args: "-k\na b; $(touch x) `y`", report: "out/r.xml" });
    expect(ended.code, ended.log).toBe(0);
    expect(started(ended)).toEqual([
      [`--junitxml=${join(workspace, "out/r.xml")}`, "test_a.py", "-k", "a b; $(touch x) `y`"],
    ]);
  });

  test.each([
    ["is missing", null],
    ["is empty", ""],
    ["is garbage", "\0\xff{"],
    ["is JSON but no plan", "[]"],
    ["is null", "null"],
    ["is of another version", good().replace('"version":1', '"version":2')],
    ["has a test without a decision", good().replace('"chosen":true', '"chosen":"yes"')],
    ["has files that are no list", good().replace('"files":[]', '"files":{}')],
    ["has shards that are no number", good().replace('"shards":1', '"shards":"x"')],
    ["has tests in none of its shards", good().replace('"shards":1', '"shards":2')],
    ["has no test", planOf([])],
    ["chose no test", planOf([planned("test_a.py", "test_a", false)])],
    [
      "names a file that is gone",
      planOf([planned("test_gone.py", "test_a", true), planned("test_b.py", "test_b", true)]),
    ],
    ["names a test without a file", planOf([planned(null, "test_a", true)])],
    ["is for another runner", good().replace('"runner":"pytest"', '"runner":"vitest"')],
  ])("runs everything when the plan %s", async (_, plan) => {
    write({ "test_a.py": "", "test_b.py": "", ...(plan !== null && { "plan.json": plan }) });
    const ended = await exec({ command: program("process.exit(1)") });
    expect(started(ended), ended.log).toEqual(everything);
    expect(ended.code).toBe(1);
    expect(ended.log).toMatch(/::warning::The plan cannot be used|Everything runs: /);
    if (plan === null) expect(ended.log).toContain("::warning::The plan cannot be used: there is no file plan.json\n");
  });

  test("runs everything in a shard that the plan does not have", async () => {
    write({ "test_a.py": "", "plan.json": good() });
    const ended = await exec({ command: program(""), shard: "2" });
    expect(started(ended)).toEqual(everything);
  });

  test.each([
    [0, "process.exit(0)"],
    [1, "process.exit(1)"],
    [3, "process.exit(3)"],
    [134, "process.abort()"],
    [137, "process.kill(process.pid, 'SIGKILL'); setTimeout(() => {}, 9999)"],
    [143, "process.kill(process.pid, 'SIGTERM'); setTimeout(() => {}, 9999)"],
  ])("its exit code %s is the step's", async (code, end) => {
    write({ "plan.json": good(), "test_a.py": "", "test_b.py": "" });
    expect((await exec({ command: program(end) })).code).toBe(code);
  });

  test.each([4, 5])(
    "exit code %s says that pytest did not find the tests, so everything runs and decides",
    async (code) => {
      write({ "plan.json": good(), "test_a.py": "", "test_b.py": "" });
      const ended = await exec({ command: program(`process.exit(process.argv.length > 2 ? ${code} : 7)`) });
      expect([ended.code, started(ended)]).toEqual([7, [["test_a.py"], []]]);
      expect(ended.log).toContain("::warning::pytest did not find what the plan names");
    },
  );

  test("a program that is not there fails the step", async () => {
    write({ "plan.json": good(), "test_a.py": "", "test_b.py": "" });
    const ended = await exec({ command: "no-such-program" });
    expect(ended.code).toBe(1);
    expect(ended.log).toContain("no-such-program could not be started");
  });

  test("keeps the user's variables, and none of the action's", async () => {
    write({ "plan.json": good(), "test_a.py": "" });
    const ended = await exec(
      { command: program("") },
      { DATABASE_URL: "kept", GITHUB_TOKEN: "kept-too", ACTIONS_RUNTIME_TOKEN: "rt-1", STATE_x: "rt-3" },
    );
    const env = JSON.parse(/^ENV (.*)$/m.exec(ended.log)?.[1] ?? "{}") as Record<string, string>;
    expect(env).toMatchObject({
      DATABASE_URL: "kept",
      GITHUB_TOKEN: "kept-too",
      GITHUB_JOB: "test",
      GITHUB_ACTIONS: "true",
    });
    expect(Object.keys(env).filter((name) => /^(INPUT_|STATE_|ACTIONS_)/.test(name))).toEqual([]);
  });

  test.skipIf(process.platform !== "linux")("shows none of the action's variables in its own process", async () => {
    write({ "plan.json": good(), "test_a.py": "", "test_b.py": "" });
    const source =
      'console.log("PARENT " + require("node:fs").readFileSync(`/proc/${process.ppid}/environ`, "latin1"))';
    const ended = await exec(
      { command: program(source) },
      { ACTIONS_RUNTIME_TOKEN: "rt-1", STATE_x: "rt-3", KEPT: "k" },
    );
    const parent = /^PARENT (.*)$/m.exec(ended.log)?.[1]?.split("\0") ?? [];
    expect(parent).toContain("KEPT=k");
    expect(parent.filter((each) => /^(INPUT_|STATE_|ACTIONS_)/.test(each))).toEqual([]);
    expect(started(ended)).toEqual([["test_a.py"]]);
    expect(ended.log).not.toMatch(/ExperimentalWarning|rt-1/);
    // More than fits into an argument is passed on as ever.
    const long = await exec({ command: program(source), args: `${"x".repeat(110_000)}` });
    expect(long.code, long.log.slice(0, 500)).toBe(0);
  });

  test("in a folder of the repository, paths are relative to it", async () => {
    write({
      "packages/a/tests/test_a.py": "",
      "packages/a/runner.cjs": "",
      "plan.json": planOf([planned("packages/a/tests/test_a.py", "test_a", true)]),
    });
    const ended = await exec({ command: program(""), "working-directory": "packages/a", report: "reports/a.xml" });
    expect(started(ended)).toEqual([[`--junitxml=${join(workspace, "reports/a.xml")}`, "tests/test_a.py"]]);
    expect(ended.log).toContain(`CWD ${join(workspace, "packages/a")}\n`);
  });

  test("a file name cannot speak to the runner's log", async () => {
    const file = "test_\n##[error]boo\n.py";
    write({ "plan.json": planOf([planned(file, "t", true)]), [file]: "" });
    const ended = await exec({ command: program("") });
    expect(started(ended)).toEqual([[]]);
    expect(ended.log).toContain("cannot be told to run");
    expect(ended.log).not.toMatch(/^##\[error\]/m);
  });

  test("a file name cannot speak to the runner's log from within a line", async () => {
    const file = "test_##[error]boo.py";
    write({ "plan.json": planOf([planned(file, "t", true)]), [file]: "" });
    const ended = await exec({ command: program("") });
    expect(ended.log).toContain("## [error]boo.py");
    expect(ended.log).not.toContain("##[");
  });

  test("all mistakes in inputs are told at once", async () => {
    const { code, log } = await exec({ runner: "pytst", shard: "0", reprt: "x", plan: "" });
    expect(code).toBe(1);
    expect(log.match(/^::error::/gm)).toHaveLength(1);
    for (const word of ["4 inputs need a change", "`runner`", "pytst", "`shard`", "`plan` is required", "reprt"])
      expect(log).toContain(word);
  });
});

describeWithPeer("pytest", (pytest) => {
  const python = { PATH: `${dirname(pytest)}:${process.env.PATH}` };

  test("a test that no longer exists makes everything run, and the failing one decides", async () => {
    write({
      "test_a.py": "def test_renamed():\n    pass\n",
      "test_b.py": "def test_b():\n    assert False\n",
      "plan.json": planOf([
        planned("test_a.py", "test_a", true),
        planned("test_a.py", "test_x", false),
        planned("test_b.py", "test_b", false),
      ]),
    });
    const ended = await exec({}, python);
    expect(ended.log).toMatch(/not found: .*test_a\.py::test_a/);
    expect(ended.code).toBe(1);
    expect(ended.log).toContain("1 failed, 1 passed");
  });

  test("a fatal signal in the interpreter fails the step", async () => {
    write({
      "test_a.py": "import os\n\ndef test_a():\n    os.kill(os.getpid(), 9)\n",
      "plan.json": planOf([planned("test_a.py", "test_a", true)]),
    });
    expect((await exec({}, python)).code).toBe(137);
  });
});
