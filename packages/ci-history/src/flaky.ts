/** Flaky tests, told without help of the runner. */
import type { Execution, Run } from "./model.ts";

/** A test that both passed and failed on one commit. */
export interface FlakyTest {
  id: string;
  param?: string;
  variant?: string;
  /** The commits on which it did; the run's id where the commit is not known. */
  commits: string[];
}

const FAILED = new Set<Execution["status"]>(["fail", "error", "timeout"]);
const PASS = 1;
const FAIL = 2;

/**
 * Tests that passed and failed on one commit with equal parameters and variant: a retry, a re-run of the workflow, or
 * two jobs of one variant. What was skipped or not run says nothing.
 */
export function flakyTests(runs: Iterable<Run>): FlakyTest[] {
  const tests = new Map<string, { test: FlakyTest; seen: Map<string, number> }>();
  for (const run of runs) {
    const commit = run.sha ?? `run ${run.run_id}`;
    for (const test of run.tests) {
      const outcome = test.status === "pass" ? PASS : FAILED.has(test.status) ? FAIL : 0;
      if (outcome === 0) continue;
      const variant = [run.variant, test.variant].filter((name) => name !== undefined).join(" / ");
      const key = `${test.id}\0${test.param ?? ""}\0${variant}`;
      let known = tests.get(key);
      if (!known) {
        const flaky: FlakyTest = { id: test.id, commits: [] };
        if (test.param !== undefined) flaky.param = test.param;
        if (variant !== "") flaky.variant = variant;
        known = { test: flaky, seen: new Map() };
        tests.set(key, known);
      }
      known.seen.set(commit, (known.seen.get(commit) ?? 0) | outcome);
    }
  }
  return [...tests.values()].flatMap(({ test, seen }) => {
    const commits = [...seen].filter(([, outcome]) => outcome === (PASS | FAIL)).map(([commit]) => commit);
    return commits.length > 0 ? [{ ...test, commits }] : [];
  });
}
