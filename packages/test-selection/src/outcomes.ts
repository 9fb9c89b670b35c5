/** What one run says about each test: retries and parameters folded into one verdict per identity. */
import type { Execution, Run, Status } from "@goatnote/ci-history";

/** The verdict on one test identity in one run. */
export interface Outcome {
  id: string;
  file: string | null;
  /** The last attempt of at least one parameter set failed. A test that passes when tried again has not failed. */
  failed: boolean;
  /** Milliseconds of all its executions together; null where no execution states one. */
  durationMs: number | null;
}

const failing: ReadonlySet<Status> = new Set(["fail", "error", "timeout"]);
const silent: ReadonlySet<Status> = new Set(["not_run", "disabled"]);

const known = new WeakMap<Run, Map<string, Outcome>>();

/** One outcome per test that the run says something about; tests that were not run are absent. Asked for a run again, it gives the same map. */
export function outcomes(run: Run): Map<string, Outcome> {
  const result = known.get(run) ?? readOutcomes(run);
  known.set(run, result);
  return result;
}

function readOutcomes({ tests }: Run): Map<string, Outcome> {
  const lastAttempts = new Map<string, Execution>();
  const result = new Map<string, Outcome>();
  for (const test of tests) {
    if (silent.has(test.status)) continue;
    let outcome = result.get(test.id);
    if (!outcome) {
      outcome = { id: test.id, file: test.file, failed: false, durationMs: null };
      result.set(test.id, outcome);
    }
    if (test.duration_ms !== null) outcome.durationMs = (outcome.durationMs ?? 0) + test.duration_ms;
    if (test.attempt === undefined) {
      if (failing.has(test.status)) outcome.failed = true;
      continue;
    }
    const key = `${test.id}\0${test.param ?? ""}\0${test.variant ?? ""}`;
    const last = lastAttempts.get(key);
    if (!last || test.attempt >= (last.attempt ?? 1)) lastAttempts.set(key, test);
  }
  for (const { id, status } of lastAttempts.values()) if (failing.has(status)) result.get(id)!.failed = true;
  return result;
}

/**
 * Runs that may teach and calibrate: everything was run, on the default branch, by nobody from a fork. A history that
 * says nothing of branch and trust, as an exported one may, is the user's own word.
 */
export function isReference(run: Run): boolean {
  const full = (run.selection?.mode ?? "full") === "full";
  return full && (run.trust ?? "push") === "push" && run.default_branch !== false;
}
