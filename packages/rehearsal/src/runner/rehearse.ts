import { readFileSync } from "node:fs";
import { basename, isAbsolute, join, resolve } from "node:path";
import type { Backend } from "../backend/backend.ts";
import { type PullRequest, type Run, stableId } from "../backend/state.ts";
import { ActionCatalog } from "./actions.ts";
import { NotTriggered } from "./errors.ts";
import { text } from "./expressions.ts";
import { dispatchInputs } from "./inputs.ts";
import type { JobResult } from "./job.ts";
import { runJobs } from "./jobs.ts";
import { type Event, whyNotTriggered } from "./triggers.ts";
import { readWorkflow, type Workflow } from "./workflow.ts";

export interface RehearsalOptions {
  /** The workflow file: absolute, or relative to the repository. It counts as `.github/workflows/<its name>`. */
  workflow: string;
  /** A git folder: what checkout checks out, and where pushes go. */
  repository: string;
  event: Event;
  /** The full ref, such as refs/heads/main or refs/pull/7/merge. */
  ref: string;
  /** 40 hex digits. */
  sha: string;
  backend: Backend;
  /** A folder with one built action per subfolder: goatnote/<action>@v1 is <actions>/<action>. */
  actions: string;
  secrets?: Record<string, string>;
  vars?: Record<string, string>;
  /** Inputs of a workflow_dispatch. */
  inputs?: Record<string, string | boolean | number>;
  actor?: string;
  /** For every process; PATH entries go before the machine's. */
  env?: Record<string, string>;
  /** Runs jobs that do not wait for each other at the same time. */
  parallel?: boolean;
  /** Keeps the jobs' folders. */
  keep?: boolean;
  onLog?: (line: string, job: string) => void;
  /** When the run was created, RFC 3339; now where absent. */
  createdAt?: string;
  /** The reusable workflow that this stands for, as `owner/name/path@ref`: its jobs sign as that one. */
  calledWorkflow?: string;
}

export interface RehearsalResult {
  conclusion: "success" | "failure" | "cancelled" | "skipped";
  runId: number;
  jobs: JobResult[];
}

/** What all jobs of one run share. */
export interface RunState {
  workflow: Workflow;
  event: Event;
  run: Run;
  backend: Backend;
  catalog: ActionCatalog;
  repository: string;
  github: Record<string, unknown>;
  secrets: Record<string, string>;
  vars: Record<string, string>;
  inputs: Record<string, string | boolean | number>;
  env: Record<string, string>;
  fromFork: boolean;
  parallel: boolean;
  keep: boolean;
  onLog: ((line: string, job: string) => void) | undefined;
  /** Makes a job known to the API. */
  begin(name: string, environment?: string): { finish(conclusion: string): void };
}

interface PullPayload {
  number?: number;
  head?: { ref?: string; sha?: string; repo?: { full_name?: string } };
  base?: { ref?: string };
}

/**
 * Runs a workflow on this machine with GitHub's semantics.
 * @throws NotTriggered, Unsupported, or Error for an invalid workflow; all before anything runs.
 */
export async function rehearse(options: RehearsalOptions): Promise<RehearsalResult> {
  const { backend, event, ref, sha } = options;
  const repository = resolve(options.repository);
  const file = isAbsolute(options.workflow) ? options.workflow : join(repository, options.workflow);
  const path = `.github/workflows/${basename(file)}`;
  const workflow = await readWorkflow(path, readFileSync(file, "utf8"));
  const why = whyNotTriggered(workflow, event, ref, repository);
  if (why) throw new NotTriggered(path, why);
  const catalog = new ActionCatalog(resolve(options.actions), repository, sha);
  for (const [id, job] of Object.entries(workflow.jobs)) catalog.check(job.steps, `job ${id}`);

  const inputs = dispatchInputs(workflow, event, options.inputs ?? {});
  const pull = event.payload.pull_request as PullPayload | undefined;
  const fork =
    event.name === "pull_request" && (pull?.head?.repo?.full_name ?? backend.repository) !== backend.repository;
  const secrets = fork ? {} : (options.secrets ?? {});
  if (pull?.number) backend.state.pulls.set(pull.number, pull as PullRequest);
  backend.state.gitDir = repository;
  const actor = options.actor ?? "octocat";
  const run = backend.registerRun({
    workflow: workflow.name ?? path,
    path,
    event: event.name,
    ref,
    sha: pull?.head?.sha ?? sha,
    headBranch: pull?.head?.ref ?? ref.replace(/^refs\/(heads|tags)\//, ""),
    headRepository: pull?.head?.repo?.full_name ?? backend.repository,
    headRef: pull?.head?.ref ?? "",
    baseRef: pull?.base?.ref ?? "",
    actor,
    ...(options.createdAt ? { createdAt: options.createdAt } : {}),
    ...(options.calledWorkflow ? { calledWorkflow: options.calledWorkflow } : {}),
    pullRequests: pull?.number
      ? [{ number: pull.number, headSha: pull.head?.sha ?? sha, baseRef: pull.base?.ref ?? "" }]
      : [],
  });
  const payload = event.name === "workflow_dispatch" ? { inputs, ...event.payload } : event.payload;
  const state: RunState = {
    workflow,
    event: { name: event.name, payload },
    run,
    backend,
    catalog,
    repository,
    github: githubContext(workflow, run, backend, event.name, sha),
    secrets,
    vars: options.vars ?? {},
    inputs,
    env: options.env ?? {},
    fromFork: fork,
    parallel: options.parallel ?? false,
    keep: options.keep ?? false,
    onLog: options.onLog,
    begin: (name, environment) => begun(run, backend, name, environment),
  };
  state.github.run_name = text(workflow["run-name"] ?? "", { github: state.github, inputs, vars: state.vars });
  const jobs = await runJobs(state);
  const conclusions = jobs.map(({ conclusion }) => conclusion);
  const conclusion =
    (["failure", "cancelled", "success"] as const).find((each) => conclusions.includes(each)) ?? "skipped";
  Object.assign(run, { status: "completed", conclusion });
  return { conclusion, runId: run.id, jobs };
}

function begun(run: Run, backend: Backend, name: string, environment: string | undefined) {
  const record = {
    id: backend.state.nextId(),
    name,
    status: "in_progress" as "in_progress" | "completed",
    conclusion: null as string | null,
    startedAt: new Date().toISOString(),
    completedAt: null as string | null,
    ...(environment ? { environment } : {}),
  };
  run.jobs.push(record);
  return {
    finish: (conclusion: string) =>
      void Object.assign(record, { status: "completed", conclusion, completedAt: new Date().toISOString() }),
  };
}

/** The `github` context before a job adds its own. https://docs.github.com/en/actions/reference/workflows-and-actions/contexts */
function githubContext(workflow: Workflow, run: Run, backend: Backend, event: string, sha: string) {
  const { repository, state, url, serverUrl } = backend;
  const owner = repository.split("/")[0]!;
  const name = workflow.name ?? run.path;
  return {
    actor: run.actor,
    actor_id: String(stableId(run.actor)),
    triggering_actor: run.actor,
    api_url: url,
    graphql_url: `${url}/graphql`,
    server_url: serverUrl,
    base_ref: run.baseRef,
    head_ref: run.headRef,
    event_name: event,
    ref: run.ref,
    ref_name: run.ref.replace(/^refs\/(heads|tags|pull)\//, ""),
    ref_type: run.ref.startsWith("refs/tags/") ? "tag" : "branch",
    ref_protected: "false",
    repository,
    repository_id: String(state.repositoryId),
    repository_owner: owner,
    repository_owner_id: String(stableId(owner)),
    repository_visibility: state.visibility,
    retention_days: "90",
    run_id: String(run.id),
    run_number: String(run.number),
    run_attempt: String(run.attempt),
    secret_source: "Actions",
    sha,
    workflow: name,
    workflow_ref: `${repository}/${run.path}@${run.ref}`,
    workflow_sha: sha,
  } as Record<string, unknown>;
}
