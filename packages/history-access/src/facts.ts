/** What GitHub says of a run. It stands above whatever the run's own jobs wrote into their records. */
import type { Run, Trust } from "@goatnote/ci-history";

/** Facts of the API, never of an artifact. */
export interface RunFacts {
  runId: string;
  sha: string;
  branch: string;
  trust: Trust;
  /** The run tested the default branch. */
  defaultBranch: boolean;
  /** Known where the run itself was asked for, and not only one of its artifacts. */
  event?: string;
  attempt?: number;
}

/**
 * A record with GitHub's facts in place of its own.
 * @throws Error when the record claims to be of another run
 */
export function withFacts(run: Run, facts: RunFacts): Run {
  if (run.run_id !== facts.runId)
    throw new Error(`it claims to be of run ${run.run_id}, but run ${facts.runId} left it`);
  return {
    ...run,
    sha: facts.sha,
    branch: facts.branch,
    trust: facts.trust,
    default_branch: facts.defaultBranch,
    ...(facts.event !== undefined && { event: facts.event }),
    ...(facts.attempt !== undefined && { run_attempt: facts.attempt }),
  };
}
