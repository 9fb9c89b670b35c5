/** Two JSON documents of images, field by field, so that each that differs has its own cause. */
import type { Budget } from "../formats/container.ts";
import { compareLeaves } from "./leaf.ts";
import type { Normaliser } from "./normalise.ts";
import type { Cause, Scene } from "./scene.ts";

/** A field that differs; `what` is its path without the places in lists, such as `history[].created`. */
export interface FieldDifference {
  what: string;
  causes: Cause[];
  count: number;
  first: string;
  second: string;
}

export interface Comparing {
  scene: Scene;
  normalisers: readonly Normaliser[];
  budget: Budget;
}

const deepest = 64;

/** @returns undefined when one of them is no JSON */
export function compareDocuments(a: Buffer, b: Buffer, context: Comparing): FieldDifference[] | undefined {
  const found = new Map<string, FieldDifference>();
  const note = (what: string, causes: Cause[], first: unknown, second: unknown): void => {
    const known = found.get(`${what} ${causes}`);
    if (known) known.count += 1;
    else found.set(`${what} ${causes}`, { what, causes, count: 1, first: shown(first), second: shown(second) });
  };
  const compare = (x: unknown, y: unknown, path: string, depth: number): void => {
    context.budget.member();
    if (x === y) return;
    if (depth < deepest && Array.isArray(x) && Array.isArray(y)) {
      compareLists(x, y, path, depth);
      return;
    }
    if (depth < deepest && isObject(x) && isObject(y)) {
      for (const key of new Set([...Object.keys(x), ...Object.keys(y)]))
        compare(own(x, key), own(y, key), path ? `${path}.${key}` : key, depth + 1);
      if (Object.keys(x).join("\0") !== Object.keys(y).join("\0") && sameKeys(x, y))
        note(path || "fields", ["order"], Object.keys(x), Object.keys(y));
      return;
    }
    if (typeof x === "object" || typeof y === "object") {
      if (shown(x) !== shown(y)) note(path, ["metadata"], x, y);
      return;
    }
    note(path, causesOfField(path, String(x ?? ""), String(y ?? ""), context), x, y);
  };
  const compareLists = (x: unknown[], y: unknown[], path: string, depth: number): void => {
    const [first, second] = [x, y].map((list) => list.map((each) => JSON.stringify(each))) as [string[], string[]];
    if (first.join() !== second.join() && first.toSorted().join() === second.toSorted().join()) {
      note(path, ["order"], first[0], second[0]);
      return;
    }
    for (let i = 0; i < Math.min(x.length, y.length); i++) compare(x[i], y[i], `${path}[]`, depth + 1);
    if (x.length !== y.length) note(path, ["missing"], `${x.length} entries`, `${y.length} entries`);
  };
  const [x, y] = [parsed(a), parsed(b)];
  if (x === undefined || y === undefined) return undefined;
  compare(x, y, "", 0);
  return [...found.values()];
}

type Fields = Record<string, unknown>;

const isObject = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const own = (value: Fields, key: string): unknown => (Object.hasOwn(value, key) ? value[key] : undefined);
const sameKeys = (x: Fields, y: Fields): boolean =>
  Object.keys(x).sort().join("\0") === Object.keys(y).sort().join("\0");
const shown = (value: unknown): string =>
  (typeof value === "string" ? value : (JSON.stringify(value) ?? "")).slice(0, 200);

function parsed(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString("utf8"));
  } catch {
    return undefined;
  }
}

/** What a blob's digest stands for is told of the blob; its size follows from it. */
function causesOfField(path: string, first: string, second: string, context: Comparing): Cause[] {
  if (/(^|\.)size$/.test(path)) return ["digest"];
  const { scene, normalisers, budget } = context;
  const { causes } = compareLeaves(Buffer.from(first), Buffer.from(second), scene, normalisers, () => budget.tick());
  return causes.length > 0 ? causes : ["metadata"];
}
