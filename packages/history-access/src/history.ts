/**
 * How results become history, and how history is read.
 * With the store `artifact`, a test job leaves its segment as an artifact of the run (it needs no permission for that);
 * the run's `record` job, which runs no project code, checks all of them and keeps one artifact; later runs read those.
 * With `ref` and `branch` test jobs do the same, and the `record` job appends to a ref of the repository.
 */
import { UserError, type WorkflowContext } from "@goatnote/action-io";
import {
  type ArtifactFacts,
  artifactStore,
  branchFolder,
  encodeRuns,
  encodeSegment,
  fileStore,
  type MergedRun,
  mergeRun,
  type NamedSegment,
  type RefStore,
  type Run,
  readStore,
  runArtifactName,
  type Store,
  segmentArtifactName,
  segmentPath,
} from "@goatnote/ci-history";
import { gitRefStore } from "./git-ref.ts";
import {
  download,
  isOnDefaultBranch,
  listArtifacts,
  listArtifactsOfRun,
  listDefaultBranchRuns,
  patiently,
  type Repository,
  readRunFacts,
  uploadBytes,
} from "./github.ts";
import { type StoreInputs, type StoreKind, storeKind, storeRef } from "./inputs.ts";

const repositoryOf = ({ token }: StoreInputs, { repository, apiUrl, defaultBranch }: WorkflowContext): Repository => ({
  repository,
  token,
  apiUrl,
  defaultBranch,
});

// GitHub allows a matrix of 256 jobs.
const mostOfOneName = 256;
// What one run may add to the history, and what a stranger's may.
const mostBytes = 512 * 1024 * 1024;
const mostForkBytes = 16 * 1024 * 1024;

/** The store `ref` or `branch`. */
function refOf(inputs: StoreInputs, { serverUrl, repository, temp, defaultBranch }: WorkflowContext): RefStore {
  const ref = storeRef(inputs);
  if (ref === `refs/heads/${defaultBranch}`)
    throw new UserError(
      `Input \`store-location\` is \`${defaultBranch}\`, the default branch; history needs a branch of its own, such as \`telemetry\`.`,
    );
  return gitRefStore({ url: `${serverUrl}/${repository}`, ref, token: inputs.token, temp });
}

/**
 * Hands one job's record over: into the folder, or as an artifact for the `record` job. Of jobs that GitHub names alike
 * (two calls of one reusable workflow, two reports in one job) none is lost: the second becomes `job (2)`.
 */
export async function leaveSegment(run: Run, inputs: StoreInputs, { temp }: WorkflowContext): Promise<void> {
  for (let count = 1; count <= mostOfOneName; count += 1) {
    const named = count === 1 ? run : { ...run, job: `${run.job ?? ""} (${count})` };
    if (await leftOnce(named, inputs, temp)) return;
  }
  throw new UserError(`${mostOfOneName} jobs have the same name and \`variant\`; give each its own \`variant\`.`);
}

/** False where there is a record of this name already. */
async function leftOnce(run: Run, inputs: StoreInputs, temp: string): Promise<boolean> {
  if (inputs.store === "file") {
    const store = fileStore(inputs["store-location"]);
    return (await store.append(segmentPath(run), encodeSegment(run))) === "written";
  }
  return uploadBytes(segmentArtifactName(run), encodeSegment(run), temp);
}

/**
 * Why this job's token may not write to the store; null where it may. GitHub gives runs of forks a token that only
 * reads, whatever the job asks for: such a run is recorded in `workflow_run`, when it has ended.
 */
export function whyUnwritable(
  inputs: StoreInputs,
  { event, trust, workflowRun }: Pick<WorkflowContext, "event" | "trust" | "workflowRun">,
): string | null {
  const kind = storeKind(inputs);
  const isForks = event === "pull_request" && trust === "fork" && workflowRun === null;
  if (!isForks || (kind !== "ref" && kind !== "branch")) return null;
  return "This run is a fork's, whose token may not write, so its results stay among its artifacts.";
}

/**
 * Makes the segments that test jobs left part of the history, with the facts that GitHub states of their run: of this
 * run, or, in `workflow_run`, of the run that ended. In a store that takes a record twice without a change, those of
 * earlier attempts too, so that running a `record` job again records what it could not.
 */
export async function recordRun(inputs: StoreInputs, context: WorkflowContext): Promise<MergedRun> {
  const where = repositoryOf(inputs, context);
  const { id, attempt } = context.workflowRun ?? { id: context.runId, attempt: context.runAttempt };
  const kind = storeKind(inputs);
  const facts = await readRunFacts(where, id);
  // A tag may have the branch's name. Artifacts are checked when they are read, by who has the commits at hand.
  if (facts.defaultBranch && kind !== "artifact") facts.defaultBranch = await isOnDefaultBranch(where, facts.sha);
  const earliest = kind === "artifact" ? attempt : 1;
  const segments = new Map<number, NamedSegment[]>();
  const recorded: MergedRun = { runs: [], rejected: [] };
  const notGiven = new Set<number>();
  const most = facts.trust === "fork" ? mostForkBytes : mostBytes;
  const tooMuch = `a run may leave ${mostOfOneName} records, and not more than ${most >> 20} MiB of them.`;
  let bytesLeft = most;
  for (const artifact of await listArtifactsOfRun(where, id, `telemetry-segment-${id}-`)) {
    const of = Number(artifact.name.split("-").at(-2));
    if (!(of >= earliest && of <= attempt)) continue;
    const reject = (reason: string) => recorded.rejected.push({ name: artifact.name, reason });
    const left = segments.get(of) ?? [];
    segments.set(of, left);
    try {
      if (left.length === mostOfOneName) throw new UserError(tooMuch);
      const bytes = await patiently(() => download(where, artifact));
      if (bytes.length > bytesLeft) throw new UserError(tooMuch);
      bytesLeft -= bytes.length;
      left.push({ name: artifact.name, bytes });
    } catch (error) {
      reject((error as Error).message);
      notGiven.add(of);
    }
  }
  for (const [of, left] of segments) {
    const { runs, rejected } = mergeRun(left, { ...facts, runAttempt: of });
    // Without one of its jobs, a run does not show which tests there are, nor that it was green.
    const isWhole = !notGiven.has(of) && rejected.length === 0;
    recorded.runs.push(...(isWhole ? runs : runs.map((run) => ({ ...run, report_complete: false }))));
    recorded.rejected.push(...rejected);
  }
  await keep(recorded.runs, kind, inputs, context);
  return recorded;
}

async function keep(runs: Run[], kind: StoreKind, inputs: StoreInputs, context: WorkflowContext): Promise<void> {
  const [first] = runs;
  if (!first) return;
  const files = () => runs.map((run) => ({ path: segmentPath(run), bytes: encodeSegment(run) }));
  if (kind === "file") {
    const store = fileStore(inputs["store-location"]);
    for (const { path, bytes } of files()) await store.append(path, bytes);
  } else if (kind === "artifact") {
    if (await uploadBytes(runArtifactName(first), encodeRuns(runs), context.temp)) return;
    throw new UserError(
      `This run has an artifact ${runArtifactName(first)} already, so its results were not recorded. Use one \`record\` job per run, and upload nothing else under this name.`,
    );
  } else {
    const store = refOf(inputs, context);
    await store.appendAll(files()).catch((error: Error) => {
      const kept =
        "Nothing is lost: the results stay among the run's artifacts, and this job records them when it is run again.";
      throw new UserError(`${error.message} ${kept}`, { cause: error });
    });
  }
}

/** Where history is read from: the newest `history-depth` runs, where the store is one of artifacts. */
export function openStore(inputs: StoreInputs, context: WorkflowContext): Store {
  switch (storeKind(inputs)) {
    case "file":
      return fileStore(inputs["store-location"]);
    case "artifact":
      return recordedArtifacts(repositoryOf(inputs, context), context.branch, depthOf(inputs));
    default:
      return refOf(inputs, context);
  }
}

/** How many runs are read. */
export const depthOf = (inputs: StoreInputs): number => inputs["history-depth"] ?? Number.POSITIVE_INFINITY;

/**
 * The history that a change can learn from, oldest run first: of the default branch, and of the change's own branch.
 * @param onUnreadable told of each record that cannot be read; it is passed over
 */
export function openHistory(
  inputs: StoreInputs,
  context: WorkflowContext,
  onUnreadable: (name: string, error: Error) => void,
): AsyncIterable<Run> {
  const own = context.branch === null ? [] : [branchFolder(context.branch)];
  return readStore(openStore(inputs, context), {
    depth: depthOf(inputs),
    folders: ["", ...own],
    wanted: ({ trust }) => trust !== "fork",
    onUnreadable,
  });
}

/** The newest records of the default branch and of the change's own branch, each downloaded once, several at a time. */
function recordedArtifacts(where: Repository, branch: string | null, depth: number): Store {
  const contents = new Map<number, Promise<Buffer>>();
  return artifactStore({
    list: async () => {
      const trusted = await listDefaultBranchRuns(where, depth);
      const wanted = (artifact: ArtifactFacts): boolean => isWanted(artifact, trusted, branch);
      const artifacts = await listArtifacts(where, wanted, depth);
      downloadAhead(where, artifacts, contents);
      return artifacts;
    },
    download: (artifact) => contents.get(artifact.id) ?? download(where, artifact),
    upload: () => Promise.reject(new Error("The history is only read here.")),
  });
}

const RECORD = /^telemetry-run-(\d{1,20})-([1-9]\d{0,5})$/;

/** A record of a trusted run, of an attempt that there was; or of the change's own branch. */
function isWanted(
  { name, runId, trust, branch }: ArtifactFacts,
  trusted: Map<string, number>,
  own: string | null,
): boolean {
  const [, run, attempt] = RECORD.exec(name) ?? [];
  if (run === undefined || run !== runId || trust === "fork") return false;
  const latest = trusted.get(runId);
  return latest !== undefined ? Number(attempt) <= latest : trust === "pull_request" && branch === own;
}

const downloadsAtOnce = 8;

/** Starts to download, the newest first, as they are read; an error waits in its promise until the artifact is read. */
function downloadAhead(
  where: Repository,
  artifacts: readonly ArtifactFacts[],
  contents: Map<number, Promise<Buffer>>,
): void {
  const lanes = new Array<Promise<unknown>>(downloadsAtOnce).fill(Promise.resolve());
  for (const [index, artifact] of artifacts.entries()) {
    const lane = index % downloadsAtOnce;
    const content = (lanes[lane] as Promise<unknown>).then(() => download(where, artifact));
    lanes[lane] = content.catch(() => {});
    contents.set(artifact.id, content);
  }
}
