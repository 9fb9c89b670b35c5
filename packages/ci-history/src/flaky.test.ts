import { expect, test } from "vitest";
import { flakyTests } from "./flaky.ts";
import type { Execution, Run, Status } from "./model.ts";
import { sampleRun } from "./sample-run.ts";

const ended = (status: Status, fields: Partial<Execution> = {}): Execution => ({
  id: "t",
  file: null,
  status,
  duration_ms: null,
  ...fields,
});
const run = (tests: Execution[], fields: Partial<Run> = {}): Run => sampleRun({ tests, ...fields });
const [a, b] = ["a".repeat(40), "b".repeat(40)];

test.each(["fail", "error", "timeout"] as const)("pass and %s on one commit is flaky", (status) => {
  const runs = [run([ended("pass")], { sha: a }), run([ended(status)], { sha: a, run_attempt: 2 })];
  expect(flakyTests(runs)).toEqual([{ id: "t", commits: [a] }]);
});

test("another commit, parameter or variant is another thing", () => {
  expect(flakyTests([run([ended("pass")], { sha: a }), run([ended("fail")], { sha: b })])).toEqual([]);
  expect(flakyTests([run([ended("pass", { param: "1" }), ended("fail", { param: "2" })])])).toEqual([]);
  expect(flakyTests([run([ended("pass")], { variant: "linux" }), run([ended("fail")], { variant: "mac" })])).toEqual(
    [],
  );
});

test("a retry inside one job is told apart by its variant; skipped says nothing", () => {
  const tests = [
    ended("fail", { variant: "firefox" }),
    ended("pass", { variant: "firefox", attempt: 2 }),
    ended("skip"),
  ];
  expect(flakyTests([run(tests, { sha: null, variant: "linux" })])).toEqual([
    { id: "t", variant: "linux / firefox", commits: ["run 17"] },
  ]);
  expect(flakyTests([run([ended("skip"), ended("fail"), ended("not_run")])])).toEqual([]);
});
