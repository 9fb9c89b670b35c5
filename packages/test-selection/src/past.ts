/** The past of a project, read once in order of time: what to score with, and how well scoring would have done. */
import { posix } from "node:path";
import type { Execution, FileChange, Run } from "@goatnote/ci-history";
import type { ReliabilityBin } from "./calibration.ts";
import { isMoreAlike, isNearer, keepCloser, type SourceLinks } from "./links.ts";
import { Memory, type MemoryState } from "./memory.ts";
import { isReference, outcomes } from "./outcomes.ts";
import { addLeg, type Legs, legOf, legsOf, Reruns, type Suspect, setLegs } from "./reruns.ts";
import type { Score } from "./score.ts";
import { type ScorerName, Scorers, type ScorersState } from "./scorers.ts";
import type { Order } from "./worth.ts";

/** What selection needs to know of the past. */
export interface Past {
  memory: Memory;
  /** Scores every remembered test against a change, by what has done best so far. */
  score(changes: readonly FileChange[], sources: SourceLinks | null): Map<string, Score>;
  /** What scores. */
  model: ScorerName;
  /** The probability to fail that a score stands for, 0 to 1; null where the history cannot tell yet. */
  probability(score: number): number | null;
  /** How probabilities that were stated before came out. */
  reliability: readonly ReliabilityBin[];
  /** For each of the latest failing reference runs, the highest rank of its failing tests, see `recall.ts` and `worth.ts`. */
  best: Record<Order, number[]>;
  /** How many of these runs recorded what of the sources, so that it is in their scores. */
  knowingSources: Record<keyof SourceLinks, number>;
  /** Tests that failed in the latest run of the change's own branch. */
  failedOnBranch: Set<string>;
  /** Full runs of the default branch. */
  referenceRuns: number;
  failingRuns: number;
  /** The commit of the latest complete reference run, see {@link LatestCommit}; null when it is not recorded. */
  lastSha: string | null;
}

/** What a {@link Learner} knows, as JSON. */
export interface LearnerState {
  memory: MemoryState;
  scorers: ScorersState;
  reruns: Suspect[];
  referenceRuns: number;
  failingRuns: number;
  latest: LatestCommit;
}

/**
 * Up to which commit tests are recorded. A run without a job that the one before had may have lost its record, and one without
 * the tests of a file that is still there may have ended early, and with it what was new there, so it does not count; a few in a row say
 * that they are no more.
 */
interface LatestCommit {
  sha: string | null;
  jobs: string[];
  /** The number of that run, see {@link Memory}. */
  at: number;
  /** Runs since then that lacked one of these jobs or the tests of a file, and the files that they changed. */
  lacking: number;
  changed: string[];
}

// A red run may have ended at its first failure, as long as that is there.
const mostLacking = { green: 4, red: 8 };

/** @param memory knows the run already */
function latestCommit(latest: LatestCommit, run: Run, memory: Memory, isRed: boolean): LatestCommit {
  if (run.report_complete === false) return latest;
  const jobs = legsOf(run).whole;
  // A package of Go is a folder.
  const changed = new Set([...latest.changed, ...run.changes.flatMap(({ path }) => [path, posix.dirname(path)])]);
  // A record that names no job does not tell which there are.
  const lacks = latest.jobs.some((job) => job !== "" && !jobs.has(job)) || lacksFile(latest.at, memory, changed);
  if (lacks && latest.lacking < mostLacking[isRed ? "red" : "green"])
    return { ...latest, lacking: latest.lacking + 1, changed: [...changed] };
  return { sha: run.sha, jobs: [...jobs].sort(), at: memory.runs, lacking: 0, changed: [] };
}

/** Whether a file has no test in the latest run that had some in the latest complete one, and no commit changed it. */
function lacksFile(at: number, memory: Memory, changed: ReadonlySet<string>): boolean {
  const [before, now] = [new Set<string>(), new Set<string>()];
  for (const test of memory.tests.values()) {
    if (test.file === null) continue;
    if (memory.wasSeen(test)) now.add(test.file);
    else if (test.lastSeenAt === at) before.add(test.file);
  }
  return before.values().some((file) => !now.has(file) && !changed.has(file));
}

/** Reads the past run by run, oldest first, and can say at any point what is known by then. */
export class Learner {
  readonly memory: Memory;
  readonly scorers: Scorers;
  private reruns = new Reruns();
  private referenceRuns = 0;
  private failingRuns = 0;
  private latest: LatestCommit = { sha: null, jobs: [], at: 0, lacking: 0, changed: [] };

  constructor(memory = new Memory(), scorers = new Scorers(memory)) {
    this.memory = memory;
    this.scorers = scorers;
  }

  /** Takes in a whole run, see `wholeRuns`; one that may not teach is passed over. */
  observe(run: Run): void {
    if (!isReference(run)) return;
    const failed: string[] = [];
    const results = outcomes(run);
    for (const { id, failed: isFailure } of results.values()) if (isFailure) failed.push(id);
    for (const cleared of this.reruns.clear(run, (id) => results.get(id)?.passed === true)) {
      this.memory.clear(cleared.tests);
      this.scorers.clear(cleared.run, cleared.tests);
    }
    const broken = failed.filter((id) => !this.memory.tests.get(id)?.lastFailed);
    this.reruns.observe(run, broken);
    if (failed.length > 0) this.failingRuns += 1;
    // The first run knows no test, and a change that is not recorded has no score: neither says how good scores are.
    if (this.memory.runs > 0) this.scorers.observe(run, failed);
    this.memory.observe(run);
    this.referenceRuns += 1;
    this.latest = latestCommit(this.latest, run, this.memory, failed.length > 0);
  }

  /**
   * What is known now, for a selection that has to state `targetRecall`.
   * @param failedOnBranch see {@link BranchFailures}
   */
  past(targetRecall: number, failedOnBranch: Set<string> = new Set()): Past {
    const { memory, referenceRuns, failingRuns, latest } = this;
    const choice = this.scorers.choose(targetRecall);
    return { ...choice, memory, failedOnBranch, referenceRuns, failingRuns, lastSha: latest.sha };
  }

  get state(): LearnerState {
    const { memory, scorers, reruns, referenceRuns, failingRuns, latest } = this;
    const held = { memory: memory.state, scorers: scorers.state, reruns: reruns.state };
    return { ...held, referenceRuns, failingRuns, latest };
  }

  /** The learner that had this state. */
  static from({ memory: stored, scorers, reruns, ...counts }: LearnerState): Learner {
    const memory = Memory.from(stored);
    const learner = new Learner(memory, Scorers.from(memory, scorers));
    return Object.assign(learner, { reruns: Reruns.from(reruns), ...counts });
  }
}

/** Tests that failed in a branch's own runs and have not passed there since. Runs of the default branch and of forks do not count. */
export class BranchFailures {
  readonly ids = new Set<string>();
  private readonly branch: string | null;

  constructor(branch: string | null) {
    this.branch = branch;
  }

  observe(run: Run): void {
    if (this.branch === null || run.branch !== this.branch || run.trust === "fork" || isReference(run)) return;
    for (const { id, failed } of outcomes(run).values()) {
      if (failed) this.ids.add(id);
      else this.ids.delete(id);
    }
  }
}

/**
 * Reads the past.
 * @param runs oldest first
 * @param branch the branch of the change, whose own failures run again; null when it has none
 * @param targetRecall the recall that a selection will have to state
 */
export async function learn(
  runs: AsyncIterable<Run> | Iterable<Run>,
  branch: string | null = null,
  targetRecall = 0.95,
): Promise<Past> {
  const learner = new Learner();
  const failures = new BranchFailures(branch);
  for await (const run of wholeRuns(runs)) {
    learner.observe(run);
    failures.observe(run);
  }
  return learner.past(targetRecall, failures.ids);
}

/**
 * Joins the jobs of one CI run: a change is red when any of its jobs is, and one job of a run does not predict another.
 * @param runs oldest first; jobs of runs that overlap may alternate
 */
export async function* wholeRuns(runs: AsyncIterable<Run> | Iterable<Run>): AsyncGenerator<Run> {
  const open = new Map<string, Open>();
  const jobsBefore = new Map<string, number>();
  for await (const run of runs) {
    const key = `${run.run_id}\0${run.run_attempt ?? 1}`;
    const known = open.get(key);
    if (known) {
      known.jobs += 1;
      addLeg(known.legs, run);
      join(known.whole, run);
    } else {
      const legs: Legs = { whole: new Set(), red: new Set() };
      addLeg(legs, run);
      open.set(key, { whole: { ...run, tests: told(run) }, jobs: 1, legs });
    }
    // Jobs of one run begin near each other; one that comes later than this many runs stands alone.
    if (open.size > mostOpenRuns) {
      const [oldest, first] = open.entries().next().value as [string, Open];
      open.delete(oldest);
      yield checked(first, jobsBefore);
    }
  }
  for (const rest of open.values()) yield checked(rest, jobsBefore);
}

/** A run whose jobs may still come. */
interface Open {
  whole: Run;
  jobs: number;
  legs: Legs;
}

/**
 * A shard whose job died before it left its record makes the run incomplete; so does running only some of its jobs again.
 * @param jobsBefore for each run the jobs of its largest attempt so far
 */
function checked({ whole, jobs, legs }: Open, jobsBefore: Map<string, number>): Run {
  const least = Math.max(whole.shards ?? 1, jobsBefore.get(whole.run_id) ?? 0);
  jobsBefore.set(whole.run_id, Math.max(jobs, least));
  if (jobs < least) whole.report_complete = false;
  setLegs(whole, legs);
  return whole;
}

const mostOpenRuns = 50;

/** The executions of a job, told apart from those of the run's other jobs where attempts are counted. */
function told(run: Run): Execution[] {
  // The first attempt bears no number.
  const retried = new Set<string>();
  for (const { id, attempt } of run.tests) if (attempt !== undefined) retried.add(id);
  if (retried.size === 0) return [...run.tests];
  return run.tests.map((test) =>
    test.variant === undefined && retried.has(test.id) ? { ...test, variant: legOf(run) } : test,
  );
}

/** The links of jobs that were planned by themselves; of a file that both name, the closer one. */
function closest<T extends { path: string }>(
  one: readonly T[],
  other: readonly T[],
  isCloser: (a: T, b: T) => boolean,
): T[] {
  const links = new Map(one.map((link) => [link.path, link]));
  for (const link of other) keepCloser(links, link.path, link, isCloser);
  return [...links.values()];
}

function join(whole: Run, job: Run): void {
  for (const test of told(job)) whole.tests.push(test);
  if (job.report_complete === false) whole.report_complete = false;
  if (whole.changes.length === 0) whole.changes = job.changes;
  const { import_distances: imports, text_similarities: texts } = job;
  if (imports) whole.import_distances = closest(whole.import_distances ?? [], imports, isNearer);
  if (texts) whole.text_similarities = closest(whole.text_similarities ?? [], texts, isMoreAlike);
  // One job that was cut short, or is not to be trusted, makes the run so.
  if (!isReference(job)) {
    if (job.selection) whole.selection = job.selection;
    if (job.trust) whole.trust = job.trust;
    if (job.default_branch !== undefined) whole.default_branch = job.default_branch;
  }
}
