/** `telemetry-upload`: reports of this job's tests become its record, and the record goes to the store. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { endGroup, startGroup, warning } from "@actions/core";
import {
  describe,
  readContext,
  readInputs,
  setOutputs,
  UserError,
  type WorkflowContext,
  writeSummary,
} from "@goatnote/action-io";
import { changeEvent, listFiles, resolveChange } from "@goatnote/change-facts";
import { encodeSegment, type Run, segmentPath } from "@goatnote/ci-history";
import { leaveSegment, storeContradictions } from "@goatnote/history-access";
import { readReports } from "@goatnote/test-reports";
import { decodePlan, type Plan, selectionOf } from "@goatnote/test-selection";
import { mainInputs } from "./inputs.ts";
import { findReports, keepWithin, unreported, withPlan } from "./record-of-job.ts";
import { failureAnnotations, summarise, totals } from "./report.ts";

export async function main(): Promise<void> {
  const inputs = readInputs(mainInputs, process.env, storeContradictions);
  const context = await readContext(process.env);
  const paths = await findReports(inputs.paths, context.workspace);
  const files = await listFiles(context.workspace, "HEAD").catch(() => []);
  const result = await readReports(paths, {
    root: context.workspace,
    files,
    format: inputs.format,
    timeUnit: inputs["time-unit"],
    ...(inputs.variant && { variant: inputs.variant }),
    includeMessages: inputs["include-messages"],
  });

  const kept = keepWithin(result.executions, inputs["max-records"] ?? Number.POSITIVE_INFINITY);
  const plan = inputs.plan === "" ? null : await readPlan(inputs.plan);
  const change = await resolveChange(context.workspace, changeEvent(context));
  if (change.kind === "unknown") warning(`What changed is not known, so this record teaches little: ${change.reason}`);
  const run: Run = {
    run_id: context.runId,
    run_attempt: context.runAttempt,
    job: context.job,
    ...(inputs.variant && { variant: inputs.variant }),
    sha: context.pullRequest?.headSha || context.sha || null,
    started_at: new Date().toISOString(),
    author: (change.kind === "known" && change.author) || context.actor || null,
    event: context.event,
    ...(context.branch !== null && { branch: context.branch }),
    default_branch: context.onDefaultBranch,
    trust: context.trust,
    report_complete: result.complete && kept.length === result.executions.length && paths.length > 0,
    changes: change.kind === "known" ? change.files.map(({ path, added, deleted }) => ({ path, added, deleted })) : [],
    tests: kept,
    ...(plan && { selection: selectionOf(plan.plan, plan.text) }),
  };
  const recorded = plan ? withPlan(run, plan.plan) : run;
  const absent = plan ? unreported(recorded, plan.plan) : [];
  if (absent.length > 0) {
    warning(
      `${absent.length} chosen tests left no result, the first is ${absent[0]}. They did not run, or their report is not among \`paths\`.`,
    );
  }
  const segment = join(context.temp, "goatnote-telemetry", basename(segmentPath(recorded)));
  await mkdir(dirname(segment), { recursive: true });
  await writeFile(segment, encodeSegment(recorded));

  const stored = result.executions.length > 0 && (await store(recorded, inputs, context));
  setOutputs({
    ...totals(result.executions),
    reports: result.reports,
    "invalid-reports": result.invalid.length,
    segment,
    recorded: stored,
  });
  await writeSummary(
    summarise(recorded, result, { patterns: inputs.paths, stored, change }),
    process.env.GITHUB_STEP_SUMMARY,
  );
  failureAnnotations(result);

  if (inputs["require-tests"] && result.executions.length === 0) {
    throw new UserError(
      `No test was found in ${inputs.paths.join(", ")}, and \`require-tests\` is true. Check that the test step wrote its report there.`,
    );
  }
  if (inputs["fail-on-invalid"] && result.invalid.length > 0) {
    const { path, reason } = result.invalid[0]!;
    throw new UserError(`${result.invalid.length} reports cannot be read, the first is ${path}: ${reason}`);
  }
}

/** Hands the record over. A fault here is ours or the network's, and breaks nobody's build. */
async function store(run: Run, inputs: Parameters<typeof leaveSegment>[1], context: WorkflowContext): Promise<boolean> {
  startGroup("Hand the record to the store");
  try {
    await leaveSegment(run, inputs, context);
    return true;
  } catch (error) {
    warning(`The results were not recorded: ${describe(error)}`);
    return false;
  } finally {
    endGroup();
  }
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
