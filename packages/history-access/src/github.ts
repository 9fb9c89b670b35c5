/** Runs and artifacts of a repository on GitHub: what the API says, and the bytes. */
import { createHash } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { UserError } from "@goatnote/action-io";
import type { ArtifactFacts, RunFacts } from "@goatnote/ci-history";

/** Whose runs, and with which token. */
export interface Repository {
  /** `owner/name` */
  repository: string;
  token: string;
  apiUrl: string;
  defaultBranch: string | null;
}

interface ListedArtifact {
  id: number;
  name: string;
  digest?: string | null;
  expired: boolean;
  size_in_bytes: number;
  created_at?: string | null;
  workflow_run?: {
    id?: number;
    repository_id?: number;
    head_repository_id?: number;
    head_branch?: string | null;
    head_sha?: string;
  } | null;
}

// A page has 100 artifacts of all kinds, so that projects with 20 artifacts a run still see 200 runs.
const mostPages = 40;
// A record of 100,000 tests has about 1 MB.
const mostBytes = 64 * 1024 * 1024;

async function request(
  where: Repository,
  path: string,
  parameters: Record<string, unknown>,
  doing: string,
  permission = "actions: read",
) {
  if (where.token === "") throw new UserError(`${doing} needs a token. Leave input \`token\` at its default.`);
  const { getOctokit } = await import("@actions/github");
  const [owner, repo] = where.repository.split("/");
  try {
    return await getOctokit(where.token, { baseUrl: where.apiUrl }).request(`GET /repos/{owner}/{repo}/${path}`, {
      owner,
      repo,
      ...parameters,
    });
  } catch (error) {
    const status = (error as { status?: number }).status;
    if (status !== 401 && status !== 403 && status !== 404)
      throw new Error(`${doing} failed: ${(error as Error).message}`, { cause: error });
    throw new UserError(
      `${doing} was refused (HTTP ${status}). Give the job \`permissions: ${permission}\`, and leave \`token\` at its default.`,
      { cause: error },
    );
  }
}

/** The newest artifacts of all runs that `wanted` keeps, at most `enough`, the newest first. */
export const listArtifacts = (
  where: Repository,
  wanted: (artifact: ArtifactFacts) => boolean,
  enough: number,
): Promise<ArtifactFacts[]> => list(where, "actions/artifacts", wanted, enough);

/** The artifacts of one run whose names begin with `prefix`. */
export const listArtifactsOfRun = (where: Repository, runId: string, prefix: string): Promise<ArtifactFacts[]> =>
  list(
    where,
    `actions/runs/${Number(runId)}/artifacts`,
    ({ name }) => name.startsWith(prefix),
    Number.POSITIVE_INFINITY,
  );

async function list(
  where: Repository,
  path: string,
  wanted: (artifact: ArtifactFacts) => boolean,
  enough: number,
): Promise<ArtifactFacts[]> {
  const found: ArtifactFacts[] = [];
  for (let page = 1; page <= mostPages && found.length < enough; page += 1) {
    const { data } = await request(where, path, { per_page: 100, page }, "Listing artifacts");
    const artifacts = data.artifacts as ListedArtifact[];
    const usable = artifacts.filter(({ expired, size_in_bytes }) => !expired && size_in_bytes <= mostBytes);
    found.push(...usable.flatMap((artifact) => factsOf(artifact, where)).filter(wanted));
    if (artifacts.length < 100) break;
  }
  return found.slice(0, enough);
}

// Events whose run tests what the branch holds. Others may run a proposal's code, and still name the default branch.
const ownEvents: ReadonlySet<string> = new Set(["push", "schedule", "workflow_dispatch"]);

interface ListedRun {
  id: number;
  event: string;
  head_branch: string | null;
  run_attempt?: number;
  repository?: { id?: number };
  head_repository?: { id?: number } | null;
}

/** The latest runs that tested the repository's own default branch, at least `enough` if there are so many: run id to latest attempt. */
export async function listDefaultBranchRuns(where: Repository, enough: number): Promise<Map<string, number>> {
  const found = new Map<string, number>();
  if (where.defaultBranch === null) return found;
  for (let page = 1; page <= mostPages && found.size < enough; page += 1) {
    const { data } = await request(
      where,
      "actions/runs",
      { branch: where.defaultBranch, per_page: 100, page },
      "Listing runs",
    );
    const runs = data.workflow_runs as ListedRun[];
    for (const run of runs) if (testsBranch(run, where.defaultBranch)) found.set(String(run.id), run.run_attempt ?? 1);
    if (runs.length < 100) break;
  }
  return found;
}

function testsBranch({ event, head_branch, repository, head_repository }: ListedRun, branch: string | null): boolean {
  const own = repository?.id !== undefined && repository.id === head_repository?.id;
  return own && ownEvents.has(event) && branch !== null && head_branch === branch;
}

/** Nothing where GitHub no longer knows the run: then nobody knows whose results these are. */
function factsOf(
  { id, name, digest, created_at, workflow_run: run }: ListedArtifact,
  { defaultBranch }: Repository,
): ArtifactFacts[] {
  if (!run?.id || !run.head_sha || !created_at) return [];
  const own = run.repository_id !== undefined && run.repository_id === run.head_repository_id;
  const branch = run.head_branch ?? "";
  const onDefault = own && defaultBranch !== null && branch === defaultBranch;
  const trust = !own ? "fork" : onDefault ? "push" : "pull_request";
  return [
    {
      id,
      name,
      digest: digest ?? null,
      createdAt: created_at,
      runId: String(run.id),
      sha: run.head_sha,
      branch,
      trust,
      defaultBranch: onDefault,
    },
  ];
}

/** What GitHub says of one run. */
export async function readRunFacts(where: Repository, runId: string): Promise<RunFacts> {
  const { data } = await request(where, `actions/runs/${Number(runId)}`, {}, `Reading run ${runId}`);
  const own = data.head_repository?.id === data.repository?.id && data.repository?.id !== undefined;
  const pushed = ownEvents.has(data.event);
  return {
    runId: String(data.id),
    sha: data.head_sha,
    branch: data.head_branch ?? "",
    trust: !own ? "fork" : pushed ? "push" : "pull_request",
    defaultBranch: testsBranch(data, where.defaultBranch),
    event: data.event,
    runAttempt: data.run_attempt,
    createdAt: new Date().toISOString(),
  };
}

const waits = [500, 2000];

/** Tries again, twice, what the host or the network may do a moment later; not what was refused. */
export async function patiently<T>(work: () => Promise<T>): Promise<T> {
  for (const wait of waits) {
    try {
      return await work();
    } catch (error) {
      if (error instanceof UserError) throw error;
      await sleep(wait);
    }
  }
  return work();
}

/** Whether a commit is the default branch's, now or in its past. */
export async function isOnDefaultBranch(where: Repository, sha: string): Promise<boolean> {
  const basehead = `${where.defaultBranch}...${sha}`;
  const doing = `Comparing ${sha} with ${where.defaultBranch}`;
  const compared = await patiently(() =>
    request(where, "compare/{basehead}", { basehead, per_page: 1 }, doing, "contents: read"),
  ).catch((error: Error) => {
    // No commit of both branches, or a commit that a forced push left behind.
    if ((error.cause as { status?: number } | undefined)?.status === 404) return null;
    throw error;
  });
  return compared !== null && ["identical", "behind"].includes(compared.data.status);
}

/** The bytes of an artifact that was uploaded unzipped. Read by hand, since the official client unpacks what strangers made. */
export async function download(
  where: Repository,
  { id, digest }: Pick<ArtifactFacts, "id" | "digest">,
): Promise<Buffer> {
  const doing = `Downloading artifact ${id}`;
  const { headers } = await request(
    where,
    "actions/artifacts/{artifact_id}/zip",
    { artifact_id: id, request: { redirect: "manual" } },
    doing,
  );
  if (!headers.location) throw new Error(`${doing} failed: the API named no place to download it from.`);
  const response = await fetch(headers.location, { signal: AbortSignal.timeout(60_000) });
  if (!response.ok || !response.body) throw new Error(`${doing} failed: HTTP ${response.status}.`);
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body) {
    bytes += chunk.length;
    if (bytes > mostBytes) throw new Error(`${doing} failed: it has more than ${mostBytes >> 20} MiB.`);
    chunks.push(chunk);
  }
  const content = Buffer.concat(chunks);
  const actual = `sha256:${createHash("sha256").update(content).digest("hex")}`;
  if (digest && digest !== actual)
    throw new Error(`${doing} failed: it has the digest ${actual}, but GitHub recorded ${digest}.`);
  return content;
}

/** Makes a file an artifact of this run, unzipped, under the file's name. Needs no permission. */
export async function uploadFile(path: string): Promise<void> {
  const { DefaultArtifactClient } = await import("@actions/artifact");
  await new DefaultArtifactClient().uploadArtifact(basename(path), [path], dirname(path), { skipArchive: true });
}

/** Makes bytes an artifact of this run. @returns false where the run has an artifact of this name already */
export async function uploadBytes(name: string, bytes: Uint8Array, temp: string): Promise<boolean> {
  const folder = await mkdtemp(join(temp, "telemetry-"));
  try {
    const path = join(folder, name);
    await writeFile(path, bytes);
    await uploadFile(path);
    return true;
  } catch (error) {
    if (/\b409\b|already exists/.test((error as Error).message)) return false;
    throw error;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
