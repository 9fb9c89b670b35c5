/** What the reader sees of a replay. */
import { code, table } from "@goatnote/action-io";
import type { PolicyReport, ReplayReport } from "@goatnote/test-selection";
import { reliability } from "./reliability.ts";

const two = (value: number): string => value.toFixed(3);
const percent = (share: number): string => `${Math.round(share * 100)} %`;

/** The decision in one sentence, the policies side by side, the curve of budget against recall, and what was not checked. */
export function summariseReplay({
  runs,
  evaluated_runs,
  failing_runs,
  all,
  new: fresh,
  versus,
  selector,
}: ReplayReport): string {
  const caught = failing_runs - selector.runs_escaped;
  const cost =
    selector.time_fraction === null
      ? `${percent(selector.tests_run_fraction)} of the tests`
      : `${percent(selector.time_fraction)} of the test time`;
  const evaluated = `\n${evaluated_runs} of ${runs} full runs were evaluated, each by what was known before it. Everything ran in ${selector.full_runs} of them`;
  if (failing_runs === 0)
    return `### Nothing failed, so nothing is told of recall; ${cost} would have run\n${evaluated}. Orders of tests can be compared, and a recall stated, once runs of the default branch have failed.\n`;
  const budgets = Object.keys(all.model.change_recall);
  const rows = (slice: Record<string, PolicyReport>): string[][] =>
    Object.entries(slice).map(([name, { apfd, apfdc, change_recall, failure_recall }]) => [
      code(name),
      two(apfd),
      two(apfdc),
      ...budgets.map((budget) => `${two(change_recall[budget] ?? 0)} / ${two(failure_recall[budget] ?? 0)}`),
    ]);
  const header = ["policy", "APFD", "APFDc", ...budgets.map((budget) => `recall at ${percent(Number(budget))}`)];
  return [
    `### ${caught} of ${failing_runs} red changes would have stayed red, with ${cost} run\n`,
    `${evaluated}; ${selector.failures_missed} failing tests rested.\n`,
    "\n**All failures**; recall is of red changes / of failing tests\n",
    table(header, rows(all)),
    compared(versus.all),
    curve(all),
    "\n**New failures only**, of tests that passed in their run before\n",
    table(header, rows(fresh)),
    reliability(selector.reliability, selector.ece),
    "\nNot checked: whether coming changes resemble these. A test that failed for no reason of the change counts as a failure here.\n",
  ].join("");
}

/** What resampling the failing runs says of the model's lead. */
function compared(versus: ReplayReport["versus"]["all"]): string {
  const rows = Object.entries(versus).flatMap(([name, difference]) => {
    if (difference === null) return [];
    const { mean, low, high } = difference;
    const verdict = low > 0 ? "better" : high < 0 ? "worse" : "not told apart";
    return [[code(name), two(mean), `${two(low)} to ${two(high)}`, verdict]];
  });
  return table(["`model` less", "APFDc", "95 % interval over failing runs", "`model` is"], rows);
}

function curve(all: Record<string, PolicyReport>): string {
  const points = (name: string): string =>
    Object.values(all[name]?.change_recall ?? {})
      .map(two)
      .join(", ");
  const budgets = Object.keys(all.model?.change_recall ?? {}).map((budget) => `"${percent(Number(budget))}"`);
  if (budgets.length === 0) return "";
  // The chart has no legend, cuts a longer title off, and draws its first line almost white by default.
  const colours = '%%{init: {"themeVariables": {"xyChart": {"plotColorPalette": "#1f6feb, #8c959f"}}}}%%';
  return `\n\`\`\`mermaid\n${colours}\nxychart-beta\n  title "Red changes caught: this order blue, random grey"\n  x-axis "share of the test time" [${budgets.join(", ")}]\n  y-axis "recall" 0 --> 1\n  line [${points("model")}]\n  line [${points("random")}]\n\`\`\`\n`;
}
