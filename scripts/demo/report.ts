/** What a newcomer reads: a line for each run, and the end of the story. All of it is read from what the runs did. */
import type { RehearsalResult } from "@goatnote/rehearsal";

export interface Change {
  event: string;
  title: string;
  line: string;
  /** Why this much was run, in the plan's words. */
  reason: string;
  total: number;
  selected: number;
  secondsSaved: number;
  /** Tests that failed in this run, by annotation. */
  failedTests: string[];
  /** Tests that failed on main after the change was merged; null when it was not merged. */
  missed: string[] | null;
}

/** Reads what one rehearsal decided and what its tests said. */
export function describeChange(
  title: string,
  event: string,
  { jobs, conclusion }: RehearsalResult,
  seconds: number,
): Change {
  const outputs = (action: string): Record<string, string> =>
    jobs.flatMap(({ steps }) => steps).find((step) => step.name.includes(action))?.outputs ?? {};
  const plan = outputs("goatnote/ml-test-select@");
  const results = outputs("goatnote/telemetry-upload@");
  if (plan.reason === undefined || !(Number(results.tests) > 0)) {
    throw new Error(
      `"${title}" was not tested; the log ends with:\n${jobs.map(({ log }) => log.slice(-3000)).join("\n")}`,
    );
  }
  const failedTests = jobs
    .flatMap(({ annotations }) => annotations)
    .filter((annotation) => annotation.title === "Test failed")
    .map(({ message }) => message);
  const [failed, tests] = [Number(results.failed) + Number(results.errors), Number(results.tests)];
  const verdict = failed > 0 ? `red, ${failed} failed` : conclusion === "success" ? "green" : conclusion;
  const change: Change = {
    event,
    title,
    line: "",
    reason: plan.reason,
    total: Number(plan.total),
    selected: Number(plan.selected),
    secondsSaved: Number(plan["seconds-saved"]),
    failedTests,
    missed: null,
  };
  change.line = `  ${event === "push" ? "push" : "pull"}  ${title.padEnd(52)} ${`${tests} tests ran`.padStart(13)}  ${verdict.padEnd(15)} ${seconds.toFixed(1)} s`;
  return change;
}

/** The summary at the end. */
export function conclude(changes: readonly Change[]): string {
  const proposals = changes.filter(({ event }) => event === "pull_request");
  const rested = proposals.reduce((sum, { total, selected }) => sum + total - selected, 0);
  const total = proposals.reduce((sum, change) => sum + change.total, 0);
  const saved = proposals.reduce((sum, { secondsSaved }) => sum + secondsSaved, 0);
  const red = proposals.filter(({ failedTests }) => failedTests.length > 0);
  const escaped = proposals.filter(({ missed }) => missed !== null && missed.length > 0);
  const lines = [
    "",
    "What happened",
    "",
    ...proposals.flatMap(({ title, reason, failedTests, missed }) => [
      `  ${title}`,
      `    ${reason}`,
      `    ${failedTests.length > 0 ? `Caught: ${failedTests.join("; ")}` : missed && missed.length > 0 ? `MISSED, found by the full run on main: ${missed.join("; ")}` : "Green, and the full run on main agreed."}`,
    ]),
    "",
    `  ${proposals.length} pull requests: ${rested} of ${total} tests rested, ${saved.toFixed(1)} s of test time saved.`,
    `  ${red.length + escaped.length} of them broke tests: ${red.length} caught by the chosen tests, ${escaped.length} only by the full run on main.`,
    "  Results are real: change a test in scripts/demo/project and run this again.",
    "",
    "  Next: copy workflows-examples/ci.yml (or ci-pytest.yml) to .github/workflows/ in your own repository.",
  ];
  return lines.join("\n");
}
