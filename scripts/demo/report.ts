/** What a newcomer reads: a line for each run, and the end of the story. All of it is read from what the runs did. */
import { parseTestId } from "@goatnote/ci-history";
import type { Backend, RehearsalResult } from "@goatnote/rehearsal";
import type { Plan, ReplayReport } from "@goatnote/test-selection";
import { storedRuns } from "../stored-files.ts";

export type Kind = "push" | "pull" | "merge";

export interface Change {
  kind: Kind;
  title: string;
  plan: Plan;
  ran: number;
  /** Tests that failed in this run and had not failed in the run of main before. */
  broke: string[];
  /** All tests that failed in this run. */
  failed: string[];
  secondsRun: number;
  secondsSaved: number;
  /** Of the job that runs the tests: checkout, install, tests, upload. */
  jobSeconds: number;
  /** Tests that a merge of this pull request broke on main; null when it was not merged. */
  missed: string[] | null;
}

const counted = (count: number, one: string, many = `${one}s`): string => `${count} ${count === 1 ? one : many}`;

/** A test id as a reader writes it: file > class > name. */
function readable(id: string): string {
  const { file, classPath, name } = parseTestId(id);
  return [file?.replace(/^test\//, ""), ...classPath, name].filter((part) => part).join(" > ");
}

/**
 * Reads what one rehearsal decided and what its tests said.
 * @param redBefore ids of tests that failed in the run of main before
 * @param repository the folder whose ref holds the history
 */
export function describeChange(
  kind: Kind,
  title: string,
  redBefore: readonly string[],
  { runId, jobs }: RehearsalResult,
  backend: Backend,
  repository: string,
): Change {
  const outputs = (action: string): Record<string, string> =>
    jobs.flatMap(({ steps }) => steps).find((step) => step.name.includes(action))?.outputs ?? {};
  const plan = backend.state.artifacts.find(
    (artifact) => artifact.runId === runId && artifact.name === "test-plan.json",
  );
  const tests = storedRuns(repository, runId)
    .flatMap((run) => run.tests)
    .filter(({ status }) => status !== "not_run");
  if (plan === undefined || tests.length === 0) {
    throw new Error(
      `"${title}" was not tested; the log ends with:\n${jobs.map(({ log }) => log.slice(-3000)).join("\n")}`,
    );
  }
  const failing = tests.filter(({ status }) => ["fail", "error", "timeout"].includes(status));
  const failed = [...new Set(failing.map(({ id }) => id))];
  const job = backend.state.runs.get(runId)?.jobs.find(({ name }) => name === "Test");
  return {
    kind,
    title,
    plan: JSON.parse(backend.state.blobs.get(plan.blob)!.content!.toString()) as Plan,
    ran: tests.length,
    failed,
    broke: failed.filter((id) => !redBefore.includes(id)),
    secondsRun: Number(outputs("goatnote/telemetry-upload@")["duration-ms"]) / 1000,
    secondsSaved: Number(outputs("goatnote/ml-test-select@")["seconds-saved"]),
    jobSeconds: job?.completedAt ? (Date.parse(job.completedAt) - Date.parse(job.startedAt)) / 1000 : 0,
    missed: null,
  };
}

/** The columns of {@link lineOf}; `1 broke, 1 before` is one test that this commit broke and one that was red before. */
export const header = `  event  ${"commit".padEnd(39)} tests run their seconds  ${"result".padEnd(17)} test job`;

/** One run in one line. */
export function lineOf({
  kind,
  title,
  plan,
  ran,
  broke,
  failed,
  secondsRun,
  secondsSaved,
  jobSeconds,
}: Change): string {
  const before = failed.length - broke.length;
  const broken = broke.length === 0 ? "" : before === 0 ? `red: ${broke.length} broke` : `${broke.length} broke, `;
  const old = before === 0 ? "" : broke.length > 0 ? `${before} before` : `${before} red before`;
  const verdict = failed.length === 0 ? "green" : broken + old;
  const tests = `${ran} of ${plan.run === "all" ? ran : Math.max(ran, plan.tests.length)}`;
  const seconds = `${secondsRun.toFixed(1)} of ${(secondsRun + secondsSaved).toFixed(1)} s`;
  return `  ${kind.padEnd(5)}  ${title.padEnd(39)} ${tests.padStart(9)} ${seconds.padStart(13)}  ${verdict.padEnd(17)} ${`${jobSeconds.toFixed(1)} s`.padStart(8)}`;
}

const width = 100;
const clipped = (text: string): string => (text.length > width ? `${text.slice(0, width - 1)}…` : text);

/** A heading for some tests, and the first of them. */
function listed(heading: string, ids: readonly string[]): string[] {
  if (ids.length === 0) return [];
  const more = ids.length > 1 ? `, and ${counted(ids.length - 1, "other")}` : "";
  return [`      ${heading}: ${readable(ids[0]!)}${more}`];
}

function wrapped(text: string, indent: string): string {
  const lines = [""];
  for (const word of text.split(" ")) {
    const line = lines.at(-1)!;
    if (`${indent}${line} ${word}`.length > width) lines.push(word);
    else lines[lines.length - 1] = line === "" ? word : `${line} ${word}`;
  }
  return lines.map((line) => indent + line).join("\n");
}

function outcomeOf({ broke, missed, failed }: Change): string {
  if (broke.length > 0) return "red: CAUGHT, and not merged";
  if (missed !== null && missed.length > 0) return "green, but MISSED a break";
  const agreed = missed === null ? "not merged" : "the full run on main agreed";
  return failed.length > 0 ? `nothing new red; ${agreed}` : `green; ${agreed}`;
}

function story(change: Change): string[] {
  const { title, plan, broke, failed, missed } = change;
  const chosen = plan.tests.filter(({ chosen }) => chosen).length;
  const tests = plan.run === "all" ? "all tests" : `${chosen} of ${plan.tests.length} tests`;
  const netted = plan.tests
    .filter(({ id, reason }) => reason === "failed in its last run" && !failed.includes(id))
    .map(({ id }) => id);
  return [
    `  ${title.padEnd(40)} ${tests.padEnd(15)} ${outcomeOf(change)}`,
    ...(plan.run === "all" || plan.reason.startsWith("All ") ? [`      ${plan.reason}`] : []),
    ...listed("failed last, so it runs whatever it scores", netted),
    ...listed("broke", broke),
    ...listed(
      "was red before",
      failed.filter((id) => !broke.includes(id)),
    ),
    ...listed("found by the full run on main", missed ?? []),
  ].map(clipped);
}

/** The curve of a replay: how many red changes are caught within a share of the test time, by the model and by rules. */
export function curve({ all, failing_runs, versus }: ReplayReport): string {
  const budgets = Object.keys(all.model.change_recall);
  const line = (name: string, values: readonly string[]): string =>
    `  ${name.padEnd(26)}${values.map((value) => value.padStart(8)).join("")}`;
  const policies = ["model", "heuristic_sum", "last_fail", "name_similarity", "random"] as const;
  const percent = (share: number): string => `${Math.round(share * 100)} %`;
  const lead = versus.all.heuristic_sum;
  return [
    line(
      "within so much test time",
      budgets.map((budget) => percent(Number(budget))),
    ),
    ...policies.map((name) =>
      line(
        name,
        budgets.map((budget) => percent(all[name].change_recall[budget] ?? 0)),
      ),
    ),
    "",
    `  Share of the ${failing_runs} red commits that a failing test shows, each ordered by what was known before it.`,
    ...(lead
      ? [
          `  Model less hand-weighted sum, APFDc: ${lead.mean.toFixed(3)}, 95 % interval ${lead.low.toFixed(3)} to ${lead.high.toFixed(3)}.`,
        ]
      : []),
  ].join("\n");
}

/** The summary at the end; of the runs there were, when the story broke off. */
export function conclude(changes: readonly Change[]): string {
  const proposals = changes.filter(({ kind }) => kind === "pull");
  const sum = (value: (change: Change) => number): number => proposals.reduce((all, change) => all + value(change), 0);
  const total = sum(({ plan }) => plan.tests.length);
  const rested = sum(({ plan }) => (plan.run === "all" ? 0 : plan.tests.filter(({ chosen }) => !chosen).length));
  const [run, saved] = [sum(({ secondsRun }) => secondsRun), sum(({ secondsSaved }) => secondsSaved)];
  const caught = proposals.filter(({ broke }) => broke.length > 0).length;
  const missed = proposals.filter(({ missed }) => missed !== null && missed.length > 0).length;
  const first = proposals.find(({ plan }) => plan.run === "chosen");
  return [
    "",
    "What happened to the pull requests",
    "",
    ...proposals.flatMap(story),
    "",
    ...(first ? ["  Why, in the words of the first of them:", wrapped(`"${first.plan.reason}"`, "    "), ""] : []),
    `  ${counted(proposals.length, "pull request")}: ${rested} of ${total} tests rested; ${run.toFixed(1)} of ${(run + saved).toFixed(1)} s of test time were spent.`,
    `  ${caught + missed} of them broke something: the chosen tests caught ${caught}, the full run on main found ${missed}.`,
    "",
    "  Results are real: change a file in scripts/demo/project and run this again.",
    "  Next: copy workflows-examples/ci.yml or ci-pytest.yml to .github/workflows/ of your repository.",
  ].join("\n");
}
