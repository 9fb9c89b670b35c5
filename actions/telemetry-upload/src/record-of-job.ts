/** From report files and plan to the record of one job. */
import { glob, realpath } from "node:fs/promises";
import { resolve, sep } from "node:path";
import type { WorkflowContext } from "@goatnote/action-io";
import type { FileFacts, ResolvedChange } from "@goatnote/change-facts";
import {
  type Execution,
  type FileChange,
  isRepositoryPath,
  MAX_AGE_DAYS,
  MAX_CHANGES,
  MAX_NAME_LENGTH,
  type Run,
} from "@goatnote/ci-history";
import type { Plan } from "@goatnote/test-selection";

/**
 * Report files that match the patterns, sorted, each once. What tools install is not searched, and a link to a folder
 * is followed only where it stays within the folders of the job.
 * @param folders of the job: the workspace, which patterns are relative to, and others that may hold reports
 */
export async function findReports(
  patterns: readonly string[],
  ...folders: readonly [workspace: string, ...others: string[]]
): Promise<string[]> {
  const within = await Promise.all(folders.map((folder) => realpath(folder).catch(() => resolve(folder))));
  const found = new Set<string>();
  for await (const entry of glob(patterns, {
    cwd: folders[0],
    withFileTypes: true,
    exclude: ({ name }) => name === "node_modules" || name === ".git",
  })) {
    if (!entry.isFile()) continue;
    const path = `${entry.parentPath}/${entry.name}`;
    const real = await realpath(path);
    if (within.some((folder) => real.startsWith(folder + sep))) found.add(path);
  }
  return [...found].sort();
}

/** What the record says of the job and the change, within what a history takes; the tests are still to come. */
export function jobOf(
  context: WorkflowContext,
  change: ResolvedChange,
  facts: ReadonlyMap<string, FileFacts>,
  variant: string,
): Run {
  // Names come from git, the event and the matrix, where they may have any length and line breaks.
  const name = (text: string): string => text.replace(/\p{Cc}+/gu, " ").slice(0, MAX_NAME_LENGTH);
  const files = change.kind === "known" ? change.files : [];
  return {
    run_id: context.runId,
    run_attempt: context.runAttempt,
    ...(context.job && { job: name(context.job) }),
    ...(variant && { variant: name(variant) }),
    sha: context.pullRequest?.headSha || context.sha || null,
    started_at: new Date().toISOString(),
    author: name((change.kind === "known" && change.author) || context.actor) || null,
    event: context.event,
    ...(context.branch !== null && { branch: name(context.branch) }),
    default_branch: context.onDefaultBranch,
    trust: context.trust,
    changes: files
      .filter(({ path }) => isRepositoryPath(path))
      .slice(0, MAX_CHANGES)
      .map(({ path, added, deleted }) => ({ path, added, deleted, ...stored(facts.get(path)) })),
    tests: [],
  };
}

function stored(facts: FileFacts | undefined): Partial<FileChange> {
  const { decisionDelta = null, ageDays = null, authors = null } = facts ?? {};
  return {
    ...(decisionDelta !== null && { decision_delta: decisionDelta }),
    // A clock that is wrong by centuries says nothing.
    ...(ageDays !== null && ageDays <= MAX_AGE_DAYS && { age_days: Number(ageDays.toFixed(2)) }),
    ...(authors !== null && { authors }),
  };
}

/** At most `most` executions: what failed first, so that a cut loses passes only as long as it can. */
export function keepWithin(executions: readonly Execution[], most: number): Execution[] {
  if (executions.length <= most) return [...executions];
  const [told, quiet] = [
    executions.filter(({ status }) => status !== "pass"),
    executions.filter(({ status }) => status === "pass"),
  ];
  return [...told, ...quiet].slice(0, most);
}

/** The record with what the plan says of each test: how likely it was to run, and which tests rested. */
export function withPlan(run: Run, plan: Plan): Run {
  const planned = new Map(plan.tests.map((test) => [test.id, test]));
  const tests = run.tests.map((test) => ({ ...test, p_run: planned.get(test.id)?.p_run ?? 1 }));
  const ran = new Set(tests.map(({ id }) => id));
  const rested = plan.run === "all" ? [] : plan.tests.filter((test) => !test.chosen && !ran.has(test.id));
  return {
    ...run,
    ...(plan.shards > 1 && { shards: plan.shards }),
    ...(plan.import_distances && { import_distances: plan.import_distances }),
    ...(plan.text_similarities && { text_similarities: plan.text_similarities }),
    tests: [
      ...tests,
      ...rested.map(({ id, file, p_run }): Execution => ({ id, file, status: "not_run", duration_ms: null, p_run })),
    ],
  };
}

/** Chosen tests of which no report says anything: the runner did not run them, or wrote no report. */
export function unreported(run: Run, plan: Plan): string[] {
  // A job of several sees its own shard only.
  if (plan.run === "all" || plan.shards > 1) return [];
  const reported = new Set(run.tests.map(({ id }) => id));
  return plan.tests.filter((test) => test.chosen && !reported.has(test.id)).map(({ id }) => id);
}
