/** `telemetry-upload/export`: the history as one file. */
import { resolve } from "node:path";
import { warning } from "@actions/core";
import { code, describe, readContext, readInputs, setOutputs, writeSummary } from "@goatnote/action-io";
import { type Run, writeHistory } from "@goatnote/ci-history";
import { openHistory, storeContradictions } from "@goatnote/history-access";
import { exportInputs } from "./inputs.ts";

export async function exportHistory(): Promise<void> {
  const inputs = readInputs(exportInputs, process.env, storeContradictions);
  const context = await readContext(process.env);
  const count = { runs: 0, executions: 0 };
  const skip = (name: string, error: Error): void =>
    warning(`${name} cannot be read and was passed over: ${describe(error)}`);
  async function* counted(): AsyncGenerator<Run> {
    for await (const run of openHistory(inputs, context, skip)) {
      count.runs += 1;
      count.executions += run.tests.length;
      yield run;
    }
  }
  await writeHistory(resolve(context.workspace, inputs.output), counted());
  setOutputs({ runs: count.runs, executions: count.executions });
  await writeSummary(
    `### History exported\n\n${count.executions} test executions of ${count.runs} test jobs are in ${code(inputs.output)}.\n`,
    process.env.GITHUB_STEP_SUMMARY,
  );
}
