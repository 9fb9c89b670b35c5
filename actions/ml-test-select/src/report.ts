/** What the reader sees of a plan. */
import { code, details, plain, seconds, table } from "@goatnote/action-io";
import type { Plan, PlannedTest } from "@goatnote/test-selection";

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
    return `### All tests run\n\n${plain(plan.reason)}\n${howToAct(plan)}`;
  }
  return [
    `### ${plain(plan.reason)}\n`,
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
          .map(({ path, reason }) => `${code(path)} (${plain(reason)})`)
          .join(", ")}\n`
      : "",
    pie(plan, chosen),
    details(`Why these ${chosen.length} tests`, table(["test", "why"], chosen.slice(0, 200).map(row))),
    rest.length > 0
      ? details(`Why ${rest.length} tests rest`, table(["test", "why"], rest.slice(0, 200).map(row)))
      : "",
    howToAct(plan),
  ].join("");
}

const row = ({ id, reason }: PlannedTest): string[] => [code(id), plain(reason)];

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
