import type { Backend } from "../backend/backend.ts";
import type { Permissions } from "../backend/tokens.ts";
import type { ActionCatalog } from "./actions.ts";
import type { Subjects } from "./artifact-subjects.ts";
import type { Contexts } from "./expressions.ts";
import type { JobLog } from "./log.ts";
import type { Defaults, Step } from "./workflow.ts";

export type Status = "success" | "failure" | "cancelled";
export type Conclusion = Status | "skipped";

export interface StepResult {
  id: string;
  name: string;
  /** Before `continue-on-error`. */
  outcome: Conclusion;
  conclusion: Conclusion;
  outputs: Record<string, string>;
}

/** A post step that waits for the end of the job. */
export interface PostStep {
  name: string;
  condition: string;
  scope: Scope;
  run: () => Promise<void>;
}

/** What all steps of one job share. */
export interface JobState {
  readonly id: string;
  readonly log: JobLog;
  readonly catalog: ActionCatalog;
  readonly backend: Backend;
  readonly runId: number;
  readonly permissions: Permissions;
  /** The source repository on this machine. */
  readonly repository: string;
  readonly workspace: string;
  readonly temp: string;
  readonly token: string;
  /** From the machine, below everything else. */
  readonly machine: Record<string, string>;
  /** GITHUB_*, RUNNER_* and CI, above everything else. */
  readonly defaults: Record<string, string>;
  /** ACTIONS_*: for JavaScript actions. */
  readonly service: Record<string, string>;
  readonly runDefaults: NonNullable<Defaults["run"]>;
  /** All contexts that stay the same during the job. */
  readonly contexts: Contexts;
  /** The `env` context: workflow, job and what steps wrote to GITHUB_ENV. */
  readonly env: Record<string, string>;
  /** What steps wrote to GITHUB_PATH, the last first. */
  readonly path: string[];
  /** What steps declared in GITHUB_ARTIFACTS, by name. */
  readonly artifacts: Subjects;
  /** The state that `pre` of a step's action left. */
  readonly pre: Map<Step, Record<string, string>>;
  readonly post: PostStep[];
  readonly results: StepResult[];
  /** Process groups that steps started. */
  readonly groups: number[];
  status: Status;
}

/** Where steps see each other: a job, or one use of a composite action. */
export interface Scope {
  readonly steps: Record<string, { outputs: Record<string, string>; outcome: Conclusion; conclusion: Conclusion }>;
  /** The inputs of the composite action; null in the job itself, where the workflow's inputs count. */
  readonly inputs: Record<string, string> | null;
  /** Variables that the composite's caller gave it. */
  readonly env: Record<string, string>;
  /** What the `github` context says inside a composite action. */
  readonly github: Record<string, string>;
  /** The folder of the composite's repository, for `$/…`; null in the job itself. */
  readonly actionRoot: string | null;
  status: Status;
}

/** The contexts a step's expressions see, and the status functions. */
export function stepContexts(job: JobState, scope: Scope, env: Record<string, string>) {
  const { contexts } = job;
  const composite = scope.inputs !== null;
  return {
    contexts: {
      ...contexts,
      env,
      steps: scope.steps,
      inputs: scope.inputs ?? contexts.inputs,
      github: () => ({ ...(contexts.github as object), ...scope.github }),
      job: { status: job.status },
      // A composite action sees no secrets.
      secrets: composite ? null : contexts.secrets,
    } satisfies Contexts,
    functions: {
      success: () => scope.status === "success",
      failure: () => scope.status === "failure",
      cancelled: () => scope.status === "cancelled",
      always: () => true,
    },
  };
}
