import { join } from "node:path";
import type { FolderAction } from "./actions.ts";
import { type Contexts, text } from "./expressions.ts";
import { type Conclusion, type JobState, type Scope, stepContexts } from "./job-state.ts";
import { nodeFor } from "./node.ts";
import { runWithFiles } from "./run-with-files.ts";
import type { StandIn } from "./standins/stand-in.ts";
import { runSteps, type StepRun } from "./steps.ts";

/** Runs what a step `uses`. */
export async function runAction(job: JobState, run: StepRun): Promise<Conclusion> {
  const uses = run.step.uses!;
  const action = job.catalog.resolve(uses, run.scope.actionRoot, job.workspace, run.where);
  const given = Object.fromEntries(
    Object.entries(run.step.with ?? {}).map(([name, value]) => [name.toLowerCase(), run.text(value)]),
  );
  const title = run.step.name ? run.text(run.step.name) : `Run ${uses}`;
  if (action.kind === "stand-in") return runStandIn(job, run, action.standIn, given, title);
  const inputs = withDefaults(job, run, action, given);
  return action.metadata.runs.using === "composite"
    ? runComposite(job, run, action, inputs)
    : runJavaScript(job, run, action, inputs, title);
}

/** Inputs as the action receives them; its defaults may use the contexts. Unknown ones get GitHub's warning. */
function withDefaults(job: JobState, run: StepRun, action: FolderAction, given: Record<string, string>) {
  const declared = action.metadata.inputs ?? {};
  warnUnexpected(job, Object.keys(given), Object.keys(declared));
  const { contexts } = stepContexts(job, run.scope, run.env);
  // Defaults are evaluated outside of any composite action: `inputs` is not theirs.
  const forDefaults: Contexts = { ...contexts, inputs: null };
  const defaults = Object.entries(declared).flatMap(([name, input]) =>
    input?.default === undefined ? [] : [[name.toLowerCase(), text(input.default, forDefaults)]],
  );
  return { ...(Object.fromEntries(defaults) as Record<string, string>), ...given };
}

function warnUnexpected(job: JobState, given: string[], declared: string[]): void {
  const known = declared.map((name) => name.toLowerCase());
  const unexpected = given.filter((name) => !known.includes(name));
  if (unexpected.length > 0)
    job.log.annotate({
      kind: "warning",
      message: `Unexpected input(s) '${unexpected.join("', '")}', valid inputs are ['${declared.join("', '")}']`,
    });
}

async function runStandIn(
  job: JobState,
  run: StepRun,
  standIn: StandIn,
  given: Record<string, string>,
  title: string,
): Promise<Conclusion> {
  // A stand-in without declared inputs takes any.
  if (Object.keys(standIn.inputs).length > 0) warnUnexpected(job, Object.keys(given), Object.keys(standIn.inputs));
  const input = (name: string) => given[name] ?? standIn.inputs[name] ?? "";
  for (const [name, allowed] of Object.entries(standIn.only ?? {}))
    if (!allowed.includes(input(name)))
      throw new Error(`The rehearsal does not support ${name}: ${input(name)} of ${run.step.uses}.`);
  await standIn.main({
    input,
    job,
    log: (line) => job.log.line(line),
    warn: (message) => job.log.annotate({ kind: "warning", message }),
    output: (name, value) => {
      run.outputs[name] = value;
    },
    post: (act) => job.post.push({ name: `Post ${title}`, condition: "always()", scope: run.scope, run: act }),
  });
  return "success";
}

async function runJavaScript(
  job: JobState,
  run: StepRun,
  action: FolderAction,
  inputs: Record<string, string>,
  title: string,
): Promise<Conclusion> {
  const { runs } = action.metadata;
  const state: Record<string, string> = {};
  const start = (entry: string, outputs: Record<string, string>) => {
    const env = {
      ...run.env,
      ...job.service,
      ...inputEnv(inputs),
      ...Object.fromEntries(Object.entries(state).map(([name, value]) => [`STATE_${name}`, value])),
      GITHUB_ACTION: run.actionId,
      GITHUB_ACTION_REPOSITORY: action.repository,
      GITHUB_ACTION_REF: action.ref,
    };
    const effects = { scope: run.scope, outputs, timeout: run.timeout, state };
    const file = join(action.folder, entry);
    const [command, ...args] = nodeFor(file);
    return runWithFiles(job, effects, { command, args: [...args, file], cwd: job.workspace, env });
  };
  const early = runs.pre ? job.pre.get(run.step) : undefined;
  if (early) Object.assign(state, early);
  // The runner registers the post step before main runs, so that it cleans up after a failure too.
  if (runs.post) {
    const act = async () => void (await start(runs.post!, {}));
    job.post.push({ name: `Post ${title}`, condition: runs["post-if"] ?? "always()", scope: run.scope, run: act });
  }
  return start(runs.main!, run.outputs);
}

/** INPUT_<NAME>: spaces become underscores and letters capitals; nothing else changes. */
function inputEnv(inputs: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(inputs).map(([name, value]) => [`INPUT_${name.replaceAll(" ", "_").toUpperCase()}`, value]),
  );
}

async function runComposite(
  job: JobState,
  run: StepRun,
  action: FolderAction,
  inputs: Record<string, string>,
): Promise<Conclusion> {
  const absent = Object.keys(action.metadata.inputs ?? {}).map((name) => [name, ""]);
  const scope: Scope = {
    steps: {},
    inputs: { ...(Object.fromEntries(absent) as Record<string, string>), ...inputs },
    env: { ...run.scope.env, ...ownEnv(job, run) },
    github: { action_path: action.folder, action_ref: action.ref, action_repository: action.repository },
    actionRoot: action.root,
    status: "success",
  };
  await runSteps(job, scope, action.metadata.runs.steps ?? [], `${run.where}, ${run.step.uses}`);
  const { contexts, functions } = stepContexts(job, scope, run.env);
  for (const [name, output] of Object.entries(action.metadata.outputs ?? {}))
    run.outputs[name] = text(output.value ?? "", contexts, functions);
  return scope.status === "success" ? "success" : "failure";
}

/** The variables that the composite's caller set on the step itself. */
function ownEnv(job: JobState, run: StepRun): Record<string, string> {
  return Object.fromEntries(Object.entries(run.env).filter(([name, value]) => job.env[name] !== value));
}
