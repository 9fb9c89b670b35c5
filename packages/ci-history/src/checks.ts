/** The checks that a field of a history line must pass; a failed one says where, which field and what is allowed. */

/** Names the line or file, then the field: `history.ndjson:3: tests[5].status`. */
export class HistoryError extends Error {
  override name = "HistoryError";
  /** The message is meant for the user. */
  readonly foreseen = true;
}

/** A parsed JSON object. It may have own fields of any name, `__proto__` too; only named fields are ever read. */
export type Fields = Record<string, unknown>;

/** Called only when a check has failed, so that a good line never builds a path. */
export type FieldName = () => string;

/** Gives back an equal string, preferably one that is already in memory. */
export type Intern = (text: string) => string;

/** At most this many different strings are shared by one reader. */
const MAX_INTERNED = 1 << 20;

interface Interned {
  text: string;
  /** What was asked for two questions after this one, the last time. */
  later?: Interned;
}

/**
 * Makes an {@link Intern}: the ids of tests repeat in each run, and a shared one costs its bytes once. They mostly repeat
 * in one order, id and file in turn, so that the text of the next but one is known: to compare is cheaper than to hash.
 */
export function interner(): Intern {
  const known = new Map<string, Interned>();
  let [beforeLast, last]: (Interned | undefined)[] = [];
  return (text) => {
    const guess = beforeLast?.later;
    const entry = guess?.text === text ? guess : (known.get(text) ?? { text });
    if (entry !== guess && known.size < MAX_INTERNED) known.set(entry.text, entry);
    if (beforeLast) beforeLast.later = entry;
    [beforeLast, last] = [last, entry];
    return entry.text;
  };
}

function shown(value: unknown): string {
  if (value === undefined) return "missing";
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === "object" && value !== null) return "an object";
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

/** Throws the one sentence that all checks share. */
function refuse(where: string, field: string, value: unknown, allowed: string): never {
  throw new HistoryError(`${where}: ${field} is ${shown(value)}; allowed is ${allowed}.`);
}

const CONTROL = /[\0-\x1f\x7f]/;

/** A string of 1 to `max` characters without control characters. */
export function checkText(value: unknown, max: number, where: string, field: FieldName): string {
  if (typeof value === "string" && value.length > 0 && value.length <= max && !CONTROL.test(value)) return value;
  return refuse(where, field(), value, `a string of 1 to ${max} characters without control characters`);
}

/** A name that strangers choose (tests, parameters): it may hold anything but NUL, and may be empty. */
export function checkName(value: unknown, max: number, where: string, field: FieldName): string {
  if (typeof value === "string" && value.length <= max && !value.includes("\0")) return value;
  return refuse(where, field(), value, `a string of at most ${max} characters without NUL`);
}

/** Whether this is a file name in a repository: not empty, not too long, no NUL, neither absolute nor above it. */
export function isPath(value: string, max: number): boolean {
  return value.length > 0 && value.length <= max && isInside(value);
}

/** A file name in a repository, see {@link isPath}. */
export function checkPath(value: unknown, max: number, where: string, field: FieldName): string {
  if (typeof value === "string" && isPath(value, max)) return value;
  return refuse(where, field(), value, `a path inside the repository of at most ${max} characters`);
}

function isInside(path: string): boolean {
  if (path.charCodeAt(0) === 47 || path.includes("\0")) return false;
  return !path.includes("..") || !path.split("/").includes("..");
}

/** An integer from `min` to `max`. */
export function checkCount(value: unknown, min: number, max: number, where: string, field: FieldName): number {
  if (Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max) return value as number;
  return refuse(where, field(), value, `an integer from ${min} to ${max}`);
}

/** A number from 0 to `max`. */
export function checkAmount(value: unknown, max: number, where: string, field: FieldName): number {
  if (typeof value === "number" && value >= 0 && value <= max) return value;
  return refuse(where, field(), value, `a number from 0 to ${max}`);
}

/** `true` or `false`. */
export function checkFlag(value: unknown, where: string, field: FieldName): boolean {
  if (typeof value === "boolean") return value;
  return refuse(where, field(), value, "true or false");
}

/** One of a few words. */
export function checkWord<T extends string>(value: unknown, words: readonly T[], where: string, field: FieldName): T {
  if (words.includes(value as T)) return value as T;
  return refuse(where, field(), value, words.join(", "));
}

/** A list of at most `max` items. */
export function checkList(value: unknown, max: number, where: string, field: FieldName): unknown[] {
  if (Array.isArray(value) && value.length <= max) return value;
  return refuse(where, field(), value, `a list of at most ${max} items`);
}

/** An object. */
export function checkObject(value: unknown, where: string, field: FieldName): Fields {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Fields;
  return refuse(where, field(), value, "an object");
}

/** A commit: 40 hex digits, given back in lower case. */
export function checkSha(value: unknown, where: string, field: FieldName): string {
  if (typeof value === "string" && /^[0-9a-f]{40}$/i.test(value)) return value.toLowerCase();
  return refuse(where, field(), value, "null or the 40 hex digits of a commit");
}

/** An instant in UTC, ISO 8601, of the years 1970 to 9999; a day that no calendar has is refused. */
export function checkInstant(value: unknown, where: string, field: FieldName): string {
  if (typeof value === "string" && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z$/.test(value)) {
    const time = Date.parse(value);
    if (time >= 0 && new Date(time).toISOString().slice(0, 19) === value.slice(0, 19)) return value;
  }
  return refuse(where, field(), value, "an instant in UTC such as 2021-05-03T06:33:47Z");
}
