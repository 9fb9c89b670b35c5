/** What the runner says about the run, read once and handed on as plain values. */
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";

/** The pull request that a run is about. */
export interface PullRequest {
  number: number;
  baseSha: string;
  headSha: string;
  labels: string[];
  /** Its head is in another repository. */
  fork: boolean;
}

export interface WorkflowContext {
  /** `owner/name`. */
  repository: string;
  event: string;
  /** The commit that is checked out by default: for a pull request the merge of head and base. */
  sha: string;
  ref: string;
  /** The branch that changes come from: of a pull request its head. Null for tags. */
  branch: string | null;
  defaultBranch: string | null;
  onDefaultBranch: boolean;
  /** The commit that a pull request or a merge group would be merged into; null for other events. */
  base: string | null;
  /** The branch that a pull request or a merge group would be merged into; null for other events. */
  baseBranch: string | null;
  /** The commit before a push; null for other events. */
  before: string | null;
  pullRequest: PullRequest | null;
  /** The run whose end started this one (event `workflow_run`); null for other events. */
  workflowRun: { id: string; attempt: number } | null;
  trust: "push" | "pull_request" | "fork";
  runId: string;
  runAttempt: number;
  job: string;
  actor: string;
  workspace: string;
  /** A folder that the runner empties after the job. */
  temp: string;
  apiUrl: string;
  /** Where git finds repositories, such as `https://github.com`. */
  serverUrl: string;
}

/** The parts of an event's payload that are read here. All of it is data of strangers. */
interface Payload {
  before?: unknown;
  merge_group?: { base_sha?: unknown; base_ref?: unknown };
  workflow_run?: { id?: unknown; run_attempt?: unknown };
  repository?: { default_branch?: unknown; full_name?: unknown };
  pull_request?: {
    number?: unknown;
    labels?: { name?: unknown }[];
    base?: { sha?: unknown; ref?: unknown };
    head?: { sha?: unknown; ref?: unknown; repo?: { full_name?: unknown } | null };
  };
}

const text = (value: unknown): string => (typeof value === "string" ? value : "");

/**
 * Reads the runner's variables and the event's file.
 * https://docs.github.com/en/actions/reference/workflows-and-actions/variables
 */
export async function readContext(environment: NodeJS.ProcessEnv): Promise<WorkflowContext> {
  const variable = (name: string): string => environment[name] ?? "";
  const payload = await readPayload(variable("GITHUB_EVENT_PATH"));
  const repository = variable("GITHUB_REPOSITORY");
  const ref = variable("GITHUB_REF");
  const event = variable("GITHUB_EVENT_NAME");
  const pullRequest = payload.pull_request ? readPullRequest(payload.pull_request, repository) : null;
  const defaultBranch = text(payload.repository?.default_branch) || null;
  const branch = pullRequest
    ? variable("GITHUB_HEAD_REF") || null
    : ref.startsWith("refs/heads/")
      ? ref.slice("refs/heads/".length)
      : null;
  return {
    repository,
    event,
    sha: variable("GITHUB_SHA"),
    ref,
    branch,
    defaultBranch,
    onDefaultBranch:
      trustOf(event, pullRequest) === "push" && defaultBranch !== null && ref === `refs/heads/${defaultBranch}`,
    base: pullRequest?.baseSha || text(payload.merge_group?.base_sha) || null,
    baseBranch:
      text(payload.pull_request?.base?.ref) ||
      text(payload.merge_group?.base_ref).replace(/^refs\/heads\//, "") ||
      null,
    before: event === "push" ? text(payload.before) || null : null,
    pullRequest,
    workflowRun: event === "workflow_run" ? readWorkflowRun(payload.workflow_run) : null,
    trust: trustOf(event, pullRequest),
    runId: variable("GITHUB_RUN_ID"),
    runAttempt: Number(variable("GITHUB_RUN_ATTEMPT")) || 1,
    job: variable("GITHUB_JOB"),
    actor: variable("GITHUB_ACTOR"),
    workspace: variable("GITHUB_WORKSPACE") || process.cwd(),
    temp: variable("RUNNER_TEMP") || tmpdir(),
    apiUrl: variable("GITHUB_API_URL") || "https://api.github.com",
    serverUrl: variable("GITHUB_SERVER_URL") || "https://github.com",
  };
}

/** An event about a pull request that does not say whose head it is counts as foreign. */
function trustOf(event: string, pullRequest: PullRequest | null): WorkflowContext["trust"] {
  if (pullRequest) return pullRequest.fork ? "fork" : "pull_request";
  if (event === "merge_group") return "pull_request";
  return event.startsWith("pull_request") || event === "workflow_run" || event === "issue_comment" ? "fork" : "push";
}

async function readPayload(path: string): Promise<Payload> {
  if (path === "") return {};
  try {
    const payload: unknown = JSON.parse(await readFile(path, "utf8"));
    return payload !== null && typeof payload === "object" ? payload : {};
  } catch {
    return {};
  }
}

function readWorkflowRun(run: Payload["workflow_run"]): WorkflowContext["workflowRun"] {
  const [id, attempt] = [run?.id, run?.run_attempt ?? 1].map(Number) as [number, number];
  const isRun = Number.isSafeInteger(id) && id > 0 && Number.isSafeInteger(attempt) && attempt > 0;
  return isRun ? { id: String(id), attempt } : null;
}

function readPullRequest(
  { number, labels, base, head }: NonNullable<Payload["pull_request"]>,
  repository: string,
): PullRequest {
  return {
    number: Number(number) || 0,
    baseSha: text(base?.sha),
    headSha: text(head?.sha),
    labels: (Array.isArray(labels) ? labels : []).map((label) => text(label?.name)),
    // A head whose repository is gone counts as foreign.
    fork: text(head?.repo?.full_name) !== repository,
  };
}
