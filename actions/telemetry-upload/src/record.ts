/** `telemetry-upload/record`: what this run's test jobs left becomes part of the history. Runs no project code. */
import { code, plain, readContext, readInputs, say, setOutputs, table, writeSummary } from "@goatnote/action-io";
import { recordRun, storeContradictions } from "@goatnote/history-access";
import { recordInputs } from "./inputs.ts";

export async function record(): Promise<void> {
  const inputs = readInputs(recordInputs, process.env, storeContradictions);
  const context = await readContext(process.env);
  const { runs: recorded, rejected } = await recordRun(inputs, context);
  for (const { name, reason } of rejected) say(`Refused ${name}: ${reason}`);
  setOutputs({ recorded: recorded.length, rejected: rejected.length });
  const tests = recorded.reduce((sum, run) => sum + run.tests.length, 0);
  const sentence =
    recorded.length === 0
      ? "No test job of this run left results, so nothing was recorded."
      : `${tests} test results of ${recorded.length} jobs are now part of the history.`;
  const refused = table(
    ["refused", "why"],
    rejected.map(({ name, reason }) => [code(name), plain(reason)]),
  );
  await writeSummary(`### Test history\n\n${sentence}\n${refused}`, process.env.GITHUB_STEP_SUMMARY);
}
