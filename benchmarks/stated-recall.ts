/**
 * Claim: of the red changes, as large a share stays red as was stated beforehand, and little is run for it. Histories run
 * by run from 40 % on, as `ml-test-select/replay` goes through them: each decision by what was known before it.
 *
 *   node benchmarks/stated-recall.ts <history.ndjson[.gz|.zst]>... [--recall 0.95]...
 *
 * Prints for each history and recall the runs that were decided, the red ones and how many of them would have passed
 * unnoticed; the same for those red ones only in which something rested; p, the chance that a recall as stated would have
 * caught so few or fewer (one-sided binomial test; below 0.05 it has not held); and the shares of tests and of test time
 * that ran, all runs taken together, those of a cut that counts tests instead of time, and those of the runs whose cut
 * came from 60 failing runs or more.
 */
import { basename } from "node:path";
import { parseArgs } from "node:util";
import { type Run, readHistory } from "@goatnote/ci-history";
import { chanceOfSoFew, cutFor, isReference, Learner, replayWishes, wholeRuns } from "@goatnote/test-selection";
import { SelectorTally } from "../packages/test-selection/src/selector-tally.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { recall: { type: "string", multiple: true, default: ["0.95", "0.9", "0.8"] } },
});
if (positionals.length === 0) throw new Error("Name history files; see the head of this file.");

const [evaluateFrom, blocks, many] = [0.4, 12, 60];

interface Outcome {
  runs: number;
  red: number;
  escaped: number;
  /** Of the runs in which something rested. */
  rested: { runs: number; red: number };
  all: SelectorTally;
  /** Where tests are counted instead of their time. */
  counted: SelectorTally;
  /** Of the runs with a long calibration. */
  long: SelectorTally;
}

function decide(runs: readonly Run[], recall: number): Outcome {
  const first = Math.floor(runs.length * evaluateFrom);
  const block = Math.max(1, Math.ceil((runs.length - first) / blocks));
  const learner = new Learner();
  const wishes = replayWishes(recall);
  const [all, counted, long] = [new SelectorTally(wishes), new SelectorTally(wishes), new SelectorTally(wishes)];
  const outcome: Outcome = { runs: 0, red: 0, escaped: 0, rested: { runs: 0, red: 0 }, all, counted, long };
  for (const [index, run] of runs.entries()) {
    if (index >= first) {
      if ((index - first) % block === 0) {
        learner.scorers.retraining = "by hand";
        learner.scorers.retrain();
      }
      const past = learner.past(recall);
      const { ranAll, isRed, escaped } = all.decide(past, run);
      // A limit of tests that limits nothing; but what cannot be stated runs everything.
      const states = cutFor(recall, past.best.count) !== null;
      counted.decide(past, run, states ? { ...wishes, maxFraction: 1 } : wishes);
      if (past.best.count.length >= many) long.decide(past, run);
      outcome.runs += 1;
      outcome.red += Number(isRed);
      outcome.escaped += Number(escaped);
      if (!ranAll) outcome.rested.runs += 1;
      if (!ranAll && isRed) outcome.rested.red += 1;
    }
    learner.observe(run);
  }
  return outcome;
}

const share = (value: number | null): string => (value === null ? "   -" : value.toFixed(2));
const costOf = (tally: SelectorTally): string => {
  const { tests_run_fraction, time_fraction } = tally.report();
  return tally.runs === 0 ? "-" : `${share(tests_run_fraction)} ${share(time_fraction)}`;
};
const p = (recall: number, red: number, escaped: number): string =>
  red === 0 ? "-" : chanceOfSoFew(recall, { caught: red - escaped, of: red }).toFixed(2);

const columns = [24, 7, 6, 5, 8, 6, 13, 6, 13, 13, 20];
const line = (cells: readonly (string | number)[]): void =>
  console.log(
    cells
      .map((cell, index) => String(cell).padEnd(columns[index]!))
      .join(" ")
      .trimEnd(),
  );

line([
  "history",
  "stated",
  "runs",
  "red",
  "escaped",
  "p",
  "red, rested",
  "p",
  "tests, time",
  "if counted",
  `from ${many} on: runs, tests, time`,
]);
const totals = new Map(values.recall.map((recall) => [recall, { red: 0, rested: 0, escaped: 0 }]));
for (const path of positionals) {
  const runs = (await Array.fromAsync(wholeRuns(readHistory(path)))).filter(isReference);
  for (const [text, total] of totals) {
    const recall = Number(text);
    const { runs: decided, red, escaped, rested, all, counted, long } = decide(runs, recall);
    total.red += red;
    total.escaped += escaped;
    total.rested += rested.red;
    const restedRed = `${rested.red} of ${rested.runs}`;
    const cost = [costOf(all), costOf(counted), long.runs === 0 ? "none" : `${long.runs}: ${costOf(long)}`];
    line([
      basename(path),
      text,
      decided,
      red,
      escaped,
      p(recall, red, escaped),
      restedRed,
      p(recall, rested.red, escaped),
      ...cost,
    ]);
  }
}
if (positionals.length > 1)
  for (const [text, { red, rested, escaped }] of totals)
    line(["all", text, "", red, escaped, p(Number(text), red, escaped), rested, p(Number(text), rested, escaped)]);
