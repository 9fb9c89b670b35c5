import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Execution } from "@goatnote/ci-history";
import { afterAll, expect, test } from "vitest";
import { addTeardown, type Batch, readReports, streamReports } from "./index.ts";

const root = mkdtempSync(join(tmpdir(), "stream-"));
afterAll(() => rmSync(root, { recursive: true }));

function report(name: string, suite: string, cases: string[]): string {
  const path = join(root, name);
  writeFileSync(path, `<testsuites><testsuite name="${suite}">${cases.join("\n")}</testsuite></testsuites>`);
  return path;
}
const numbered = (count: number) =>
  Array.from(
    { length: count },
    (_, i) => `<testcase classname="m.TestX" name="test_${i}[日本 &lt; ${i % 3}]" time="1"/>`,
  );
const teardown = (name: string) =>
  `<testcase classname="m.TestX" name="${name}" time="2"><error message="failed on teardown with x">y</error></testcase>`;

async function batchesOf(paths: string[]): Promise<Batch[]> {
  const batches: Batch[] = [];
  await streamReports(paths, { root }, async (batch) => {
    await new Promise(setImmediate);
    batches.push(batch);
  });
  return batches;
}

test("batches are the executions, in order, and small", async () => {
  const paths = [
    report("a.xml", "pytest", [...numbered(20_000), ...numbered(5000)]),
    report("b.xml", "other", numbered(20_000)),
    report("c.xml", "pytest", numbered(3000)),
  ];
  const batches = await batchesOf(paths);
  const { executions, durationMs } = await readReports(paths, { root });
  expect(batches.flatMap((batch) => batch.executions)).toEqual(executions);
  expect(executions).toHaveLength(48_000);
  expect(durationMs).toBe(48_000_000);
  expect(new Set(executions.map(({ id, param }) => `${id} ${param}`)).size).toBe(48_000);
  expect(Math.max(...batches.map((batch) => batch.executions.length))).toBeLessThan(5000);
});

test("a teardown that fails long after its test is told of a batch before, and is one execution", async () => {
  const path = report("teardown.xml", "pytest", [...numbered(20_000), teardown("test_7[日本 &lt; 1]")]);
  const batches = await batchesOf([path]);
  const streamed: Execution[] = batches.flatMap((batch) => batch.executions);
  expect(streamed[7]).toMatchObject({ status: "pass", duration_ms: 1000 });
  const [{ index, teardown: failure }, ...others] = batches.flatMap((batch) => batch.teardowns) as [
    Batch["teardowns"][0],
  ];
  expect([index, others]).toEqual([7, []]);
  addTeardown(streamed[index]!, failure);
  const { executions, durationMs } = await readReports([path], { root });
  expect(executions).toEqual(streamed);
  expect(executions).toHaveLength(20_000);
  expect(executions[7]).toMatchObject({ status: "error", duration_ms: 3000 });
  expect(durationMs).toBe(20_002_000);
});

test("what takes the batches may fail, and is not taken for a broken report", async () => {
  const path = report("fails.xml", "pytest", numbered(20_000));
  let calls = 0;
  const reading = streamReports([path], { root }, () => {
    calls++;
    throw new Error("The disk is full.");
  });
  await expect(reading).rejects.toThrow("The disk is full.");
  expect(calls).toBe(1);
});
