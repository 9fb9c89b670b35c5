/** `ml-test-select/replay`: how the selection would have done on the history, beside simple rules. */
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { info, warning } from "@actions/core";
import {
  describe,
  everySeconds,
  readContext,
  readInputs,
  setOutputs,
  UserError,
  writeSummary,
} from "@goatnote/action-io";
import { type Run, readHistory } from "@goatnote/ci-history";
import { openHistory, storeContradictions } from "@goatnote/history-access";
import { replay, replayWishes } from "@goatnote/test-selection";
import { replayInputs } from "./inputs.ts";
import { summariseReplay } from "./replay-report.ts";

export async function replayHistory(): Promise<void> {
  const inputs = readInputs(replayInputs, process.env, storeContradictions);
  const context = await readContext(process.env);
  const skip = (name: string, error: Error): void =>
    warning(`${name} cannot be read and was passed over: ${describe(error)}`);
  const source =
    inputs.history === ""
      ? openHistory(inputs, context, skip)
      : readHistory(resolve(context.workspace, inputs.history));
  const runs: Run[] = await Array.fromAsync(source);
  if (runs.length === 0)
    throw new UserError(
      "The history has no run yet, so there is nothing to replay. Record some runs first, or name a file in `history`.",
    );

  const report = await replay(runs, {
    evaluateFrom: inputs["evaluate-from"] ?? 0.4,
    budgets: inputs.budgets,
    wishes: replayWishes(inputs["target-recall"] ?? 0.95),
    onProgress: everySeconds(5, (done, of) => info(`replayed ${done} of ${of} runs`)),
  });
  const path = resolve(context.workspace, inputs.output);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, `${JSON.stringify(report, null, 2)}\n`);
  setOutputs({ report: path });
  await writeSummary(summariseReplay(report), process.env.GITHUB_STEP_SUMMARY);
}
