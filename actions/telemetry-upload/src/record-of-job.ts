/** From report files and plan to the record of one job. */
import { glob } from "node:fs/promises";
import type { Execution, Run } from "@goatnote/ci-history";
import type { Plan } from "@goatnote/test-selection";

/** Report files that match the patterns, sorted, each once. What tools install is not searched. */
export async function findReports(patterns: readonly string[], workspace: string): Promise<string[]> {
  const found = new Set<string>();
  for await (const entry of glob(patterns, {
    cwd: workspace,
    withFileTypes: true,
    exclude: ({ name }) => name === "node_modules" || name === ".git",
  })) {
    if (entry.isFile()) found.add(`${entry.parentPath}/${entry.name}`);
  }
  return [...found].sort();
}

/** At most `most` executions: what failed first, so that a cut loses passes only as long as it can. */
export function keepWithin(executions: readonly Execution[], most: number): Execution[] {
  if (executions.length <= most) return [...executions];
  const [told, quiet] = [
    executions.filter(({ status }) => status !== "pass"),
    executions.filter(({ status }) => status === "pass"),
  ];
  return [...told, ...quiet].slice(0, most);
}

/** The record with what the plan says of each test: how likely it was to run, and which tests rested. */
export function withPlan(run: Run, plan: Plan): Run {
  const planned = new Map(plan.tests.map((test) => [test.id, test]));
  const tests = run.tests.map((test) => ({ ...test, p_run: planned.get(test.id)?.p_run ?? 1 }));
  const ran = new Set(tests.map(({ id }) => id));
  const rested = plan.run === "all" ? [] : plan.tests.filter((test) => !test.chosen && !ran.has(test.id));
  return {
    ...run,
    ...(plan.shards > 1 && { shards: plan.shards }),
    tests: [
      ...tests,
      ...rested.map(({ id, file, p_run }): Execution => ({ id, file, status: "not_run", duration_ms: null, p_run })),
    ],
  };
}

/** Chosen tests of which no report says anything: the runner did not run them, or wrote no report. */
export function unreported(run: Run, plan: Plan): string[] {
  // A job of several sees its own shard only.
  if (plan.run === "all" || plan.shards > 1) return [];
  const reported = new Set(run.tests.map(({ id }) => id));
  return plan.tests.filter((test) => test.chosen && !reported.has(test.id)).map(({ id }) => id);
}
