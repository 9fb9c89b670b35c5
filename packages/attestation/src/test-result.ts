/** Results of tests as a predicate. https://github.com/in-toto/attestation/blob/main/spec/predicates/test-result.md */
import type { DigestSet } from "./statement.ts";

export const TEST_RESULT_TYPE = "https://in-toto.io/attestation/test-result/v0.1";

/** How one test ended, over all of its executions. */
export interface TestOutcome {
  name: string;
  outcome: "passed" | "warned" | "failed" | "skipped" | "rested";
}

export interface TestRun {
  tests: readonly TestOutcome[];
  /** Where the run is shown. */
  url: string;
  /** Of the record that this was made from. */
  record: DigestSet;
  /** False where reports were missing or unreadable: then an absent test says nothing. */
  complete: boolean;
  /** How tests were chosen; [] where they were not. */
  plans: readonly FollowedPlan[];
}

/** A plan that tests followed: `all` ran, or only those that were `chosen`. */
export interface FollowedPlan {
  digest: DigestSet;
  run: "all" | "chosen";
  /** From 0 to 1. */
  targetRecall: number;
  /** What the plan states to reach; null where it does not, or only the record of it is here. */
  confidence: number | null;
}

/**
 * The predicate: which tests passed and failed. What did not run is said too: skipped by its own choice, or rested by the
 * plan, which states the recall that it chose for.
 */
export function testResult({ tests, url, record, complete, plans }: TestRun): object {
  const named = (outcome: TestOutcome["outcome"]): string[] =>
    tests.filter((test) => test.outcome === outcome).map(({ name }) => name);
  const [failed, warned] = [named("failed"), named("warned")];
  return {
    result: failed.length > 0 ? "FAILED" : warned.length > 0 || !complete ? "WARNED" : "PASSED",
    configuration: [
      { name: "record of the test job", digest: record, annotations: { complete } },
      ...plans.map(({ digest, run, targetRecall, confidence }) => ({
        name: "plan of ml-test-select",
        digest,
        annotations: { run, targetRecall, statedRecall: confidence },
      })),
    ],
    url,
    passedTests: named("passed"),
    warnedTests: warned,
    failedTests: failed,
    // Beyond the predicate's own fields, which readers pass over.
    skippedTests: named("skipped"),
    restedTests: named("rested"),
  };
}
