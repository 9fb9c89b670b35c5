/** `telemetry-upload`: reports of this job's tests become its record, and the record goes to the store. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { endGroup, startGroup, warning } from "@actions/core";
import {
  describe,
  readContext,
  readInputs,
  say,
  setOutputs,
  UserError,
  type Values,
  type WorkflowContext,
  writeSummary,
} from "@goatnote/action-io";
import {
  changeEvent,
  changeFacts,
  type FileFacts,
  listFiles,
  type ResolvedChange,
  resolveChange,
} from "@goatnote/change-facts";
import { encodeSegment, type Run, segmentPath } from "@goatnote/ci-history";
import { leaveSegment, storeContradictions } from "@goatnote/history-access";
import { type ReportResult, readReports } from "@goatnote/test-reports";
import { decodePlan, type Plan, selectionOf } from "@goatnote/test-selection";
import { mainInputs } from "./inputs.ts";
import { findReports, jobOf, keepWithin, unreported, withPlan } from "./record-of-job.ts";
import { failureAnnotations, summarise, totals } from "./report.ts";

type Inputs = Values<typeof mainInputs>;

export async function main(): Promise<void> {
  const inputs = readInputs(mainInputs, process.env, storeContradictions);
  const context = await readContext(process.env);
  const result = await orWarn("The reports were not read", () => read(inputs, context), noReports);
  const { executions, invalid } = result;
  const change = await orWarn("What changed was not read", () => changeOf(context), notKnown);
  const run = await orWarn(notRecorded, () => recordOf(inputs, context, result, change), null);
  const segment = run && (await orWarn(notRecorded, () => writeSegment(run, context), null));
  const stored = segment !== null && executions.length > 0 && (await store(run!, inputs, context));

  await orWarn(
    "Outputs or summary are not complete",
    async () => {
      setOutputs({
        ...totals(executions),
        reports: result.reports,
        "invalid-reports": invalid.length,
        segment,
        recorded: stored,
      });
      const shown = { tests: run?.tests ?? executions, patterns: inputs.paths, stored, change };
      await writeSummary(summarise(result, shown), process.env.GITHUB_STEP_SUMMARY);
      failureAnnotations(result);
    },
    undefined,
  );

  if (executions.length === 0) {
    const absent = `No test was found in ${inputs.paths.join(", ")}`;
    const advice = "Check that the test step wrote its report there.";
    if (inputs["require-tests"]) throw new UserError(`${absent}, and \`require-tests\` is true. ${advice}`);
    warning(`${absent}, so nothing was recorded. ${advice}`);
  }
  if (inputs["fail-on-invalid"] && invalid.length > 0) {
    const { path, reason } = invalid[0]!;
    throw new UserError(`${invalid.length} reports cannot be read, the first is ${path}: ${reason}`);
  }
}

const notRecorded = "The results were not recorded";

/** What comes of a part of our work, or what stands for it: a fault here is ours or the network's, and breaks nobody's build. */
async function orWarn<T>(what: string, work: () => Promise<T>, otherwise: T): Promise<T> {
  try {
    return await work();
  } catch (error) {
    warning(`${what}: ${describe(error)}`);
    return otherwise;
  }
}

const noReports: ReportResult = {
  executions: [],
  reports: 0,
  invalid: [],
  warnings: [],
  complete: false,
  durationMs: 0,
};

async function read(inputs: Inputs, { workspace, temp }: WorkflowContext): Promise<ReportResult> {
  const paths = await findReports(inputs.paths, workspace, temp);
  const files = await listFiles(workspace, "HEAD").catch(() => []);
  const result = await readReports(paths, {
    root: workspace,
    files,
    format: inputs.format,
    timeUnit: inputs["time-unit"],
    ...(inputs.variant && { variant: inputs.variant }),
    includeMessages: inputs["include-messages"],
  });
  // Without any report nothing is said of any test.
  return { ...result, complete: result.complete && paths.length > 0 };
}

const notKnown: ResolvedChange = { kind: "unknown", reason: "it could not be read" };

async function changeOf(context: WorkflowContext): Promise<ResolvedChange> {
  const change = await resolveChange(context.workspace, changeEvent(context));
  if (change.kind === "unknown") warning(`What changed is not known, so this record teaches little: ${change.reason}`);
  return change;
}

async function factsOf({ workspace }: WorkflowContext, change: ResolvedChange): Promise<Map<string, FileFacts>> {
  if (change.kind === "unknown") return new Map();
  const none = { files: new Map<string, FileFacts>(), historyTruncated: false };
  const { files, historyTruncated } = await orWarn(
    "Ages and authors of the changed files were not read",
    () => changeFacts(workspace, change),
    none,
  );
  if (historyTruncated)
    say(
      "The clone is shallow, so ages and authors of changed files may be missing; `fetch-depth: 0` in actions/checkout gives them.",
    );
  return files;
}

/** The record of this job: what its tests did, what changed, and what the plan said. */
async function recordOf(
  inputs: Inputs,
  context: WorkflowContext,
  { executions, complete }: ReportResult,
  change: ResolvedChange,
): Promise<Run> {
  const kept = keepWithin(executions, inputs["max-records"] ?? Number.POSITIVE_INFINITY);
  const run: Run = {
    ...jobOf(context, change, await factsOf(context, change), inputs.variant),
    report_complete: complete && kept.length === executions.length,
    tests: kept,
  };
  if (change.kind === "known" && run.changes.length < change.files.length)
    warning(`Of the ${change.files.length} changed files only ${run.changes.length} are recorded.`);
  const plan = inputs.plan === "" ? null : await readPlan(inputs.plan);
  if (plan === null) return run;
  const absent = unreported(run, plan.plan);
  if (absent.length > 0) {
    warning(
      `${absent.length} chosen tests left no result, the first is ${absent[0]}. They did not run, or their report is not among \`paths\`.`,
    );
  }
  return withPlan({ ...run, selection: selectionOf(plan.plan, plan.text) }, plan.plan);
}

/** @returns the path of the file with the record */
async function writeSegment(run: Run, { temp }: WorkflowContext): Promise<string> {
  const bytes = encodeSegment(run);
  const segment = join(temp, "goatnote-telemetry", basename(segmentPath(run)));
  await mkdir(dirname(segment), { recursive: true });
  await writeFile(segment, bytes);
  return segment;
}

/** Hands the record over. */
async function store(run: Run, inputs: Inputs, context: WorkflowContext): Promise<boolean> {
  startGroup("Hand the record to the store");
  const stored = await orWarn(notRecorded, () => leaveSegment(run, inputs, context).then(() => true), false);
  endGroup();
  return stored;
}

async function readPlan(path: string): Promise<{ plan: Plan; text: string } | null> {
  try {
    const text = await readFile(path, "utf8");
    return { plan: decodePlan(text, path), text };
  } catch (error) {
    // Without a plan, exec runs everything; so this record rightly says that nothing was chosen.
    const absent = (error as NodeJS.ErrnoException).code === "ENOENT";
    warning(`The plan was not used: ${absent ? `there is no file ${path}` : describe(error)}`);
    return null;
  }
}
