/** What the reader sees of a training. */
import { plain, seconds, table } from "@goatnote/action-io";
import type { ModelReport } from "@goatnote/test-selection";
import { reliability } from "./reliability.ts";

const three = (value: number | null): string => (value === null ? "not known" : value.toFixed(3));

/** What selections use now, how well it orders, what it goes by, and what was not checked. */
export function summariseTraining(report: ModelReport): string {
  const { scorer, runs, failing_runs, tried_runs, apfdc, auc, average_precision, f1, weights, train_seconds } = report;
  const what = scorer === "logistic" ? "the learned model" : "the hand-weighted sum";
  const why =
    weights === null
      ? "There are too few failing runs to learn from."
      : scorer === "logistic"
        ? "It has ordered past failing runs better than the hand-weighted sum."
        : "The learned model has not ordered past failing runs better yet, or cannot state the recall.";
  return [
    `### Selections score by ${what}\n`,
    `\n${why} Learnt from ${runs} full runs, ${failing_runs} of them failing, in ${seconds(train_seconds)}.\n`,
    table(
      ["on failing runs, each scored before it was learnt", "learned model", "hand-weighted sum"],
      [
        ["runs", String(tried_runs.logistic), String(tried_runs["hand-weighted-sum"])],
        ["mean APFDc", three(apfdc.logistic), three(apfdc["hand-weighted-sum"])],
      ],
    ),
    table(
      ["separation of failing from passing tests, learned model", ""],
      [
        ["AUC", three(auc)],
        ["average precision", three(average_precision)],
        ["largest F1", three(f1)],
      ],
    ),
    reliability(report.reliability, report.ece),
    table(
      ["what the learned model goes by", "weight"],
      (weights ?? []).slice(0, 12).map(({ feature, weight }) => [plain(feature), weight.toFixed(2)]),
    ),
    "\nWeights are of standardised features: above 0 they speak for a failure. Not checked: whether coming changes resemble these.\n",
  ].join("");
}
