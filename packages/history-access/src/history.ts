/**
 * How results become history, and how history is read.
 * With the store `artifact`, a test job leaves its segment as an artifact of the run (it needs no permission for that);
 * the run's `record` job, which runs no project code, checks all of them and keeps one artifact; later runs read those.
 */
import { UserError, type WorkflowContext } from "@goatnote/action-io";
import {
  type ArtifactFacts,
  artifactStore,
  encodeRuns,
  encodeSegment,
  fileStore,
  type MergedRun,
  mergeRun,
  type NamedSegment,
  type Run,
  readStore,
  runArtifactName,
  type Store,
  segmentArtifactName,
  segmentPath,
} from "@goatnote/ci-history";
import { download, listArtifacts, listArtifactsOfRun, type Repository, readRunFacts, uploadBytes } from "./github.ts";
import type { StoreInputs } from "./inputs.ts";

const repositoryOf = ({ token }: StoreInputs, { repository, apiUrl, defaultBranch }: WorkflowContext): Repository => ({
  repository,
  token,
  apiUrl,
  defaultBranch,
});

// GitHub allows a matrix of 256 jobs.
const mostOfOneName = 256;

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

/** Makes the segments that this run's test jobs left part of the history, with the facts that GitHub states of the run. */
export async function recordRun(inputs: StoreInputs, context: WorkflowContext): Promise<MergedRun> {
  const where = repositoryOf(inputs, context);
  const facts = await readRunFacts(where, context.runId);
  const prefix = `telemetry-segment-${context.runId}-${context.runAttempt}-`;
  const segments: NamedSegment[] = [];
  const rejected: MergedRun["rejected"] = [];
  for (const artifact of await listArtifactsOfRun(where, context.runId, prefix)) {
    try {
      segments.push({ name: artifact.name, bytes: await download(where, artifact) });
    } catch (error) {
      rejected.push({ name: artifact.name, reason: (error as Error).message });
    }
  }
  const merged = mergeRun(segments, { ...facts, runAttempt: context.runAttempt });
  const [first] = merged.runs;
  if (inputs.store === "file") {
    for (const run of merged.runs)
      await fileStore(inputs["store-location"]).append(segmentPath(run), encodeSegment(run));
  } else if (first && !(await uploadBytes(runArtifactName(first), encodeRuns(merged.runs), context.temp)))
    throw new UserError(
      `This run has an artifact ${runArtifactName(first)} already, so its results were not recorded. Use one \`record\` job per run, and upload nothing else under this name.`,
    );
  return { runs: merged.runs, rejected: [...rejected, ...merged.rejected] };
}

/**
 * The history that a change can learn from, oldest run first: of the default branch, and of the change's own branch.
 * @param onUnreadable told of each record that cannot be read; it is passed over
 */
export function openHistory(
  inputs: StoreInputs,
  context: WorkflowContext,
  onUnreadable: (name: string, error: Error) => void,
): AsyncIterable<Run> {
  const depth = inputs["history-depth"] ?? Number.POSITIVE_INFINITY;
  const store =
    inputs.store === "file"
      ? fileStore(inputs["store-location"])
      : recordedArtifacts(repositoryOf(inputs, context), context.branch, depth);
  return readStore(store, { depth, onUnreadable });
}

/** The newest records of the default branch and of the change's own branch, each downloaded once, several at a time. */
function recordedArtifacts(where: Repository, branch: string | null, depth: number): Store {
  const wanted = (artifact: ArtifactFacts): boolean =>
    artifact.name.startsWith("telemetry-run-") &&
    artifact.trust !== "fork" &&
    (artifact.defaultBranch || artifact.branch === branch);
  const contents = new Map<number, Promise<Buffer>>();
  return artifactStore({
    list: async () => {
      const artifacts = await listArtifacts(where, wanted, depth);
      downloadAhead(where, artifacts, contents);
      return artifacts;
    },
    download: (artifact) => contents.get(artifact.id) ?? download(where, artifact),
    upload: () => Promise.reject(new Error("The history is only read here.")),
  });
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
