/** What the reader sees: totals, annotations, the job summary. */
import { annotate, code, details, prose, seconds, table } from "@goatnote/action-io";
import type { ResolvedChange } from "@goatnote/change-facts";
import { type Execution, flakyTests, type Run, type Status } from "@goatnote/ci-history";
import type { ReportResult } from "@goatnote/test-reports";

const counted: Record<"passed" | "failed" | "errors" | "skipped", readonly Status[]> = {
  passed: ["pass", "xfail", "xpass"],
  failed: ["fail", "timeout"],
  errors: ["error"],
  skipped: ["skip", "todo", "disabled"],
};
const broken = (test: Execution): boolean =>
  counted.failed.includes(test.status) || counted.errors.includes(test.status);

/** The outputs that count executions; each execution is in exactly one of passed, failed, errors and skipped. */
export function totals(executions: readonly Execution[]) {
  const count = (kind: keyof typeof counted): number =>
    executions.filter(({ status }) => counted[kind].includes(status)).length;
  return {
    tests: executions.length,
    passed: count("passed"),
    failed: count("failed"),
    errors: count("errors"),
    skipped: count("skipped"),
    flaky: flakyIds(executions).length,
    "duration-ms": Math.round(executions.reduce((sum, { duration_ms }) => sum + (duration_ms ?? 0), 0)),
  };
}

/** Tests that failed and passed in these executions. */
function flakyIds(executions: readonly Execution[]): string[] {
  const run: Run = {
    run_id: "0",
    sha: "0".repeat(40),
    started_at: "",
    author: null,
    changes: [],
    tests: [...executions],
  };
  return flakyTests([run]).map(({ id }) => id);
}

/** Failing tests beside their files, then what is wrong with the reports. */
export function failureAnnotations({ executions, invalid, warnings }: ReportResult): void {
  annotate([
    ...executions.filter(broken).map((test) => ({
      kind: "error" as const,
      title: "Test failed",
      message: `${test.id}${test.param ? ` ${test.param}` : ""}${test.message ? `: ${test.message}` : ""}`,
      ...(test.file !== null && { file: test.file }),
    })),
    ...invalid.map(({ path, reason }) => ({ kind: "warning" as const, message: `${path} cannot be read: ${reason}` })),
    ...warnings.map(({ path, message }) => ({ kind: "notice" as const, message: `${path}: ${message}` })),
  ]);
}

/** The job summary: one sentence, a small table, what failed, what was dropped and why. */
export function summarise(
  result: ReportResult,
  {
    tests: recorded,
    patterns,
    stored,
    change,
  }: { tests: readonly Execution[]; patterns: readonly string[]; stored: boolean; change: ResolvedChange },
): string {
  const { tests, passed, failed, errors, skipped, flaky, "duration-ms": duration } = totals(result.executions);
  const rested = recorded.filter(({ status }) => status === "not_run").length;
  if (tests === 0) {
    return `### No test results\n\nNo test was found in ${patterns.map(code).join(", ")}. Check that the test step writes a JUnit XML report there, and that this step runs after it (\`if: \${{ !cancelled() }}\`).${problems(result)}`;
  }
  const verdict =
    failed + errors > 0 ? `${failed + errors} of ${tests} tests failed` : `${tests - skipped} tests passed`;
  const failures = recorded.filter(broken).slice(0, 50);
  return [
    `### ${verdict} in ${seconds(duration / 1000)}\n`,
    table(
      ["passed", "failed", "errors", "skipped", "flaky", "rested by plan"],
      [[passed, failed, errors, skipped, flaky, rested].map(String)],
    ),
    table(
      ["failed test", "file"],
      failures.map((test) => [
        code(test.id + (test.param ? ` ${test.param}` : "")),
        test.file ? code(test.file) : "not known",
      ]),
    ),
    failed + errors > failures.length ? `and ${failed + errors - failures.length} more.\n` : "",
    stored ? "" : "\n**Not recorded:** see the warnings of this step.\n",
    change.kind === "known" ? "" : `\nWhat changed is not known: ${prose(change.reason)}\n`,
    problems(result),
  ].join("");
}

function problems({ invalid, warnings, complete }: ReportResult): string {
  const rows = [
    ...invalid.map(({ path, reason }) => [code(path), `cannot be read: ${prose(reason)}`]),
    ...warnings.slice(0, 100).map(({ path, message }) => [code(path), prose(message)]),
  ];
  if (rows.length === 0) return complete ? "" : "\nThe reports are not complete.\n";
  return details(`${rows.length} remarks on the reports`, table(["report", "remark"], rows));
}
