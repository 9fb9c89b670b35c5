/** A model as a file: what `train` leaves in a store, and selection scores by. */
import { createHash } from "node:crypto";
import { HistoryError } from "@goatnote/ci-history";
import type { CalibrationState } from "./calibration.ts";
import { featureNames } from "./features.ts";
import { shown } from "./plan.ts";
import { type Fitted, scorerNames, type TrialState } from "./scorers.ts";
import { orders } from "./worth.ts";

/** A fitted model, and the history that it was fitted to. */
export interface StoredModel extends Fitted {
  version: 7;
  /** Names of the features, in the order of the weights. */
  features: readonly string[];
  /** Path of the newest segment that it has seen. Only a history that holds this segment is the model's own. */
  through: string;
  history: { runs: number; failing_runs: number };
}

const digest = (text: string): string => createHash("sha256").update(text).digest("hex");

/** Where a store keeps the model of a history whose newest segment is `through`: `v1/model/<digest>.json`. */
export const modelPath = (through: string): string =>
  `v1/model/${digest(JSON.stringify([5, featureNames, through]))}.json`;

/** The bytes of a model file; equal models give equal bytes. */
export function encodeModel(model: StoredModel): string {
  return `${JSON.stringify({ ...model, checksum: digest(JSON.stringify(model)) })}\n`;
}

/**
 * Reads a model file.
 * @param where for the error
 * @throws HistoryError when it is damaged, or not a model of this version and these features
 */
export function decodeModel(text: string, where: string): StoredModel {
  const problem = (what: string, cause?: unknown): Error =>
    new HistoryError(`${where} is no model that can be used: ${what}. Train again with ml-test-select/train.`, {
      cause,
    });
  let content: StoredModel & { checksum: string };
  try {
    content = JSON.parse(text);
  } catch (cause) {
    throw problem("it is not JSON", cause);
  }
  const { checksum, ...model } = content ?? {};
  if (model.version !== 7) throw problem(`its version is ${shown(model.version)}, not 7`);
  if (checksum !== digest(JSON.stringify(model))) throw problem("its checksum does not fit its content");
  if (JSON.stringify(model.features) !== JSON.stringify(featureNames))
    throw problem("it was trained by another version of the action, on other features");
  if (!isFitted(model)) throw problem("it lacks weights or trials");
  return model;
}

const isNumbers = (value: unknown, length?: number): boolean =>
  Array.isArray(value) && value.every(Number.isFinite) && (length === undefined || value.length === length);

const isTrial = (trial: TrialState | undefined): boolean =>
  isNumbers(trial?.quality) &&
  Array.isArray(trial?.kept) &&
  trial.kept.every(
    (run) =>
      orders.every((order) => run?.best?.[order] === null || Number.isFinite(run?.best?.[order])) &&
      typeof run.run === "string" &&
      typeof run.kind === "string" &&
      typeof run.knows?.imports === "boolean" &&
      typeof run.knows.texts === "boolean",
  );

const isCalibration = (calibration: CalibrationState | undefined): boolean =>
  [calibration?.counts, calibration?.curve, calibration?.reliability].every(Array.isArray) &&
  calibration!.counts.every((count) => isNumbers(count, 3)) &&
  calibration!.curve.every((point) => isNumbers([point?.score, point?.probability])) &&
  calibration!.reliability.every((bin) => isNumbers([bin?.below, bin?.tests, bin?.expected, bin?.failed]));

function isFitted({ logistic, trials, calibrations, through, history }: StoredModel): boolean {
  const size = featureNames.length;
  const isWeighted =
    logistic === null ||
    (isNumbers(logistic?.mean, size) &&
      isNumbers(logistic.deviation, size) &&
      logistic.deviation.every((deviation) => deviation > 0) &&
      isNumbers(logistic.weights, size + 1));
  const isCounted = isNumbers([history?.runs, history?.failing_runs]) && typeof through === "string";
  const isTried = scorerNames.every((name) => isTrial(trials?.[name]) && isCalibration(calibrations?.[name]));
  return isWeighted && isCounted && isTried;
}
