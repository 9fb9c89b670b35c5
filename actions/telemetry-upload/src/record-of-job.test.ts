import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readContext } from "@goatnote/action-io";
import { decodeRuns, encodeSegment, MAX_CHANGES } from "@goatnote/ci-history";
import { expect, test } from "vitest";
import { findReports, jobOf, withPlan } from "./record-of-job.ts";

test("what a job says of itself is within what a history takes, however long it is", async () => {
  const context = await readContext({ GITHUB_RUN_ID: "1", GITHUB_JOB: "j".repeat(2000), GITHUB_EVENT_NAME: "push" });
  const paths = ["x/".repeat(3000), ...Array.from({ length: MAX_CHANGES + 5 }, (_, index) => `${index}.txt`)];
  const change = {
    kind: "known" as const,
    from: null,
    to: "a".repeat(40),
    author: "Ada".repeat(1000),
    files: paths.map((path) => ({ path, added: 1, deleted: 0, kind: "added" as const, binary: false })),
  };
  const facts = new Map([["0.txt", { decisionDelta: -2, ageDays: 1 / 3, authors: null }]]);
  const run = jobOf(context, change as never, facts, "ubuntu\npython\0".repeat(500));
  expect(() => encodeSegment(run)).not.toThrow();
  expect([run.author?.length, run.changes.length, run.changes[0]?.path]).toEqual([1024, MAX_CHANGES, "0.txt"]);
  expect(run.changes[0]).toEqual({ path: "0.txt", added: 1, deleted: 0, decision_delta: -2, age_days: 0.33 });
  expect(run.changes[1]).toEqual({ path: "1.txt", added: 1, deleted: 0 });
  expect(run.variant).toMatch(/^ubuntu python ubuntu/);
});

test("the record keeps how far test files are from the change, and how alike, as the plan found them", () => {
  const run = { tests: [], changes: [], run_id: "1", sha: null, started_at: "2026-01-01T00:00:00Z", author: null };
  const found = {
    import_distances: [{ path: "tests/a.py", distance: 2 }],
    text_similarities: [{ path: "tests/a.py", similarity: 0.125 }],
  };
  const plan = { tests: [], run: "all", shards: 1, ...found };
  const kept = withPlan(run, plan as never);
  expect(kept).toMatchObject(found);
  expect(decodeRuns(encodeSegment(kept), "segment")[0]).toMatchObject(found);
  const unknown = withPlan(run, { ...plan, import_distances: null, text_similarities: null } as never);
  expect(Object.keys(unknown)).not.toContain("import_distances");
  expect(Object.keys(unknown)).not.toContain("text_similarities");
});

test("reports are found in the job's folders, also through a link, and nowhere else", async () => {
  const root = realpathSync(mkdtempSync(join(tmpdir(), "found-")));
  try {
    const [workspace, temp, other] = ["lab", "temp", "laboratory"].map((name) => join(root, name)) as [
      string,
      string,
      string,
    ];
    for (const folder of [join(workspace, "reports"), temp, other]) {
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, "a.xml"), "");
    }
    symlinkSync(other, join(workspace, "out"), "junction");
    symlinkSync(temp, join(workspace, "in"), "junction");
    const patterns = ["reports/*.xml", "in/*.xml", "out/*.xml", `${other}/*.xml`, `${temp}/*.xml`];
    expect(await findReports(patterns, workspace, temp)).toEqual([
      `${workspace}/in/a.xml`,
      `${workspace}/reports/a.xml`,
      `${temp}/a.xml`,
    ]);
  } finally {
    rmSync(root, { recursive: true });
  }
});
