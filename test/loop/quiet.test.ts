/** A project that is nearly always green: its past states no recall, so nothing of it may rest. As built actions. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { encodeSegment, type Run, segmentPath } from "@goatnote/ci-history";
import type { Plan, ReplayReport } from "@goatnote/test-selection";
import { afterAll, beforeAll, expect, test } from "vitest";
import { build } from "../../scripts/build.ts";
import { runEntry } from "./entry.ts";

const workspace = join(realpathSync(mkdtempSync(join(tmpdir(), "quiet-"))), "lab");
const store = { store: "file", "store-location": join(dirname(workspace), "history"), "history-depth": "700" };
const modules = ["ash", "birch", "cedar", "elm", "fir", "holly", "larch", "maple"];
const red = new Map([
  [150, "cedar"],
  [400, "holly"],
  [550, "ash"],
]);
let actions: string;
let base: string;

const git = (...args: string[]): string => {
  const who = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"];
  return execFileSync("git", [...who, ...args], { cwd: workspace, encoding: "utf8" }).trim();
};
const edit = (path: string, text: string): string => {
  mkdirSync(dirname(join(workspace, path)), { recursive: true });
  writeFileSync(join(workspace, path), text);
  git("add", "--all");
  git("commit", "--quiet", "--message", path);
  return git("rev-parse", "HEAD");
};

/** 600 runs, of which three failed, each in a test that nothing links to the change but that failure. */
const history = (): Run[] =>
  Array.from({ length: 600 }, (_, index) => ({
    run_id: String(1000 + index),
    sha: base,
    started_at: new Date(Date.UTC(2025, 0, 1, index)).toISOString(),
    author: "ada",
    branch: "main",
    default_branch: true,
    trust: "push",
    changes: [{ path: `src/${modules[index % 5]}.py`, added: 2, deleted: 1 }],
    tests: modules.map((name, at) => ({
      id: `tests/test_${name}.py||test_it`,
      file: `tests/test_${name}.py`,
      status: red.get(index) === name ? "fail" : "pass",
      duration_ms: 100 * (at + 1),
    })),
  }));

beforeAll(async () => {
  actions = await build();
  mkdirSync(workspace);
  git("init", "--quiet", "--initial-branch=main");
  for (const name of modules) {
    edit(`src/${name}.py`, "x = 1\n");
    base = edit(`tests/test_${name}.py`, "def test_it():\n    pass\n");
  }
  // As `fileStore` keeps them, without waiting for the disk 600 times.
  for (const run of history()) {
    const path = join(store["store-location"], segmentPath(run));
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, encodeSegment(run));
  }
});
afterAll(() => rmSync(dirname(workspace), { recursive: true, force: true }));

async function select(inputs: Record<string, string> = {}) {
  const head = edit("src/ash.py", `x = ${Math.random()}\n`);
  const repo = { full_name: "octo/lab" };
  const pull_request = {
    number: 1,
    labels: [],
    base: { ref: "main", sha: base, repo },
    head: { ref: "topic", sha: head, repo },
  };
  const event = join(dirname(workspace), "event.json");
  writeFileSync(event, JSON.stringify({ pull_request, repository: { ...repo, default_branch: "main" } }));
  const ended = await runEntry(actions, "ml-test-select", { ...store, runner: "pytest", ...inputs }, workspace, {
    GITHUB_EVENT_NAME: "pull_request",
    GITHUB_EVENT_PATH: event,
    GITHUB_REF: "refs/pull/1/merge",
    GITHUB_HEAD_REF: "topic",
    GITHUB_SHA: head,
  });
  expect(ended.code, ended.log).toBe(0);
  return { ...ended, plan: JSON.parse(readFileSync(ended.outputs.plan!, "utf8")) as Plan };
}

test("a pull request runs everything, and is told how many failing runs are lacking", async () => {
  const { outputs, plan } = await select();
  expect(outputs.reason).toBe(
    "Everything runs: a recall of 0.95 needs 19 runs of the default branch in which a known change broke a test, and 3 are recorded.",
  );
  expect([outputs.mode, outputs.selected, outputs.total, plan.run]).toEqual(["all", "8", "8", "all"]);
  expect(plan.history).toEqual({ runs: 600, failing_runs: 3 });
  expect(plan.tests.every(({ chosen, p_run }) => chosen && p_run === 1)).toBe(true);
  // The least that three failures can state, asked for by name, selects: it is the default that waits.
  expect((await select({ "target-recall": "0.7" })).plan.run).toBe("chosen");
});

test("so it was in every run of its past", async () => {
  const ended = await runEntry(actions, "ml-test-select/replay", store, workspace);
  expect(ended.code, ended.log).toBe(0);
  const report = JSON.parse(readFileSync(ended.outputs.report!, "utf8")) as ReplayReport;
  expect([report.runs, report.evaluated_runs, report.failing_runs]).toEqual([600, 360, 2]);
  expect(report.selector).toMatchObject({
    runs_escaped: 0,
    failures_missed: 0,
    full_runs: 360,
    tests_run_fraction: 1,
    time_fraction: 1,
  });
});
