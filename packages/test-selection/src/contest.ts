/** The stored model against the one that is being trained, on failing runs that neither has learnt from. */
import type { Run } from "@goatnote/ci-history";
import type { StoredModel } from "./model-file.ts";
import { isReference, outcomes } from "./outcomes.ts";
import type { Learner } from "./past.ts";
import { Scorers } from "./scorers.ts";

/** Mean APFDc of both over the same failing runs, all newer than what the stored model has seen. */
export interface Comparison {
  /** Path of the stored model. */
  against: string;
  failing_runs: number;
  /** Null without a failing run. */
  stored: number | null;
  trained: number | null;
  /** The stored model stays: it ordered these runs better, or they are too few to tell. */
  keeps_stored: boolean;
}

// Fewer say nothing, and have taught hardly anything either.
const fewestToCompare = 5;

export class Contest {
  private readonly learner: Learner;
  private readonly rival: Scorers;
  private readonly against: string;
  private readonly sums = { failingRuns: 0, stored: 0, trained: 0 };

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
    this.sums.failingRuns += 1;
    this.sums.trained += this.learner.scorers.qualityOn(run, failed, stated);
    this.sums.stored += this.rival.qualityOn(run, failed, stated);
    this.rival.observe(run, failed);
  }

  get comparison(): Comparison {
    const { failingRuns, stored, trained } = this.sums;
    const mean = (sum: number): number | null => (failingRuns === 0 ? null : sum / failingRuns);
    return {
      against: this.against,
      failing_runs: failingRuns,
      stored: mean(stored),
      trained: mean(trained),
      keeps_stored: failingRuns < fewestToCompare || trained < stored - 1e-9,
    };
  }
}

const stated = 0.95;
