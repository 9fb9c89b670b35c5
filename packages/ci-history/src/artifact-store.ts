/** A store made of workflow artifacts, for repositories where no job may write. */
import { type RunFacts, withFacts } from "./artifact-facts.ts";
import { HistoryError } from "./checks.ts";
import type { Run } from "./model.ts";
import { decodeRuns, encodeRuns, parseSegmentPath } from "./segment.ts";
import type { Store } from "./store.ts";

/** An artifact as the host's API lists it. */
export interface ArtifactFacts extends RunFacts {
  id: number;
  name: string;
  /** `sha256:` and hex digits, where the host recorded it. */
  digest?: string | null;
}

/** The network side, implemented elsewhere. */
export interface ArtifactClient {
  list(): Promise<ArtifactFacts[]>;
  /** The bytes of the artifact's only file. */
  download(artifact: Pick<ArtifactFacts, "id" | "digest">): Promise<Buffer>;
  upload(name: string, bytes: Uint8Array): Promise<void>;
}

const RUN_ARTIFACT = /^telemetry-run-(\d{1,20})-([1-9]\d{0,5})$/;

/** Name of the artifact in which the record job leaves all jobs of a run: `telemetry-run-<run>-<attempt>`. */
export function runArtifactName(run: Pick<Run, "run_id" | "run_attempt">): string {
  return `telemetry-run-${run.run_id}-${run.run_attempt ?? 1}`;
}

/**
 * The store of a repository's artifacts. It lists what record jobs left, oldest first, as `v1/<yyyy>/<mm>/<run>-<attempt>…`,
 * and gives each run the facts of the API. `append` of a segment leaves it for the record job (`telemetry-segment-…`),
 * of a whole run for readers (`telemetry-run-…`).
 *
 * A record of another run than the one that left it comes from the record job of a fork's run: it is taken from the
 * default branch only, and is always a fork's.
 */
export function artifactStore(client: ArtifactClient): Store {
  let known: Map<string, ArtifactFacts> | undefined;
  const refresh = async () => {
    known = byPath(await client.list());
    return known;
  };
  return {
    chronological: true,
    list: async () => [...(await refresh()).keys()],
    read: async (path) => {
      const artifact = (known ?? (await refresh())).get(path);
      if (!artifact) throw new HistoryError(`${path}: no such artifact; it may have expired.`);
      const runs = decodeRuns(await client.download(artifact), artifact.name);
      return encodeRuns(runs.map((run) => believed(run, artifact)));
    },
    append: async (path, bytes) => {
      const name = artifactNameOf(path);
      const isThere = (await client.list()).some(
        (artifact) => artifact.name === name && artifact.runId === runOf(path),
      );
      if (isThere) return "present";
      await client.upload(name, bytes);
      return "written";
    },
  };
}

const runOf = (path: string): string | undefined => parseSegmentPath(path)?.run;

function artifactNameOf(path: string): string {
  const name = parseSegmentPath(path);
  if (!name) throw new HistoryError(`${JSON.stringify(path)} cannot be an artifact; artifacts hold segments only.`);
  return name.job === undefined
    ? `telemetry-run-${name.run}-${name.attempt}`
    : `telemetry-segment-${name.run}-${name.attempt}-${name.job}`;
}

function byPath(artifacts: ArtifactFacts[]): Map<string, ArtifactFacts> {
  const paths = new Map<string, ArtifactFacts>();
  for (const artifact of artifacts.toSorted((a, b) => Date.parse(a.createdAt) - Date.parse(b.createdAt))) {
    const [, run, attempt] = RUN_ARTIFACT.exec(artifact.name) ?? [];
    const month = /^(\d{4})-(\d\d)-/.exec(artifact.createdAt);
    if (run === undefined || !month) continue;
    const isOwn = artifact.runId === run;
    if (!isOwn && !artifact.defaultBranch) continue;
    const path = `v1/${month[1]}/${month[2]}/${run}-${attempt}.ndjson.zst`;
    // The run's own record is worth more than one made for it.
    if (!paths.has(path) || isOwn) paths.set(path, artifact);
  }
  return paths;
}

function believed(run: Run, artifact: ArtifactFacts): Run {
  const [, id, attempt] = RUN_ARTIFACT.exec(artifact.name)!;
  if (run.run_id !== id || (run.run_attempt ?? 1) !== Number(attempt)) {
    throw new HistoryError(`${artifact.name}: holds run ${run.run_id}, attempt ${run.run_attempt ?? 1}.`);
  }
  if (artifact.runId === id) return withFacts(run, { ...artifact, runAttempt: Number(attempt) });
  return { ...run, trust: "fork", default_branch: false };
}
