/** A model as JSON, for files and stores; read as if strangers wrote it. */
import { createHash } from "node:crypto";
import { MAX_COLUMNS } from "./data.ts";
import type { Model } from "./model.ts";

/** The version of the shape below. */
const VERSION = 1;
const MAX_TREES = 10_000;
const MAX_NODES = 1 << 21;

/** {@link Model} in plain lists. */
export interface ModelJSON {
  format: "goatnote-boosted-trees";
  version: number;
  columns: number;
  base: number;
  roots: number[];
  feature: number[];
  threshold: number[];
  left: number[];
  missingRight: number[];
  value: number[];
  gain: number[];
  /** `sha256:` and the hex digest of the JSON of all fields above, in this order. */
  checksum: string;
}

/** The file is no model that can be used; the message says what is wrong with it. */
export class ModelError extends Error {
  override name = "ModelError";
  /** The message is meant for the user. */
  readonly foreseen = true;
}

/** A value that JSON holds without loss; equal models give equal bytes. */
export function toJSON(model: Model): ModelJSON {
  const body = {
    format: "goatnote-boosted-trees" as const,
    version: VERSION,
    columns: model.columns,
    base: model.base,
    roots: [...model.roots],
    feature: [...model.feature],
    threshold: [...model.threshold],
    left: [...model.left],
    missingRight: [...model.missingRight],
    value: [...model.value],
    gain: [...model.gain],
  };
  return { ...body, checksum: checksumOf(body) };
}

/**
 * Checks and reads what {@link toJSON} made.
 * @param json a parsed JSON value of any origin
 * @throws ModelError when anything about it is not a whole model of this version
 */
export function fromJSON(json: unknown): Model {
  if (typeof json !== "object" || json === null) throw new ModelError("The model is not a JSON object.");
  const field = (name: string): unknown => (Object.hasOwn(json, name) ? json[name as keyof typeof json] : undefined);
  if (field("format") !== "goatnote-boosted-trees") throw new ModelError("The file is not a model of boosted trees.");
  if (field("version") !== VERSION)
    throw new ModelError(`The model is of version ${String(field("version")).slice(0, 20)}; this reads ${VERSION}.`);

  const list = (name: string, most: number, holds: (value: number) => boolean, length?: number): number[] => {
    const value = field(name);
    if (!Array.isArray(value) || value.length > most || (length !== undefined && value.length !== length))
      throw new ModelError(`The model's ${name} is not a list of ${length ?? `at most ${most}`} numbers.`);
    const wrong = value.findIndex((item) => typeof item !== "number" || !Number.isFinite(item) || !holds(item));
    if (wrong >= 0) throw new ModelError(`The model's ${name}[${wrong}] is not a number that can stand there.`);
    return value;
  };
  const within = (most: number) => (value: number) => Number.isInteger(value) && value >= 0 && value <= most;
  const any = () => true;

  const columns = field("columns");
  if (typeof columns !== "number" || columns < 1 || !within(MAX_COLUMNS)(columns))
    throw new ModelError(`The model's columns is not a whole number from 1 to ${MAX_COLUMNS}.`);
  const base = field("base");
  if (typeof base !== "number" || !Number.isFinite(base)) throw new ModelError("The model's base is not a number.");
  const left = list("left", MAX_NODES, within(MAX_NODES));
  const { length } = left;
  const roots = list("roots", MAX_TREES, within(length - 1));
  const body = {
    format: "goatnote-boosted-trees" as const,
    version: VERSION,
    columns,
    base,
    roots,
    feature: list("feature", MAX_NODES, within(columns - 1), length),
    threshold: list("threshold", MAX_NODES, any, length),
    left,
    missingRight: list("missingRight", MAX_NODES, within(1), length),
    value: list("value", MAX_NODES, any, length),
    gain: list("gain", MAX_NODES, (value) => value >= 0, length),
  };
  checkTrees(roots, left);
  if (field("checksum") !== checksumOf(body)) throw new ModelError("The model's checksum does not fit its content.");
  return {
    columns,
    base,
    roots: Uint32Array.from(roots),
    feature: Uint16Array.from(body.feature),
    threshold: Float64Array.from(body.threshold),
    left: Uint32Array.from(left),
    missingRight: Uint8Array.from(body.missingRight),
    value: Float64Array.from(body.value),
    gain: Float64Array.from(body.gain),
  };
}

/** Each node is a root or the child of exactly one node before it, so that every walk ends at a leaf. */
function checkTrees(roots: number[], left: number[]): void {
  const parents = new Uint8Array(left.length);
  const claim = (node: number): void => {
    if (node >= left.length || parents[node]! > 0) throw new ModelError(`The model's node ${node} is not in one tree.`);
    parents[node] = 1;
  };
  for (const root of roots) claim(root);
  for (const [node, child] of left.entries()) {
    if (child === 0) continue;
    if (child <= node) throw new ModelError(`The model's node ${node} leads back to node ${child}.`);
    claim(child);
    claim(child + 1);
  }
  const lost = parents.indexOf(0);
  if (lost >= 0) throw new ModelError(`The model's node ${lost} is not in one tree.`);
}

const checksumOf = (body: Omit<ModelJSON, "checksum">): string =>
  `sha256:${createHash("sha256").update(JSON.stringify(body)).digest("hex")}`;
