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

/** One outcome per test that the run says something about; tests that were not run are absent. */
export function outcomes(run: Run): Map<string, Outcome> {
  const lastAttempts = new Map<string, Execution>();
  const result = new Map<string, Outcome>();
  for (const test of run.tests) {
    if (silent.has(test.status)) continue;
    if (test.attempt !== undefined || test.param !== undefined || test.variant !== undefined) {
      const key = `${test.id}\0${test.param ?? ""}\0${test.variant ?? ""}`;
      const last = lastAttempts.get(key);
      if (!last || (test.attempt ?? 1) >= (last.attempt ?? 1)) lastAttempts.set(key, test);
    }
    const outcome = result.get(test.id) ?? { id: test.id, file: test.file, failed: false, durationMs: null };
    if (test.attempt === undefined && failing.has(test.status)) outcome.failed = true;
    if (test.duration_ms !== null) outcome.durationMs = (outcome.durationMs ?? 0) + test.duration_ms;
    result.set(test.id, outcome);
  }
  for (const { id, attempt, status } of lastAttempts.values()) {
    const outcome = result.get(id);
    if (outcome && attempt !== undefined && failing.has(status)) outcome.failed = true;
  }
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
