/** `ml-test-select/train`: learns from the whole history anew, and leaves the model in the store for selections to use. */
import { mkdir, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { endGroup, startGroup, warning } from "@actions/core";
import {
  describe,
  everySeconds,
  readContext,
  readInputs,
  say,
  setOutputs,
  UserError,
  writeSummary,
} from "@goatnote/action-io";
import { depthOf, openStore, storeContradictions, storeKind } from "@goatnote/history-access";
import { encodeModel, modelReport, trainModel } from "@goatnote/test-selection";
import { trainInputs } from "./inputs.ts";
import { summariseTraining, verdict } from "./train-report.ts";

export async function train(): Promise<void> {
  const inputs = readInputs(trainInputs, process.env, (values) => [
    ...storeContradictions(values),
    ...(storeKind(values) === "artifact"
      ? ["Input `store` is `artifact`, which keeps no model; use `ref` or `branch`, or a folder with `file`."]
      : []),
  ]);
  const context = await readContext(process.env);
  const store = openStore(inputs, context);
  const report = modelReport();
  const started = performance.now();
  const trained = await trainModel(
    store,
    {
      depth: depthOf(inputs),
      onUnreadable: (path, error) => warning(`${path} cannot be used and was passed over: ${describe(error)}`),
      onProgress: everySeconds(5, (done: number, of: number) => say(`Learnt from ${done} of ${of} runs.`)),
    },
    report.watch,
    inputs.force,
  );
  if (trained === null)
    throw new UserError("The history has no run yet, so there is nothing to learn from. Record some runs first.");

  const folder =
    inputs.output === "" ? join(context.temp, "goatnote-model") : resolve(context.workspace, inputs.output);
  const [modelFile, reportFile] = [join(folder, "model.json"), join(folder, "report.json")];
  const result = report.of(trained, (performance.now() - started) / 1000);
  await mkdir(folder, { recursive: true });
  await writeFile(modelFile, encodeModel(trained.model));
  await writeFile(reportFile, `${JSON.stringify(result, null, 2)}\n`);
  startGroup("Leave the model in the store");
  if (result.comparison) say(verdict(result.comparison, result.kept));
  for (const { path, bytes } of trained.files) say(`${path}: ${await store.append(path, bytes)}`);
  endGroup();
  setOutputs({
    model: modelFile,
    kept: result.kept,
    report: reportFile,
    f1: result.f1?.toFixed(4) ?? null,
    auc: result.auc?.toFixed(4) ?? null,
    "time-saved": result.time_saved?.toFixed(4) ?? null,
  });
  await writeSummary(summariseTraining(result), process.env.GITHUB_STEP_SUMMARY);
}
