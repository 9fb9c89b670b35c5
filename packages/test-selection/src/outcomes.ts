/** What one run says about each test: retries and parameters folded into one verdict per identity. */
import type { Execution, Run, Status } from "@goatnote/ci-history";

/** The verdict on one test identity in one run. */
export interface Outcome {
  id: string;
  file: string | null;
  /** At least one parameter set failed and did not pass when tried again. */
  failed: boolean;
  /** Each of its executions that came last passed: none was skipped. */
  passed: boolean;
  /** It failed, and passed when tried again in the same job. */
  flaky: boolean;
  /** Milliseconds of all its executions together; null where no execution states one. */
  durationMs: number | null;
}

const failing: ReadonlySet<Status> = new Set(["fail", "error", "timeout"]);
/** The status of a failure. */
export const hasFailed = (status: Status): boolean => failing.has(status);
const silent: ReadonlySet<Status> = new Set(["not_run", "disabled"]);

const known = new WeakMap<Run, Map<string, Outcome>>();

/** One outcome per test that the run says something about; tests that were not run are absent. Asked for a run again, it gives the same map. */
export function outcomes(run: Run): Map<string, Outcome> {
  const result = known.get(run) ?? readOutcomes(run);
  known.set(run, result);
  return result;
}

function readOutcomes({ tests }: Run): Map<string, Outcome> {
  const result = new Map<string, Outcome>();
  // The first attempt bears no number.
  const retried = new Set<string>();
  for (const test of tests) if (test.attempt !== undefined) retried.add(keyOf(test));
  const attempts = new Map<string, { last: Execution; hasFailed: boolean }>();
  for (const test of tests) {
    if (silent.has(test.status)) continue;
    let outcome = result.get(test.id);
    if (!outcome) {
      outcome = { id: test.id, file: test.file, failed: false, passed: true, flaky: false, durationMs: null };
      result.set(test.id, outcome);
    }
    if (test.duration_ms !== null) outcome.durationMs = (outcome.durationMs ?? 0) + test.duration_ms;
    const isFailure = failing.has(test.status);
    const key = retried.size > 0 ? keyOf(test) : "";
    if (!retried.has(key)) {
      if (isFailure) outcome.failed = true;
      if (test.status !== "pass") outcome.passed = false;
      continue;
    }
    const known = attempts.get(key) ?? { last: test, hasFailed: false };
    attempts.set(key, known);
    if ((test.attempt ?? 1) >= (known.last.attempt ?? 1)) known.last = test;
    known.hasFailed ||= isFailure;
  }
  for (const { last, hasFailed } of attempts.values()) {
    const outcome = result.get(last.id)!;
    if (last.status !== "pass") outcome.passed = false;
    if (!hasFailed) continue;
    // Only a pass takes a failure back: what is skipped when tried again has failed.
    if (last.status === "pass") outcome.flaky = true;
    else outcome.failed = true;
  }
  return result;
}

const keyOf = ({ id, param, variant }: Execution): string => `${id}\0${param ?? ""}\0${variant ?? ""}`;

/**
 * Runs that may teach and calibrate: everything was run, on the default branch, by nobody from a fork. A history that
 * says nothing of branch and trust, as an exported one may, is the user's own word.
 */
export function isReference(run: Run): boolean {
  const full = (run.selection?.mode ?? "full") === "full";
  return full && (run.trust ?? "push") === "push" && run.default_branch !== false;
}
