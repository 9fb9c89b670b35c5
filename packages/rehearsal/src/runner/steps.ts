import { resolve } from "node:path";
import { condition, evaluate, text, texts } from "./expressions.ts";
import { hashFiles } from "./hash-files.ts";
import { type Conclusion, type JobState, type Scope, type StepResult, stepContexts } from "./job-state.ts";
import { runAction } from "./run-action.ts";
import { runWithFiles } from "./run-with-files.ts";
import { scriptCommand } from "./shell.ts";
import type { Step } from "./workflow.ts";

/** A step on its way: what it may see, say and return. */
export interface StepRun {
  step: Step;
  scope: Scope;
  /** `step 2`, `build, step 2` …: where it is, for messages. */
  where: string;
  /** GITHUB_ACTION. */
  actionId: string;
  /** The `env` context with the step's own variables. */
  env: Record<string, string>;
  outputs: Record<string, string>;
  timeout: number | undefined;
  evaluate: (value: unknown) => ReturnType<typeof evaluate>;
  text: (value: unknown) => string;
}

/** Runs the steps of a job or of a composite action in order, and keeps the scope's status. */
export async function runSteps(job: JobState, scope: Scope, steps: Step[], where: string): Promise<void> {
  const used = new Map<string, number>();
  for (const [index, step] of steps.entries()) {
    const base = step.id ?? (step.uses ? `__${step.uses.split("@")[0]!.replace(/[^\w-]+/g, "_")}` : "__run");
    const count = (used.get(base) ?? 0) + 1;
    used.set(base, count);
    const actionId = count === 1 ? base : `${base}_${count}`;
    const result = await runStep(job, scope, step, actionId, `${where}, step ${step.id ?? index + 1}`);
    if (scope.inputs === null) job.results.push(result);
    if (step.id)
      scope.steps[step.id] = { outputs: result.outputs, outcome: result.outcome, conclusion: result.conclusion };
    if (result.conclusion === "failure" && scope.status === "success") scope.status = "failure";
    if (scope.inputs === null) job.status = scope.status;
  }
}

/** The `env` that a step sees, and its ways to evaluate. Its own `env:` may use what is around it, not itself. */
function stepView(job: JobState, scope: Scope, step: Step) {
  const outer = { ...job.env, ...scope.env };
  const view = (env: Record<string, string>) => {
    const { contexts, functions } = stepContexts(job, scope, env);
    return {
      contexts,
      functions: { ...functions, hashFiles: (patterns: string[]) => hashFiles(job.workspace, patterns) },
    };
  };
  const around = view(outer);
  const env = { ...outer, ...texts(step.env, around.contexts, around.functions) };
  return { env, ...view(env) };
}

async function runStep(job: JobState, scope: Scope, step: Step, actionId: string, where: string): Promise<StepResult> {
  job.log.beginStep();
  const result: StepResult = {
    id: step.id ?? "",
    name: nameOf(step),
    outcome: "success",
    conclusion: "success",
    outputs: {},
  };
  let continues = false;
  try {
    const { env, contexts, functions } = stepView(job, scope, step);
    if (!condition(step.if, contexts, functions)) {
      result.outcome = result.conclusion = "skipped";
      return result;
    }
    result.name = text(result.name, contexts, functions);
    job.log.line(`##[group]${result.name}`);
    job.log.line("##[endgroup]");
    continues = evaluate(step["continue-on-error"] ?? false, contexts, functions) === true;
    const minutes = evaluate(step["timeout-minutes"] ?? null, contexts, functions);
    const run: StepRun = {
      step,
      scope,
      where,
      actionId,
      env,
      outputs: result.outputs,
      timeout: minutes === null ? undefined : Number(minutes) * 60_000,
      evaluate: (value) => evaluate(value, contexts, functions),
      text: (value) => text(value, contexts, functions),
    };
    result.outcome = step.uses ? await runAction(job, run) : await runScript(job, run);
  } catch (error) {
    job.log.annotate({ kind: "error", message: (error as Error).message });
    result.outcome = "failure";
  }
  result.conclusion = result.outcome === "failure" && continues ? "success" : result.outcome;
  return result;
}

function nameOf(step: Step): string {
  return step.name ?? `Run ${step.uses ?? step.run?.trim().split("\n")[0]}`;
}

async function runScript(job: JobState, run: StepRun): Promise<Conclusion> {
  const { step } = run;
  const composite = run.scope.inputs !== null;
  if (composite && !step.shell) throw new Error(`${run.where}: Required property is missing: shell`);
  const defaults = composite ? {} : job.runDefaults;
  const shell = run.text(step.shell ?? defaults.shell ?? "");
  const folder = run.text(step["working-directory"] ?? defaults["working-directory"] ?? "");
  const { command, args } = scriptCommand(run.text(step.run), shell, job.temp);
  // A script gets the pair that asks for an ID token, and no runtime token.
  const idToken = Object.entries(job.service).filter(([name]) => name.startsWith("ACTIONS_ID_TOKEN_"));
  const env = { ...run.env, GITHUB_ACTION: run.actionId, ...Object.fromEntries(idToken), ...pathOf(run.scope) };
  return runWithFiles(job, run, { command, args, cwd: resolve(job.workspace, folder), env });
}

/** GITHUB_ACTION_* as a composite action's scripts see them. */
function pathOf({ github }: Scope): Record<string, string> {
  return Object.fromEntries(
    Object.entries(github)
      .filter(([name]) => /^action_(path|ref|repository)$/.test(name))
      .map(([name, value]) => [`GITHUB_${name.toUpperCase()}`, value]),
  );
}
