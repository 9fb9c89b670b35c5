/** What the reader sees of a plan. */
import { code, details, prose, seconds, table } from "@goatnote/action-io";
import { hasDrifted, type Plan, type PlannedTest, recallInterval, type TreeNode } from "@goatnote/test-selection";
import { percent, reliability } from "./reliability.ts";

const resting = ({ run, tests }: Plan): PlannedTest[] => (run === "all" ? [] : tests.filter((test) => !test.chosen));
const usual = (tests: readonly PlannedTest[]): number =>
  tests.reduce((sum, { duration_ms }) => sum + (duration_ms ?? 0), 0) / 1000;

/** Seconds that the resting tests usually take. */
export const secondsSaved = (plan: Plan): number => usual(resting(plan));

/** The job summary: the decision in one sentence, a small table, a picture, what runs and what rests with the reasons. */
export function summarise(plan: Plan): string {
  const rest = resting(plan);
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
    plan.files.length > 0
      ? `\nWhole files: ${plan.files
          .slice(0, 20)
          .map(({ path, reason }) => `${code(path)} (${prose(reason)})`)
          .join(", ")}\n`
      : "",
    pie(plan, chosen),
    details(`Why these ${chosen.length} tests`, table(["test", "why"], rows(chosen))),
    rest.length > 0 ? details(`Why ${rest.length} tests rest`, table(["test", "why"], rows(rest))) : "",
    tree(plan),
    howItWent(plan),
    howToAct(plan),
  ].join("");
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
  const shown = tests.slice(0, mostRows).map(({ id, reason }) => [code(id), prose(reason)]);
  const more = tests.length - mostRows;
  return more > 0 ? [...shown, [`and ${more} more`, `in ${code("test-plan.json")}, an artifact of this run`]] : shown;
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
