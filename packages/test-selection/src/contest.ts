/** The stored model against the one that is being trained, on failing runs that neither has learnt from. */
import type { Run } from "@goatnote/ci-history";
import type { StoredModel } from "./model-file.ts";
import { isReference, outcomes } from "./outcomes.ts";
import { type Difference, pairedBootstrap } from "./paired-bootstrap.ts";
import type { Learner } from "./past.ts";
import { Scorers } from "./scorers.ts";

/** Mean APFDc of both over the same failing runs: the latest ones that are newer than what the stored model has seen. */
export interface Comparison {
  /** Path of the stored model. */
  against: string;
  failing_runs: number;
  /** Null without a failing run. */
  stored: number | null;
  trained: number | null;
  /** The trained model's APFDc less the stored one's. */
  difference: Difference | null;
  /** The stored model stays: it ordered these runs better beyond chance, or they are too few to tell. */
  keeps_stored: boolean;
}

/** Failing runs; fewer say nothing, and have taught hardly anything either. */
export const fewestToCompare = 5;
// A model that was good long ago is judged by what the project is now.
const latest = 30;
// Which of its ways a model orders by depends on the recall that is asked for.
const stated = 0.95;

export class Contest {
  private readonly learner: Learner;
  private readonly rival: Scorers;
  private readonly against: string;
  private readonly qualities: { stored: number; trained: number }[] = [];

  /** @param learner has not observed any run after those that `stored` has seen */
  constructor(learner: Learner, stored: StoredModel, against: string) {
    this.learner = learner;
    this.against = against;
    this.rival = new Scorers(learner.memory);
    this.rival.adopt(stored);
  }

  /** Lets both order a run, before the learner observes it. */
  observe(run: Run): void {
    if (!isReference(run)) return;
    const failed = [...outcomes(run).values()].filter((outcome) => outcome.failed).map(({ id }) => id);
    if (failed.length === 0) return;
    this.qualities.push({
      trained: this.learner.scorers.qualityOn(run, failed, stated),
      stored: this.rival.qualityOn(run, failed, stated),
    });
    if (this.qualities.length > latest) this.qualities.shift();
    this.rival.observe(run, failed);
  }

  get comparison(): Comparison {
    return { against: this.against, ...compare(this.qualities) };
  }
}

/** Judges by the APFDc of both over the same failing runs. The newer model knows more, so that it is for the stored one to be better. */
export function compare(qualities: readonly { stored: number; trained: number }[]): Omit<Comparison, "against"> {
  const { length } = qualities;
  const mean = (of: "stored" | "trained"): number | null =>
    length === 0 ? null : qualities.reduce((sum, each) => sum + each[of], 0) / length;
  const difference = pairedBootstrap(qualities.map(({ stored, trained }) => trained - stored));
  return {
    failing_runs: length,
    stored: mean("stored"),
    trained: mean("trained"),
    difference,
    keeps_stored: length < fewestToCompare || difference!.high < -1e-9,
  };
}
