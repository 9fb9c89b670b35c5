/** `telemetry-upload/record`: what this run's test jobs left becomes part of the history. Runs no project code. */
import { warning } from "@actions/core";
import {
  code,
  describe,
  everySeconds,
  prose,
  readContext,
  readInputs,
  say,
  setOutputs,
  table,
  type WorkflowContext,
  writeSummary,
} from "@goatnote/action-io";
import {
  depthOf,
  openStore,
  recordRun,
  type StoreInputs,
  storeContradictions,
  storeKind,
  whyUnwritable,
} from "@goatnote/history-access";
import { isReference, keepState } from "@goatnote/test-selection";
import { recordInputs } from "./inputs.ts";

export async function record(): Promise<void> {
  const inputs = readInputs(recordInputs, process.env, storeContradictions);
  const context = await readContext(process.env);
  const unwritable = whyUnwritable(inputs, context);
  if (unwritable !== null) {
    const advice = "A workflow like workflows-examples/record-forks.yml records them when the run has ended.";
    setOutputs({ recorded: 0, rejected: 0 });
    say(`${unwritable} ${advice}`);
    await writeSummary(`### Test history\n\n${unwritable} ${advice}\n`, process.env.GITHUB_STEP_SUMMARY);
    return;
  }
  const { runs: recorded, rejected } = await recordRun(inputs, context);
  for (const { name, reason } of rejected) say(`Refused ${name}: ${reason}`);
  setOutputs({ recorded: recorded.length, rejected: rejected.length });
  if (storeKind(inputs) !== "artifact" && recorded.some(isReference)) await derive(inputs, context);
  const tests = recorded.reduce((sum, run) => sum + run.tests.length, 0);
  const sentence =
    recorded.length === 0
      ? "No test job of this run left results, so nothing was recorded."
      : `${tests} test results of ${recorded.length} jobs are now part of the history.`;
  const refused = table(
    ["refused", "why"],
    rejected.map(({ name, reason }) => [code(name), prose(reason)]),
  );
  await writeSummary(`### Test history\n\n${sentence}\n${refused}`, process.env.GITHUB_STEP_SUMMARY);
}

/** What selections would have to read again and again is read once here. Without it they only take longer. */
async function derive(inputs: StoreInputs, context: WorkflowContext): Promise<void> {
  try {
    const onProgress = everySeconds(5, (done: number, of: number) => say(`Read ${done} of ${of} runs.`));
    const runs = await keepState(openStore(inputs, context), { depth: depthOf(inputs), onProgress });
    if (runs !== null) say(`What ${runs} runs teach is kept in the store, so that a selection reads only newer ones.`);
  } catch (error) {
    warning(`The results are recorded, but what they teach was not derived: ${describe(error)}`);
  }
}
