import { isExpired } from "./artifacts.ts";
import type { Blobs } from "./blobs.ts";
import { type Call, Refusal, type Reply, type Router } from "./router.ts";
import { type Artifact, type JobRecord, type Run, type State, stableId } from "./state.ts";

const read = { permission: "actions", level: "read" } as const;
const write = { permission: "actions", level: "write" } as const;

/** The REST API about runs, jobs and artifacts. https://docs.github.com/en/rest/actions */
export function actionsRoutes(router: Router, state: State, blobs: Blobs, url: () => string): void {
  const api = `/repos/${state.repository}/actions`;
  const run = ({ params }: Call) => {
    const found = state.runs.get(Number(params.id));
    if (!found) throw new Refusal(404, "Not Found");
    return found;
  };
  const artifact = ({ params }: Call) => {
    const found = state.artifacts.find(({ id, finalized }) => finalized && id === Number(params.id));
    if (!found) throw new Refusal(404, "Not Found");
    return found;
  };
  const runs = (call: Call, of: Run[]) => {
    const { searchParams: query } = call.url;
    const wanted = (name: string, ...values: (string | null | undefined)[]) =>
      !query.get(name) || values.includes(query.get(name));
    const fitting = of.filter(
      (each) =>
        wanted("branch", each.headBranch) &&
        wanted("event", each.event) &&
        wanted("status", each.status, each.conclusion) &&
        wanted("head_sha", each.sha) &&
        wanted("actor", each.actor),
    );
    return paged(call, "workflow_runs", newest(fitting), (each) => runJson(state, each, url()));
  };
  const artifacts = (call: Call, of: Artifact[]) => {
    const name = call.url.searchParams.get("name");
    const fitting = of.filter((each) => each.finalized && (name === null || each.name === name));
    return paged(call, "artifacts", newest(fitting), (each) => artifactJson(state, each, url()));
  };

  router.on("GET", `${api}/runs`, read, (call) => runs(call, [...state.runs.values()]));
  router.on("GET", `${api}/workflows/:file/runs`, read, (call) =>
    runs(
      call,
      [...state.runs.values()].filter(
        ({ path }) => path.endsWith(`/${call.params.file}`) || String(stableId(path)) === call.params.file,
      ),
    ),
  );
  router.on("GET", `${api}/runs/:id`, read, (call) => ({ json: runJson(state, run(call), url()) }));
  router.on("GET", `${api}/runs/:id/attempts/:attempt`, read, (call) => {
    if (run(call).attempt !== Number(call.params.attempt)) throw new Refusal(404, "Not Found");
    return { json: runJson(state, run(call), url()) };
  });
  for (const path of [`${api}/runs/:id/jobs`, `${api}/runs/:id/attempts/:attempt/jobs`])
    router.on("GET", path, read, (call) => paged(call, "jobs", run(call).jobs, (job) => jobJson(run(call), job)));
  router.on("GET", `${api}/runs/:id/artifacts`, read, (call) =>
    artifacts(
      call,
      state.artifacts.filter(({ runId }) => runId === run(call).id),
    ),
  );
  router.on("GET", `${api}/artifacts`, read, (call) => artifacts(call, state.artifacts));
  router.on("GET", `${api}/artifacts/:id`, read, (call) => ({ json: artifactJson(state, artifact(call), url()) }));
  router.on("GET", `${api}/artifacts/:id/zip`, read, (call) => {
    if (isExpired(artifact(call))) throw new Refusal(410, "Artifact has expired");
    return { status: 302, headers: { location: blobs.signed(artifact(call).blob, "r") } };
  });
  router.on("DELETE", `${api}/artifacts/:id`, write, (call) => {
    state.artifacts.splice(state.artifacts.indexOf(artifact(call)), 1);
    return { status: 204 };
  });
}

function newest<T extends { id: number; createdAt: string }>(items: T[]): T[] {
  return items.toSorted((a, b) => b.createdAt.localeCompare(a.createdAt) || b.id - a.id);
}

function paged<T>({ url }: Call, key: string, items: T[], shape: (item: T) => unknown): Reply {
  const size = Math.min(Number(url.searchParams.get("per_page") ?? 30), 100);
  const page = Number(url.searchParams.get("page") ?? 1);
  const last = Math.max(Math.ceil(items.length / size), 1);
  const link = (to: number, rel: string) => {
    const target = new URL(url);
    target.searchParams.set("page", String(to));
    return `<${target}>; rel="${rel}"`;
  };
  const headers: Record<string, string> = {};
  if (page < last) headers.link = [link(page + 1, "next"), link(last, "last")].join(", ");
  return {
    headers,
    json: { total_count: items.length, [key]: items.slice((page - 1) * size, page * size).map(shape) },
  };
}

/** A repository as other objects refer to it. */
export function repositoryJson(state: State, name = state.repository) {
  const [owner = "", short = ""] = name.split("/");
  return {
    id: name === state.repository ? state.repositoryId : stableId(name),
    name: short,
    full_name: name,
    private: state.visibility === "private",
    fork: name !== state.repository,
    owner: { login: owner, id: stableId(owner), type: "Organization" },
  };
}

/** A user as other objects refer to it. */
function userJson(login: string) {
  return { login, id: stableId(login), type: "User" };
}

function runJson(state: State, run: Run, url: string) {
  const self = `${url}/repos/${state.repository}/actions/runs/${run.id}`;
  const updated = run.jobs.map(({ completedAt, startedAt }) => completedAt ?? startedAt).sort();
  return {
    id: run.id,
    name: run.workflow,
    display_title: run.workflow,
    path: run.path,
    workflow_id: stableId(run.path),
    run_number: run.number,
    run_attempt: run.attempt,
    event: run.event,
    status: run.status,
    conclusion: run.conclusion,
    head_branch: run.headBranch,
    head_sha: run.sha,
    head_commit: { id: run.sha },
    created_at: run.createdAt,
    run_started_at: run.createdAt,
    updated_at: updated.at(-1) ?? run.createdAt,
    actor: userJson(run.actor),
    triggering_actor: userJson(run.actor),
    repository: repositoryJson(state),
    head_repository: repositoryJson(state, run.headRepository),
    // GitHub lists none for a pull request that comes from a fork.
    pull_requests: (run.headRepository === state.repository ? run.pullRequests : []).map((pull) => ({
      number: pull.number,
      head: { ref: run.headBranch, sha: pull.headSha },
      base: { ref: pull.baseRef },
    })),
    url: self,
    jobs_url: `${self}/jobs`,
    artifacts_url: `${self}/artifacts`,
    html_url: `https://github.com/${state.repository}/actions/runs/${run.id}`,
  };
}

function jobJson(run: Run, job: JobRecord) {
  return {
    id: job.id,
    run_id: run.id,
    run_attempt: run.attempt,
    workflow_name: run.workflow,
    head_branch: run.headBranch,
    head_sha: run.sha,
    name: job.name,
    status: job.status,
    conclusion: job.conclusion,
    started_at: job.startedAt,
    completed_at: job.completedAt,
    steps: [],
  };
}

function artifactJson(state: State, artifact: Artifact, url: string) {
  const run = state.runs.get(artifact.runId);
  const self = `${url}/repos/${state.repository}/actions/artifacts/${artifact.id}`;
  return {
    id: artifact.id,
    name: artifact.name,
    size_in_bytes: artifact.size,
    digest: artifact.digest,
    expired: isExpired(artifact),
    created_at: artifact.createdAt,
    updated_at: artifact.createdAt,
    expires_at: artifact.expiresAt,
    url: self,
    archive_download_url: `${self}/zip`,
    workflow_run: run && {
      id: run.id,
      repository_id: state.repositoryId,
      head_repository_id: repositoryJson(state, run.headRepository).id,
      head_branch: run.headBranch,
      head_sha: run.sha,
    },
  };
}
