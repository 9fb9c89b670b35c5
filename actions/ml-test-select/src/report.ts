/** What the reader sees of a plan. */
import { code, details, prose, seconds, table } from "@goatnote/action-io";
import {
  hasDrifted,
  isCompanion,
  type Plan,
  type PlannedTest,
  type Runner,
  recallInterval,
  type TreeNode,
} from "@goatnote/test-selection";
import { percent, reliability } from "./reliability.ts";

const resting = ({ run, tests }: Plan): PlannedTest[] => (run === "all" ? [] : tests.filter((test) => !test.chosen));
const usual = (tests: readonly PlannedTest[]): number =>
  tests.reduce((sum, { duration_ms }) => sum + (duration_ms ?? 0), 0) / 1000;

/** Seconds that the resting tests usually take. */
export const secondsSaved = (plan: Plan): number => usual(resting(plan));

/** What the runner is told to run. */
const pieces = { test: "test", file: "file", folder: "package" };

/**
 * The job summary: the decision in one sentence, a small table, a picture, what runs and what rests with the reasons.
 * Where the runner is given files or packages, these have one reason for all of their tests.
 */
export function summarise(plan: Plan, runner: Runner | null): string {
  const rest = resting(plan);
  const piece = pieces[runner?.granularity ?? "test"];
  const reasons = (tests: readonly PlannedTest[]): string =>
    piece === "test" ? table(["test", "why"], rows(tests)) : table([piece, "tests", "why"], rowsTogether(tests));
  const chosen = plan.tests.filter((test) => test.chosen);
  const would = plan.mode === "observe" && plan.confidence !== 1;
  if (plan.run === "all" && !would && plan.mode !== "prioritize") {
    return `### All tests run\n\n${prose(plan.reason)}\n${plan.coverage.of > 0 ? howItWent(plan) : ""}${howToAct(plan)}`;
  }
  return [
    `### ${prose(plan.reason)}\n`,
    table(
      ["", "tests", "usual duration"],
      [
        [
          would ? "would run" : plan.mode === "prioritize" ? "first" : "run",
          String(chosen.length),
          seconds(usual(chosen)),
        ],
        [
          would ? "would rest" : plan.mode === "prioritize" ? "after" : "rest",
          String(plan.tests.length - chosen.length),
          seconds(usual(plan.tests) - usual(chosen)),
        ],
      ],
    ),
    wholeFiles(plan),
    pie(plan, chosen),
    details(`Why these ${chosen.length} tests`, reasons(chosen)),
    rest.length > 0 ? details(`Why ${rest.length} tests rest`, reasons(rest)) : "",
    tree(plan),
    howItWent(plan),
    howToAct(plan),
  ].join("");
}

const mostFiles = 20;

function wholeFiles({ files }: Plan): string {
  if (files.length === 0) return "";
  const named = files.slice(0, mostFiles).map(({ path, reason }) => `${code(path)} (${prose(reason)})`);
  const more = files.length > mostFiles ? ` and ${files.length - mostFiles} more` : "";
  return `\nWhole files: ${named.join(", ")}${more}\n`;
}

/** What decided, as a picture. */
function tree({ tree }: Plan): string {
  if (tree === null) return "";
  const { chosen, resting } = tree.fidelity;
  const agrees = `One small tree, learnt from this plan, decides alike for ${percent(chosen)} of the chosen and ${percent(resting)} of the resting tests. It explains, and decides nothing.`;
  return details(
    "What decided, in one picture",
    `${agrees}\n\n\`\`\`mermaid\nflowchart TD\n${flowchart(tree.tree)}\n\`\`\``,
  );
}

function flowchart(node: TreeNode, id = "n"): string {
  if (!("question" in node)) return `  ${id}(["${node.chosen ? "run" : "rest"}: ${node.agree} of ${node.tests}"])`;
  return [
    `  ${id}{"${node.question}?"}`,
    flowchart(node.yes, `${id}y`),
    flowchart(node.no, `${id}n`),
    `  ${id} -- yes --> ${id}y`,
    `  ${id} -- no --> ${id}n`,
  ].join("\n");
}

/** Whether what was stated before has come true. */
function howItWent({ coverage, model, mode, target_recall, tests }: Plan): string {
  const interval = recallInterval(coverage);
  if (interval === null)
    return details(
      "How it has gone",
      `No recall could be stated before a past failure yet. ${reliability(model.reliability, model.ece)}`,
    );
  const held = `Of the latest ${coverage.of} red changes before which a recall of ${target_recall} could be stated, ${coverage.caught} would have been noticed: a recall from ${percent(interval.low)} to ${percent(interval.high)} (95 % interval).`;
  const drifted = hasDrifted(target_recall, coverage);
  const rests = tests.some(({ chosen }) => !chosen);
  const advice = drifted
    ? " Stay with `mode: observe`: the stated recall has not held."
    : rests
      ? " The stated recall has held so far; with `mode: select` the tests that are not chosen would rest."
      : "";
  return details(
    "How it has gone",
    held + (mode === "observe" ? advice : "") + reliability(model.reliability, model.ece),
  );
}

// A summary holds 1 MiB.
const mostRows = 200;

function rows(tests: readonly PlannedTest[]): string[][] {
  return bounded(tests.map(({ id, reason }) => [code(id), prose(reason)]));
}

/** A row for all tests of a file or package, with the reason of the first that has one of its own. */
function rowsTogether(tests: readonly PlannedTest[]): string[][] {
  const groups = Map.groupBy(tests, ({ id, file }) => file ?? id);
  return bounded(
    [...groups].map(([name, group]) => {
      const { reason } = group.find((test) => !isCompanion(test)) ?? group[0]!;
      return [code(name), String(group.length), prose(reason)];
    }),
  );
}

function bounded(rows: string[][]): string[][] {
  const more = rows.length - mostRows;
  if (more <= 0) return rows;
  const between = rows[0]!.slice(2).map(() => "");
  const last = [`and ${more} more`, ...between, `in ${code("test-plan.json")}, an artifact of this run`];
  return [...rows.slice(0, mostRows), last];
}

function pie(plan: Plan, chosen: PlannedTest[]): string {
  const timed = plan.tests.some(({ duration_ms }) => duration_ms !== null);
  const part = (tests: readonly PlannedTest[]): number => (timed ? Math.round(usual(tests) * 1000) : tests.length);
  const [run, all] = [part(chosen), part(plan.tests)];
  if (all === 0) return "";
  return `\n\`\`\`mermaid\npie showData title Test ${timed ? "time in milliseconds" : "count"}\n  "chosen" : ${run}\n  "resting" : ${all - run}\n\`\`\`\n`;
}

function howToAct({ history, target_recall, base, head }: Plan): string {
  const compared = base && head ? `Compared: ${code(base.slice(0, 10))} to ${code(head.slice(0, 10))}. ` : "";
  return `\n${compared}History: ${history.runs} full runs, ${history.failing_runs} of them failing. Target recall: ${target_recall}. Not checked: whether a resting test would fail; the next full run of the default branch shows it. To run everything, add the label \`full-tests\` (input \`opt-out-label\`).\n`;
}
