/** Export and replay as built actions: a folder of segments becomes one file, and the file is gone through once more. */
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { encodeSegment, fileStore, type Run, readHistory, segmentPath } from "@goatnote/ci-history";
import type { ReplayReport } from "@goatnote/test-selection";
import { beforeAll, beforeEach, expect, test } from "vitest";
import { build } from "../../scripts/build.ts";
import { runEntry } from "./entry.ts";

let actions: string;
let workspace: string;
beforeAll(async () => {
  actions = await build();
});
beforeEach(() => {
  workspace = join(realpathSync(mkdtempSync(join(tmpdir(), "replay-"))), "lab");
  mkdirSync(workspace);
  return () => rmSync(dirname(workspace), { recursive: true, force: true });
});

const modules = ["ash", "birch", "cedar", "elm"];

/** Module by module, a change breaks the module's tests every second time; `broken: false` breaks none. */
const history = (count: number, broken = true): Run[] =>
  Array.from({ length: count }, (_, index) => {
    const changed = modules[index % modules.length]!;
    const tests = modules.map((name) => ({
      id: `tests/test_${name}.py||test_it`,
      file: `tests/test_${name}.py`,
      status:
        broken && name === changed && Math.floor(index / modules.length) % 2 === 1
          ? ("fail" as const)
          : ("pass" as const),
      duration_ms: 100,
    }));
    return {
      run_id: String(index + 1),
      sha: (index + 1).toString(16).padStart(40, "0"),
      started_at: new Date(Date.UTC(2026, 0, 1, 0, index)).toISOString(),
      author: "ada",
      changes: [{ path: `src/${changed}.py`, added: 1, deleted: 0 }],
      tests,
      default_branch: true,
      trust: "push" as const,
    };
  });

async function keep(runs: Run[], name = "history"): Promise<Record<string, string>> {
  const folder = join(workspace, name);
  for (const run of runs) await fileStore(folder).append(segmentPath(run), encodeSegment(run));
  return { store: "file", "store-location": folder };
}

async function replayed(runs: Run[], name?: string) {
  const ended = await runEntry(
    actions,
    "ml-test-select/replay",
    { ...(await keep(runs, name)), "target-recall": "0.8" },
    workspace,
  );
  expect(ended.code, ended.log).toBe(0);
  return { ...ended, report: JSON.parse(readFileSync(ended.outputs.report!, "utf8")) as ReplayReport };
}

test("export writes what the store holds, oldest first, and replay reads the file", async () => {
  const runs = history(40);
  const store = await keep(runs.toReversed());
  const exported = await runEntry(
    actions,
    "telemetry-upload/export",
    { ...store, output: "all.ndjson.zst" },
    workspace,
  );
  expect(exported.outputs).toEqual({ runs: "40", executions: "160" });
  const file = join(workspace, "all.ndjson.zst");
  expect(await Array.fromAsync(readHistory(file))).toEqual(runs);
  const replay = await runEntry(
    actions,
    "ml-test-select/replay",
    { history: "all.ndjson.zst", output: "out/report.json" },
    workspace,
  );
  expect(replay.outputs.report).toBe(join(workspace, "out/report.json"));
});

test("the report counts what happened, and changes with it", async () => {
  const { report, summary } = await replayed(history(80));
  expect(report).toMatchObject({ runs: 80, evaluated_runs: 48, failing_runs: 24 });
  expect(report.all.model.change_recall["0.3"]).toBe(1);
  expect(report.selector.runs_escaped).toBe(0);
  expect(report.selector.tests_run_fraction).toBeLessThan(1);
  expect(summary).toContain("24 of 24 red changes would have stayed red");
  expect(summary).toContain("xychart-beta");
  const calm = await replayed(history(80, false), "calm");
  expect(calm.report.failing_runs).toBe(0);
  expect(calm.summary).toContain("Nothing failed, so nothing is told of recall");
});

test("nothing to replay, wrong budgets and an unreadable file are said in a sentence", async () => {
  const empty = await runEntry(
    actions,
    "ml-test-select/replay",
    { store: "file", "store-location": join(workspace, "none") },
    workspace,
  );
  expect([empty.code, empty.log]).toEqual([1, expect.stringMatching(/::error::The history has no run yet/)]);
  const budgets = await runEntry(actions, "ml-test-select/replay", { budgets: "0.1,two" }, workspace);
  expect(budgets.log).toMatch(/::error::Input `budgets` is "0\.1,two"; allowed: numbers above 0 and up to 1/);
  writeFileSync(join(workspace, "bad.ndjson"), '{"run_id":"1"}\n');
  const bad = await runEntry(actions, "ml-test-select/replay", { history: "bad.ndjson" }, workspace);
  expect([bad.code, bad.log]).toEqual([1, expect.stringMatching(/bad\.ndjson:1/)]);
});
