/** What the reader sees of a training. */
import { plain, seconds, table } from "@goatnote/action-io";
import { type Comparison, fewestToCompare, type ModelReport } from "@goatnote/test-selection";
import { percent, reliability } from "./reliability.ts";

const three = (value: number | null): string => (value === null ? "not known" : value.toFixed(3));

/** Why the trained model replaces the one in the store, or does not, with both figures. */
export function verdict(comparison: Comparison, kept: boolean): string {
  const { failing_runs, stored, trained, difference, keeps_stored } = comparison;
  const runs = `${failing_runs} failing ${failing_runs === 1 ? "run" : "runs"} that it had not seen`;
  const figures =
    stored === null || trained === null || difference === null
      ? ""
      : ` On the latest ${runs}, the mean APFDc is ${trained.toFixed(3)} by the new model and ${stored.toFixed(3)} by the stored one (95 % interval of the difference: ${difference.low.toFixed(3)} to ${difference.high.toFixed(3)}).`;
  if (kept && keeps_stored) return `The stored model was replaced by \`force\`.${figures}`;
  if (kept) return `The stored model was replaced, since it is not ahead beyond chance.${figures}`;
  return failing_runs >= fewestToCompare
    ? `The stored model stays, since it orders better.${figures} Set \`force\` to replace it all the same.`
    : `The stored model stays: there are ${runs}, too few to tell which is better.${figures} Set \`force\` to replace it all the same.`;
}

/** What selecting would have saved and missed lately. */
function saved({ time_saved, selector }: ModelReport): string {
  const { runs, failing_runs, runs_escaped, full_runs, target_recall } = selector;
  const tests = `${percent(1 - selector.tests_run_fraction)} of the tests`;
  const what = time_saved === null ? tests : `${percent(time_saved)} of the test time (${tests})`;
  const missed =
    failing_runs === 0
      ? "None of these runs failed."
      : `Of the ${failing_runs} that failed, ${runs_escaped === 0 ? "all" : failing_runs - runs_escaped} would have stayed red.`;
  return `\nIn the latest ${runs} full runs, each decided by what was known before it, selections at a recall of ${target_recall} would have saved ${what}; everything ran in ${full_runs} of them. ${missed}\n`;
}

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
    report.kept ? `### Selections score by ${what}\n` : "### The model in the store stays\n",
    report.comparison ? `\n${verdict(report.comparison, report.kept)}\n` : "",
    `\n${report.kept ? "" : `Of the model that was trained and is not used: it would score by ${what}. `}${why} Learnt from ${runs} full runs, ${failing_runs} of them failing, in ${seconds(train_seconds)}.\n`,
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
    saved(report),
    reliability(report.reliability, report.ece),
    table(
      ["what the learned model goes by", "weight"],
      (weights ?? []).slice(0, 12).map(({ feature, weight }) => [plain(feature), weight.toFixed(2)]),
    ),
    table(
      ["what telling failing from passing tests loses without it", "log loss, nats"],
      (report.importance ?? []).slice(0, 12).map(({ feature, importance }) => [plain(feature), importance.toFixed(4)]),
    ),
    report.importance === null
      ? ""
      : "\nEach of these features was shuffled among the newest fifth of the examples, five times, and scored by a model of the older ones (permutation importance). Features that say the same share it.\n",
    "\nWeights are of standardised features: above 0 they speak for a failure. Not checked: whether coming changes resemble these.\n",
  ].join("");
}
