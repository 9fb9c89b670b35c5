/** The shapes of the history: what one CI job ran, and how each test ended. */

/** How one execution of a test ended. `not_run`: a plan skipped it, which is never a pass. */
export const statuses = [
  "pass",
  "fail",
  "error",
  "skip",
  "xfail",
  "xpass",
  "todo",
  "disabled",
  "timeout",
  "not_run",
] as const;
export type Status = (typeof statuses)[number];

/** A file that a change touched, with its lines added and deleted; 0 and 0 for binary files. */
export interface FileChange {
  /** Relative to the repository, with forward slashes. */
  path: string;
  added: number;
  deleted: number;
  /** Decision points (`if`, `for`, `&&` …) after the change less those before it; absent where it is not known. */
  decision_delta?: number;
  /** Days since the file last changed before; absent for a new file, and where it is not known. */
  age_days?: number;
  /** How many people had changed the file before, of those in the commits that were read. */
  authors?: number;
}

/** One execution of one test. */
export interface Execution {
  /** The test's identity, see `identity.ts`. Parameters and variant are beside it, not in it. */
  id: string;
  /** Relative to the repository, with forward slashes; null where the report does not tell and it cannot be resolved. */
  file: string | null;
  status: Status;
  /** Milliseconds; null where the report states none, or nothing that can be true. */
  duration_ms: number | null;
  /** Counts from 1; above 1 it is a retry of the same test in the same job. */
  attempt?: number;
  /** The parameters of a parametrised test, or `#2` for the second of two equal ids. */
  param?: string;
  /** Matrix leg, browser project. */
  variant?: string;
  /** Probability with which the plan would run the test, 0 to 1. */
  p_run?: number;
  /** Why it failed, as far as the user asked to keep it. */
  message?: string;
}

/** How many imports lie between a file and the nearest changed one: 0 for a changed file, 1 for one that imports it. */
export interface ImportDistance {
  path: string;
  distance: number;
}

/** How alike the changed lines and a file of tests are, 0 to 1. */
export interface TextSimilarity {
  path: string;
  similarity: number;
}

/** How the tests of a run were chosen. */
export interface Selection {
  mode: "full" | "select" | "explore";
  /** `sha256:` and the hex digest of the plan file. */
  plan_digest: string;
  target_recall: number;
}

/** Where a run's results come from. Forks are never used for training or calibration. */
export const trustLevels = ["push", "pull_request", "fork"] as const;
export type Trust = (typeof trustLevels)[number];

/** What one job of one CI run did: one line of a history file, one segment of a store. */
export interface Run {
  run_id: string;
  /** 40 hex digits of the commit that was tested. */
  sha: string | null;
  /** ISO 8601, UTC. */
  started_at: string;
  author: string | null;
  changes: FileChange[];
  tests: Execution[];
  /** Files of tests from which imports lead to the change, in the sources as they were; a file that is not named is not linked so. Absent where nobody looked. */
  import_distances?: ImportDistance[];
  /** Files of tests that share identifiers with the changed lines; a file that is not named shares none. Absent where nobody looked. */
  text_similarities?: TextSimilarity[];
  run_attempt?: number;
  job?: string;
  variant?: string;
  event?: string;
  branch?: string;
  /** True where the run tested the repository's default branch. */
  default_branch?: boolean;
  trust?: Trust;
  /** False where reports were missing, cut or unreadable, so that an absent test says nothing. */
  report_complete?: boolean;
  /** How many jobs the plan was spread over; a run with fewer records than that is incomplete. */
  shards?: number;
  selection?: Selection;
  /** Present where no person made the change: a seeded mutant of `ml-test-select/bootstrap`. */
  origin?: "mutation";
}
