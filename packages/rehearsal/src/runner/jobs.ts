import { condition, evaluate, text } from "./expressions.ts";
import { type JobResult, runJob } from "./job.ts";
import type { Conclusion } from "./job-state.ts";
import { type Leg, legName, legs } from "./matrix.ts";
import type { RunState } from "./rehearse.ts";
import { type Job, needsOf } from "./workflow.ts";

interface Outcome {
  result: Conclusion;
  outputs: Record<string, string>;
  jobs: JobResult[];
}

/** Runs the graph of jobs: each after those it needs, one at a time unless the run is parallel. */
export async function runJobs(run: RunState): Promise<JobResult[]> {
  const { jobs } = run.workflow;
  const outcomes = new Map<string, Promise<Outcome>>();
  let last: Promise<unknown> = Promise.resolve();
  // In an order where needs come first, so that one at a time never waits for a later job.
  const visit = (id: string): Promise<Outcome> => {
    const known = outcomes.get(id);
    if (known) return known;
    const needs = needsOf(jobs[id]!).map(visit);
    const before = run.parallel ? Promise.all(needs) : last;
    const outcome = before.then(async () => runOne(run, id, await settled(jobs, id, outcomes)));
    outcomes.set(id, outcome);
    last = outcome;
    return outcome;
  };
  for (const id of Object.keys(jobs)) visit(id);
  const all = await Promise.all(Object.keys(jobs).map((id) => outcomes.get(id)!));
  return all.flatMap((outcome) => outcome.jobs);
}

/** Outcomes of everything that the job depends on, directly or not. */
async function settled(jobs: Record<string, Job>, id: string, outcomes: Map<string, Promise<Outcome>>) {
  const ancestors = new Map<string, Outcome>();
  const collect = async (child: string): Promise<void> => {
    for (const need of needsOf(jobs[child]!)) {
      if (ancestors.has(need)) continue;
      ancestors.set(need, await outcomes.get(need)!);
      await collect(need);
    }
  };
  await collect(id);
  return ancestors;
}

async function runOne(run: RunState, id: string, ancestors: Map<string, Outcome>): Promise<Outcome> {
  const job = run.workflow.jobs[id]!;
  const results = [...ancestors.values()].map(({ result }) => result);
  const needs = Object.fromEntries(
    needsOf(job).map((need) => [need, { result: ancestors.get(need)!.result, outputs: ancestors.get(need)!.outputs }]),
  );
  const contexts = {
    github: { ...run.github, event: run.event.payload },
    needs,
    vars: run.vars,
    inputs: run.inputs,
    strategy: null,
    matrix: null,
  };
  const functions = {
    success: () => results.every((result) => result === "success"),
    failure: () => results.includes("failure"),
    cancelled: () => results.includes("cancelled"),
    always: () => true,
  };
  try {
    if (!condition(job.if, contexts, functions)) return notRun(run, id, job, contexts, "skipped");
    const matrix = evaluate(job.strategy?.matrix ?? null, contexts);
    const all: (Leg | null)[] = matrix === null ? [null] : legs(matrix);
    if (all.length === 0) throw new Error("Matrix vector does not contain any values");
    const failFast = evaluate(job.strategy?.["fail-fast"] ?? true, contexts);
    const start = (leg: Leg | null, index: number) => {
      const strategy = {
        "fail-fast": failFast,
        "job-index": index,
        "job-total": all.length,
        "max-parallel": all.length,
      };
      const own = { ...contexts, matrix: leg, strategy };
      return runJob(run, id, job, nameOf(id, job, leg, own), own);
    };
    const jobs: JobResult[] = [];
    if (run.parallel) jobs.push(...(await Promise.all(all.map(start))));
    else for (const [index, leg] of all.entries()) jobs.push(await start(leg, index));
    return { result: combined(jobs), outputs: mergedOutputs(jobs), jobs };
  } catch (error) {
    // What goes wrong before the first step is the job's failure, not the rehearsal's.
    return notRun(run, id, job, contexts, "failure", error as Error);
  }
}

function nameOf(id: string, job: Job, leg: Leg | null, contexts: Record<string, unknown>): string {
  const name = job.name === undefined ? id : text(job.name, contexts);
  return leg === null || job.name?.includes("${{") ? name : legName(name, leg);
}

function combined(jobs: JobResult[]): Conclusion {
  const conclusions = jobs.map(({ conclusion }) => conclusion);
  return (["failure", "cancelled"] as const).find((each) => conclusions.includes(each)) ?? "success";
}

/** Of a matrix, the last leg that sets an output wins; an empty one does not overwrite. */
function mergedOutputs(jobs: JobResult[]): Record<string, string> {
  return Object.assign(
    {},
    ...jobs.map(({ outputs }, index) =>
      Object.fromEntries(Object.entries(outputs).filter(([, value]) => index === 0 || value !== "")),
    ),
  );
}

function notRun(
  run: RunState,
  id: string,
  job: Job,
  contexts: Record<string, unknown>,
  conclusion: "skipped" | "failure",
  error?: Error,
): Outcome {
  const name = job.name?.includes("${{") && conclusion === "skipped" ? job.name : nameOf(id, job, null, contexts);
  run.begin(name).finish(conclusion);
  const message = error ? `${id}: ${error.message}` : "";
  if (message) run.onLog?.(message, name);
  const result: JobResult = {
    id,
    name,
    matrix: null,
    conclusion,
    outputs: {},
    steps: [],
    log: message && `${message}\n`,
    summary: "",
    annotations: message ? [{ kind: "error", message }] : [],
  };
  return { result: conclusion, outputs: {}, jobs: [result] };
}
