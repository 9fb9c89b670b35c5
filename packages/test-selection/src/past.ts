/** The past of a project, read once in order of time: what to score with, and how well scoring would have done. */
import type { Run } from "@goatnote/ci-history";
import { Memory } from "./memory.ts";
import { isReference, outcomes } from "./outcomes.ts";
import { scoreAll } from "./score.ts";

/** What selection needs to know of the past. */
export interface Past {
  memory: Memory;
  /** For each of the latest failing reference runs, the highest score of its failing tests, see `recall.ts`. */
  best: number[];
  /** Tests that failed in the latest run of the change's own branch. */
  failedOnBranch: Set<string>;
  /** Full runs of the default branch. */
  referenceRuns: number;
  failingRuns: number;
  /** The commit of the latest complete reference run; null when it is not recorded. */
  lastSha: string | null;
}

// The stated recall follows the project: runs before these no longer count.
const latestFailingRuns = 200;

/**
 * Reads the past.
 * @param runs oldest first
 * @param branch the branch of the change, whose own failures run again; null when it has none
 */
export async function learn(runs: AsyncIterable<Run> | Iterable<Run>, branch: string | null = null): Promise<Past> {
  const past: Past = {
    memory: new Memory(),
    best: [],
    failedOnBranch: new Set(),
    referenceRuns: 0,
    failingRuns: 0,
    lastSha: null,
  };
  for await (const run of wholeRuns(runs)) {
    if (isReference(run)) learnReference(past, run);
    else if (branch !== null && run.branch === branch) learnBranch(past, run);
  }
  return past;
}

function learnReference(past: Past, run: Run): void {
  const failed = [...outcomes(run).values()].filter((outcome) => outcome.failed).map(({ id }) => id);
  if (failed.length > 0) past.failingRuns += 1;
  // The first run knows no test, and a change that is not recorded has no score: neither says how good scores are.
  if (failed.length > 0 && past.memory.runs > 0 && run.changes.length > 0) {
    past.best.push(bestScore(past.memory, run, failed));
    if (past.best.length > latestFailingRuns) past.best.shift();
  }
  past.memory.observe(run);
  past.referenceRuns += 1;
  if (run.report_complete !== false) past.lastSha = run.sha;
}

/** Failures of the branch stay until the same test passes there. */
function learnBranch(past: Past, run: Run): void {
  for (const { id, failed } of outcomes(run).values()) {
    if (failed) past.failedOnBranch.add(id);
    else past.failedOnBranch.delete(id);
  }
}

function bestScore(memory: Memory, run: Run, failed: string[]): number {
  const changed = new Set(run.changes.map(({ path }) => path));
  const netted = failed.some((id) => {
    const test = memory.tests.get(id);
    return !test || test.lastFailed || (test.file !== null && changed.has(test.file));
  });
  if (netted) return Number.POSITIVE_INFINITY;
  const scores = scoreAll(memory, run.changes);
  return Math.max(...failed.map((id) => scores.get(id)?.score ?? 0));
}

/** Joins the jobs of one CI run, which follow each other in a history: a change is red when any of its jobs is. */
async function* wholeRuns(runs: AsyncIterable<Run> | Iterable<Run>): AsyncGenerator<Run> {
  let whole: Run | undefined;
  for await (const run of runs) {
    const tests = run.tests.map((test) => ({ ...test, variant: test.variant ?? run.variant ?? run.job ?? "" }));
    if (whole && whole.run_id === run.run_id && whole.run_attempt === run.run_attempt) {
      whole.tests.push(...tests);
      if (run.report_complete === false) whole.report_complete = false;
      if (!isReference(run)) whole.selection = run.selection ?? whole.selection!;
      if (whole.changes.length === 0) whole.changes = run.changes;
    } else {
      if (whole) yield whole;
      whole = { ...run, tests };
    }
  }
  if (whole) yield whole;
}
