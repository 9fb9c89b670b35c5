/** What the API says of an artifact overrides what the artifact says of itself: any job can write any content. */
import { HistoryError } from "./checks.ts";
import type { Run, Trust } from "./model.ts";
import { decodeSegment, jobHash } from "./segment.ts";

/** The workflow run an artifact came from, as the host's API tells it. */
export interface RunFacts {
  runId: string;
  runAttempt?: number;
  /** The commit that was tested, 40 hex digits. */
  sha: string;
  branch: string;
  /** True for a run of the repository's own default branch. */
  defaultBranch: boolean;
  trust: Trust;
  /** The event that started the run, where the API was asked for it. */
  event?: string;
  /** When the artifact was made, ISO 8601: no test began after it. */
  createdAt: string;
}

/** A run of GitHub ends after 35 days at the latest. */
const LONGEST_RUN_MS = 35 * 24 * 3600 * 1000;

/**
 * The run with run id, attempt, commit, event, branch and trust from the API. A start that cannot be true becomes the
 * time at which the artifact was made, so that no one places a run in the future.
 */
export function withFacts(run: Run, facts: RunFacts): Run {
  const { event: _event, ...own } = run;
  return {
    ...own,
    run_id: facts.runId,
    run_attempt: facts.runAttempt ?? run.run_attempt ?? 1,
    sha: facts.sha,
    started_at: credible(run.started_at, facts.createdAt),
    branch: facts.branch || undefined,
    default_branch: facts.defaultBranch && facts.trust === "push",
    trust: facts.trust,
    ...(facts.event !== undefined && { event: facts.event }),
  };
}

function credible(startedAt: string, createdAt: string): string {
  const [started, made] = [Date.parse(startedAt), Date.parse(createdAt)];
  if (Number.isNaN(made)) throw new HistoryError(`The artifact's time ${JSON.stringify(createdAt)} is no instant.`);
  return started <= made && started >= made - LONGEST_RUN_MS ? startedAt : new Date(made).toISOString();
}

/** An artifact that one job left: its name and its only file. */
export interface NamedSegment {
  name: string;
  bytes: Uint8Array;
}

/** What {@link mergeRun} took, and what not. */
export interface MergedRun {
  runs: Run[];
  rejected: { name: string; reason: string }[];
}

const SEGMENT_ARTIFACT = /^telemetry-segment-(.+)-([1-9]\d{0,5})-([0-9a-f]{16})$/;

/** Name of the artifact that a test job leaves: `telemetry-segment-<run>-<attempt>-<job hash>`. */
export function segmentArtifactName(run: Run): string {
  return `telemetry-segment-${run.run_id}-${run.run_attempt ?? 1}-${jobHash(run)}`;
}

/**
 * The jobs of one workflow run: each segment is checked and gets the facts. Rejected, with the reason, is what is
 * broken, what names another run, attempt or job than its own, and the second of two equal jobs.
 */
export function mergeRun(segments: Iterable<NamedSegment>, facts: RunFacts): MergedRun {
  const merged: MergedRun = { runs: [], rejected: [] };
  const names = new Set<string>();
  for (const { name, bytes } of segments) {
    try {
      if (names.has(name)) throw new HistoryError(`${name}: a second segment of this job.`);
      merged.runs.push(withFacts(checkedSegment(name, bytes, facts), facts));
      names.add(name);
    } catch (error) {
      merged.rejected.push({ name, reason: (error as Error).message });
    }
  }
  return merged;
}

function checkedSegment(name: string, bytes: Uint8Array, facts: RunFacts): Run {
  const [, run, attempt, job] = SEGMENT_ARTIFACT.exec(name) ?? [];
  if (run === undefined) throw new HistoryError(`${name}: not the name of a segment.`);
  if (run !== facts.runId || (facts.runAttempt !== undefined && Number(attempt) !== facts.runAttempt)) {
    const of = facts.runAttempt === undefined ? facts.runId : `${facts.runId}, attempt ${facts.runAttempt}`;
    throw new HistoryError(`${name}: names another run than ${of}, which left it.`);
  }
  const content = decodeSegment(bytes, name);
  if (jobHash(content) !== job) throw new HistoryError(`${name}: holds another job than its name says.`);
  return { ...content, run_attempt: Number(attempt) };
}
