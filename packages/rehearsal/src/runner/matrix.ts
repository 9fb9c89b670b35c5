import { isDeepStrictEqual } from "node:util";
import type { Json } from "./expressions.ts";

export type Leg = Record<string, Json>;

/** The legs of an evaluated matrix: the product, less `exclude`, with `include` merged or appended, as GitHub documents. */
export function legs(matrix: unknown): Leg[] {
  const {
    include = [],
    exclude = [],
    ...axes
  } = matrix as { include?: Leg[]; exclude?: Leg[] } & Record<string, Json[]>;
  let product: Leg[] = Object.keys(axes).length > 0 ? [{}] : [];
  for (const [name, values] of Object.entries(axes)) {
    if (!Array.isArray(values)) throw new Error(`The matrix axis ${name} is not a list.`);
    product = product.flatMap((leg) => values.map((value) => ({ ...leg, [name]: value })));
  }
  const kept = product.filter((leg) => !exclude.some((rule) => fits(leg, rule, Object.keys(rule))));
  const appended: Leg[] = [];
  for (const extra of include) {
    const shared = Object.keys(extra).filter((key) => key in axes);
    const hosts = kept.filter((leg) => fits(leg, extra, shared));
    if (hosts.length === 0) appended.push({ ...extra });
    for (const host of hosts) Object.assign(host, extra);
  }
  const all = [...kept, ...appended];
  if (all.length > 256) throw new Error(`The matrix has ${all.length} legs; GitHub allows 256.`);
  return all;
}

function fits(leg: Leg, rule: Leg, keys: string[]): boolean {
  return keys.every((key) => isPartOf(leg[key], rule[key]));
}

/** Objects in `exclude` may name a part of the object in the leg. */
function isPartOf(value: Json | undefined, rule: Json | undefined): boolean {
  if (isDeepStrictEqual(value, rule)) return true;
  if (!value || !rule || typeof value !== "object" || typeof rule !== "object" || Array.isArray(rule)) return false;
  return Object.entries(rule).every(([key, part]) => isPartOf((value as Leg)[key], part));
}

/** `build (a, 1)`: a job's name with the values of its leg, nested ones spread out. */
export function legName(name: string, leg: Leg): string {
  const values = Object.values(leg).flatMap(scalars);
  return values.length > 0 ? `${name} (${values.join(", ")})` : name;
}

function scalars(value: Json): string[] {
  return value !== null && typeof value === "object" ? Object.values(value).flatMap(scalars) : [String(value ?? "")];
}
