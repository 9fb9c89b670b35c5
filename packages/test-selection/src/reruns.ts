/** Failures that are none of the change's: the same commit passed when it was run again. */
import type { Run } from "@goatnote/ci-history";
import { hasFailed } from "./outcomes.ts";

/** A run with failures that a rerun may still clear. */
export interface Suspect {
  run: string;
  run_id: string;
  attempt: number;
  sha: string;
  /** The jobs in which something failed. */
  legs: string[];
  tests: string[];
}

// A rerun comes soon; and who breaks more tests than that has broken the build.
const mostSuspects = 20;
const mostTests = 200;

/** Names a run in what is kept of it. */
export const nameOf = ({ run_id, run_attempt = 1 }: Run): string => `${run_id}-${run_attempt}`;

/** What tells the jobs of a run apart. */
export const legOf = ({ variant, job }: Run): string => variant ?? job ?? "";

/** The jobs of a run that left whole reports, and those in which something failed. */
export interface Legs {
  whole: Set<string>;
  red: Set<string>;
}

const known = new WeakMap<Run, Legs>();

/** Notes the jobs that were joined to a whole run. */
export const setLegs = (whole: Run, legs: Legs): void => void known.set(whole, legs);

/** Adds a job to those of a run. */
export function addLeg(legs: Legs, job: Run): void {
  if (job.report_complete !== false) legs.whole.add(legOf(job));
  if (job.tests.some(({ status }) => hasFailed(status))) legs.red.add(legOf(job));
}

/** The jobs of a run: those that were told, or its only one. */
export function legsOf(run: Run): Legs {
  const joined = known.get(run);
  if (joined) return joined;
  const legs: Legs = { whole: new Set(), red: new Set() };
  addLeg(legs, run);
  return legs;
}

export class Reruns {
  private suspects: Suspect[] = [];

  /** Takes in a run, in which these tests began to fail. */
  observe(run: Run, broken: readonly string[]): void {
    if (run.sha === null || broken.length === 0 || broken.length > mostTests) return;
    const { run_id, run_attempt = 1, sha } = run;
    const legs = [...legsOf(run).red];
    this.suspects.push({ run: nameOf(run), run_id, attempt: run_attempt, sha, legs, tests: [...broken] });
    if (this.suspects.length > mostSuspects) this.suspects.shift();
  }

  /**
   * What this run clears: tests that failed on the same commit in an earlier attempt, and pass now, where all jobs that were
   * red ran again and left whole reports. Two runs of one commit say nothing: they may differ in what is not recorded, such
   * as the workflow.
   * @param passes whether a test of the run passed
   */
  clear(run: Run, passes: (id: string) => boolean): { run: string; tests: string[] }[] {
    const { whole } = legsOf(run);
    const cleared: { run: string; tests: string[] }[] = [];
    this.suspects = this.suspects.flatMap((suspect) => {
      const again = run.run_id === suspect.run_id && (run.run_attempt ?? 1) > suspect.attempt;
      if (!again || run.sha !== suspect.sha || !suspect.legs.every((leg) => whole.has(leg))) return [suspect];
      const tests = suspect.tests.filter(passes);
      if (tests.length > 0) cleared.push({ run: suspect.run, tests });
      const rest = suspect.tests.filter((id) => !passes(id));
      return rest.length > 0 ? [{ ...suspect, tests: rest }] : [];
    });
    return cleared;
  }

  get state(): Suspect[] {
    return this.suspects;
  }

  static from(state: Suspect[]): Reruns {
    const reruns = new Reruns();
    reruns.suspects = state;
    return reruns;
  }
}
