/**
 * How results become history, and how history is read.
 * With the store `artifact`, a test job leaves its segment as an artifact of the run (it needs no permission for that);
 * the run's `record` job, which runs no project code, checks all of them and keeps one artifact; later runs read those.
 */
import type { WorkflowContext } from "@goatnote/action-io";
import {
  compareRuns,
  decodeRuns,
  decodeSegment,
  encodeRuns,
  encodeSegment,
  fileStore,
  jobHash,
  type Run,
  readStore,
  segmentPath,
} from "@goatnote/ci-history";
import { withFacts } from "./facts.ts";
import {
  type Artifact,
  download,
  listArtifacts,
  listArtifactsOfRun,
  type Repository,
  readRunFacts,
  uploadBytes,
} from "./github.ts";
import type { StoreInputs } from "./inputs.ts";

const segmentName = (runId: string, attempt: number): string => `telemetry-segment-${runId}-${attempt}-`;
const recordName = "telemetry-run-";
const downloadsAtOnce = 8;

const repositoryOf = ({ token }: StoreInputs, { repository, apiUrl, defaultBranch }: WorkflowContext): Repository => ({
  repository,
  token,
  apiUrl,
  defaultBranch,
});

/** Hands one job's record over: into the folder, or as an artifact for the `record` job. */
export async function leaveSegment(run: Run, inputs: StoreInputs, { temp }: WorkflowContext): Promise<void> {
  if (inputs.store === "file") await fileStore(inputs["store-location"]).append(segmentPath(run), encodeSegment(run));
  else await uploadBytes(segmentName(run.run_id, run.run_attempt ?? 1) + jobHash(run), encodeSegment(run), temp);
}

/** What became part of the history, and what did not. */
export interface Recorded {
  recorded: Run[];
  rejected: { name: string; reason: string }[];
}

/** Makes the segments that this run's test jobs left part of the history, with the facts that GitHub states of the run. */
export async function recordRun(inputs: StoreInputs, context: WorkflowContext): Promise<Recorded> {
  const where = repositoryOf(inputs, context);
  const facts = await readRunFacts(where, context.runId);
  const artifacts = await listArtifactsOfRun(where, context.runId, segmentName(context.runId, context.runAttempt));
  const recorded: Run[] = [];
  const rejected: Recorded["rejected"] = [];
  for (const artifact of artifacts) {
    try {
      recorded.push(withFacts(decodeSegment(await download(where, artifact), artifact.name), facts));
    } catch (error) {
      rejected.push({ name: artifact.name, reason: (error as Error).message });
    }
  }
  if (inputs.store === "file") {
    for (const run of recorded) await fileStore(inputs["store-location"]).append(segmentPath(run), encodeSegment(run));
  } else if (recorded.length > 0) {
    await uploadBytes(`${recordName}${context.runId}-${context.runAttempt}`, encodeRuns(recorded), context.temp);
  }
  return { recorded, rejected };
}

/**
 * The history, oldest run first.
 * @param onUnreadable told of each record that cannot be read; it is passed over
 */
export async function* openHistory(
  inputs: StoreInputs,
  context: WorkflowContext,
  onUnreadable: (name: string, error: Error) => void,
): AsyncGenerator<Run> {
  const depth = inputs["history-depth"] ?? Number.POSITIVE_INFINITY;
  if (inputs.store === "file") {
    yield* readStore(fileStore(inputs["store-location"]), { depth, onUnreadable });
    return;
  }
  const where = repositoryOf(inputs, context);
  const artifacts = await listArtifacts(where, recordName, depth);
  const runs: Run[] = [];
  const read = async (artifact: Artifact): Promise<void> => {
    try {
      if (!artifact.facts) throw new Error("GitHub no longer knows its run");
      for (const run of decodeRuns(await download(where, artifact), artifact.name))
        runs.push(withFacts(run, artifact.facts));
    } catch (error) {
      onUnreadable(artifact.name, error as Error);
    }
  };
  const waiting = artifacts.values();
  await Promise.all(
    Array.from({ length: downloadsAtOnce }, async () => {
      for (const artifact of waiting) await read(artifact);
    }),
  );
  yield* runs.sort(compareRuns);
}
