import { join } from "node:path";
import { condition, text } from "./expressions.ts";
import { type JobState, type Scope, stepContexts } from "./job-state.ts";
import { nodeFor } from "./node.ts";
import { runWithFiles } from "./run-with-files.ts";
import type { Step } from "./workflow.ts";

/** Runs `pre` of the actions that the job itself uses, before any step; local actions have none, as on GitHub. */
export async function runPreSteps(job: JobState, scope: Scope, steps: Step[]): Promise<void> {
  for (const step of steps) {
    if (!step.uses || step.uses.startsWith("./")) continue;
    const action = job.catalog.resolve(step.uses, null, job.workspace, `job ${job.id}`);
    if (action.kind === "stand-in" || !action.metadata.runs.pre) continue;
    const { runs, inputs = {} } = action.metadata;
    const { contexts, functions } = stepContexts(job, scope, job.env);
    if (!condition(runs["pre-if"] ?? "always()", contexts, functions)) continue;
    job.log.line(`##[group]Pre ${step.uses}`);
    job.log.line("##[endgroup]");
    const state: Record<string, string> = {};
    job.pre.set(step, state);
    const env: Record<string, string> = { ...job.env, ...job.service };
    for (const [name, input] of Object.entries(inputs)) {
      const value = step.with?.[name] ?? input?.default;
      if (value !== undefined)
        env[`INPUT_${name.replaceAll(" ", "_").toUpperCase()}`] = text(value, contexts, functions);
    }
    try {
      const file = join(action.folder, runs.pre!);
      const [command, ...args] = nodeFor(file);
      const effects = { scope, outputs: {}, timeout: undefined, state };
      await runWithFiles(job, effects, { command, args: [...args, file], cwd: job.workspace, env });
    } catch (error) {
      job.log.annotate({ kind: "error", message: (error as Error).message });
      scope.status = job.status = "failure";
    }
  }
}
