import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Claims } from "@goatnote/attestation";
import { encodeRuns, type Run } from "@goatnote/ci-history";
import { expect, onTestFinished, test } from "vitest";
import { testResultOf } from "./test-results.ts";

const sha = "a1".repeat(20);
const claims = { sha, repository: "octo/app", run_id: "99", run_attempt: "1" } as unknown as Claims;
const outcome = (id: string, status: string, more: object = {}) => ({
  id,
  file: "t.ts",
  status,
  duration_ms: 1,
  ...more,
});

async function resultOf(...runs: object[]) {
  const folder = mkdtempSync(join(tmpdir(), "segment-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const base = { run_id: "7", sha, started_at: "2026-01-02T03:04:05Z", author: null, changes: [], tests: [] };
  const file = join(folder, "segment");
  writeFileSync(file, encodeRuns(runs.map((run) => ({ ...base, ...run }) as Run)));
  return (await testResultOf(file, "", claims, "https://github.com")).content as Record<string, unknown>;
}

test("a test that fails in one variant and passes in another failed, and is not flaky", async () => {
  const tests = [
    outcome("a", "fail", { variant: "firefox" }),
    outcome("a", "pass", { variant: "chromium" }),
    outcome("b", "pass", { param: "[1]" }),
  ];
  expect(await resultOf({ tests })).toMatchObject({
    result: "FAILED",
    failedTests: ["a (firefox)"],
    passedTests: ["a (chromium)", "b [1]"],
    warnedTests: [],
  });
  const legs = ["node 22", "node 24"].map((variant, index) => ({
    variant,
    tests: [outcome("a", index ? "pass" : "fail")],
  }));
  expect(await resultOf(...legs)).toMatchObject({ result: "FAILED", failedTests: ["a (node 22)"] });
  expect(await resultOf({ tests: [outcome("a", "fail"), outcome("a", "pass")] })).toMatchObject({ result: "WARNED" });
});

test("the result is shown where the tests ran", async () => {
  const tests = [outcome("a", "pass")];
  const url = "https://github.com/octo/app/actions/runs";
  expect(await resultOf({ tests, run_attempt: 3 })).toMatchObject({ url: `${url}/7/attempts/3` });
  expect(await resultOf({ tests })).toMatchObject({ url: `${url}/7/attempts/1` });
  await expect(resultOf({ tests }, { tests, run_id: "8" })).rejects.toThrow("records tests of 2 runs");
});

test("without the plan, what rested has the recall that the record names", async () => {
  const selection = { mode: "select", plan_digest: `sha256:${"b2".repeat(32)}`, target_recall: 0.95 };
  const tests = [outcome("a", "pass"), outcome("b", "not_run")];
  const { configuration, restedTests } = await resultOf(
    { tests, selection, variant: "x" },
    { tests, selection, variant: "y" },
  );
  expect(restedTests).toEqual(["b (x)", "b (y)"]);
  expect(configuration).toEqual([
    expect.objectContaining({ name: "record of the test job" }),
    {
      name: "plan of ml-test-select",
      digest: { sha256: "b2".repeat(32) },
      annotations: { run: "chosen", targetRecall: 0.95, statedRecall: null },
    },
  ]);
});
