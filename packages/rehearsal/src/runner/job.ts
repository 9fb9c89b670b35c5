import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { condition, evaluate, text, texts } from "./expressions.ts";
import { type JobState, type Scope, type Status, type StepResult, stepContexts } from "./job-state.ts";
import { type Annotation, JobLog } from "./log.ts";
import { machineEnv, runnerContext } from "./machine.ts";
import { runPreSteps } from "./pre-steps.ts";
import { killGroup } from "./process.ts";
import type { RunState } from "./rehearse.ts";
import { runSteps } from "./steps.ts";
import { type Job, permissionsOf } from "./workflow.ts";

export interface JobResult {
  id: string;
  /** With the values of the matrix leg. */
  name: string;
  matrix: Record<string, unknown> | null;
  conclusion: Status | "skipped";
  outputs: Record<string, string>;
  steps: StepResult[];
  log: string;
  summary: string;
  annotations: Annotation[];
}

/** Runs one job, or one leg of its matrix, on this machine. Job contexts are those known before its steps. */
export async function runJob(
  run: RunState,
  id: string,
  job: Job,
  name: string,
  contexts: Record<string, unknown>,
): Promise<JobResult> {
  const root = mkdtempSync(join(tmpdir(), "rehearsal-"));
  const log = new JobLog(run.onLog && ((line) => run.onLog!(line, name)));
  const state = jobState(run, id, job, name, contexts, root, log);
  const scope: Scope = { steps: {}, inputs: null, env: {}, github: {}, actionRoot: null, status: "success" };
  const record = run.begin(name, state.environment);
  try {
    await runPreSteps(state, scope, job.steps);
    const minutes = evaluate(job["timeout-minutes"] ?? 360, state.contexts);
    const timer = setTimeout(() => cancel(state, scope, Number(minutes)), Number(minutes) * 60_000);
    await runSteps(state, scope, job.steps, `job ${id}`).finally(() => clearTimeout(timer));
    await runPostSteps(state);
    const outputs = jobOutputs(state, scope, job);
    const tolerated = evaluate(job["continue-on-error"] ?? false, state.contexts) === true;
    record.finish(state.status);
    return {
      id,
      name,
      matrix: (contexts.matrix as Record<string, unknown> | null) ?? null,
      conclusion: state.status === "failure" && tolerated ? "success" : state.status,
      outputs,
      steps: state.results,
      log: log.text,
      summary: log.summary,
      annotations: log.annotations,
    };
  } finally {
    for (const pid of state.groups) killGroup(pid);
    run.backend.tokens.revoke(state.token);
    if (!run.keep) rmSync(root, { recursive: true, force: true });
  }
}

function cancel(state: JobState, scope: Scope, minutes: number): void {
  state.log.annotate({
    kind: "error",
    message: `The job has exceeded the maximum execution time of ${minutes} minutes.`,
  });
  scope.status = state.status = "cancelled";
  for (const pid of state.groups) killGroup(pid);
}

function jobState(
  run: RunState,
  id: string,
  job: Job,
  name: string,
  jobContexts: Record<string, unknown>,
  root: string,
  log: JobLog,
): JobState & { environment: string | undefined } {
  const short = run.backend.repository.split("/")[1]!;
  const [workspace, temp, tools] = [join(root, short, short), join(root, "_temp"), join(root, "_tool")];
  for (const folder of [workspace, temp, tools]) mkdirSync(folder, { recursive: true });
  const eventPath = join(temp, "_github_workflow", "event.json");
  mkdirSync(join(temp, "_github_workflow"));
  writeFileSync(eventPath, JSON.stringify(run.event.payload));

  const permissions = permissionsOf(run.workflow, job, run.fromFork);
  const environment =
    job.environment === undefined
      ? undefined
      : text(typeof job.environment === "object" ? job.environment.name : job.environment, jobContexts);
  const identity = { runId: run.run.id, job: name, permissions, ...(environment ? { environment } : {}) };
  const token = run.backend.jobToken(identity);
  const service = run.backend.jobEnv(identity);
  const secrets = { ...run.secrets, GITHUB_TOKEN: token };
  for (const secret of Object.values(secrets)) log.mask(secret);
  for (const [variable, value] of Object.entries(service)) if (variable.endsWith("_TOKEN")) log.mask(value);

  const github = { ...run.github, job: id, token, workspace, event: run.event.payload, event_path: eventPath };
  const runner = runnerContext(temp, tools);
  const contexts = { ...jobContexts, github, runner, secrets };
  const env = texts(run.workflow.env, contexts);
  Object.assign(env, texts(job.env, { ...contexts, env }));
  const runDefaults = { ...run.workflow.defaults?.run, ...job.defaults?.run };
  const upper = (prefix: string, facts: object) =>
    Object.entries(facts)
      .filter(([, value]) => typeof value === "string" && value !== "")
      .map(([key, value]) => [`${prefix}${key.toUpperCase()}`, value as string]);
  // GITHUB_TOKEN is in the contexts, never in the environment by itself.
  const defaults = Object.fromEntries([
    ["CI", "true"],
    ["GITHUB_ACTIONS", "true"],
    ...upper("GITHUB_", { ...github, token: "" }),
    ...upper("RUNNER_", { ...runner, workspace: join(root, short) }),
  ]) as Record<string, string>;
  return {
    id,
    log,
    catalog: run.catalog,
    backend: run.backend,
    runId: run.run.id,
    permissions,
    repository: run.repository,
    workspace,
    temp,
    token,
    machine: machineEnv(run.env),
    defaults,
    service,
    runDefaults: Object.fromEntries(Object.entries(runDefaults).map(([key, value]) => [key, text(value, contexts)])),
    contexts,
    env,
    path: [],
    artifacts: new Map(),
    pre: new Map(),
    post: [],
    results: [],
    groups: [],
    status: "success",
    environment,
  };
}

/** Post steps run in reverse order, each when its condition holds. */
async function runPostSteps(state: JobState): Promise<void> {
  for (const { name, condition: holds, scope, run } of state.post.toReversed()) {
    state.log.beginStep();
    const { contexts, functions } = stepContexts(state, { ...scope, status: state.status }, state.env);
    const result: StepResult = { id: "", name, outcome: "skipped", conclusion: "skipped", outputs: {} };
    state.results.push(result);
    if (!condition(holds, contexts, functions)) continue;
    state.log.line(`##[group]${name}`);
    state.log.line("##[endgroup]");
    try {
      await run();
      result.outcome = result.conclusion = "success";
    } catch (error) {
      state.log.annotate({ kind: "error", message: (error as Error).message });
      result.outcome = result.conclusion = "failure";
      if (state.status === "success") state.status = "failure";
    }
  }
}

/** Outputs that hold a secret are dropped, as GitHub does. */
function jobOutputs(state: JobState, scope: Scope, job: Job): Record<string, string> {
  const { contexts, functions } = stepContexts(state, scope, state.env);
  const outputs: Record<string, string> = {};
  for (const [name, value] of Object.entries(texts(job.outputs, contexts, functions))) {
    if (state.log.masked(value) === value) outputs[name] = value;
    else state.log.annotate({ kind: "warning", message: `Skip output '${name}' since it may contain secret.` });
  }
  return outputs;
}
