/**
 * What a file holds, in the order of the file: order decides the MAC, so these are lists of pairs and not objects
 * (which sort keys that look like numbers, lose duplicates and treat `__proto__` as special).
 */
import { SopsError } from "./errors.ts";
import { shown } from "./shown.ts";

/** A single value. Integers are decimal text, as they may exceed what a number holds; times are RFC 3339 text. */
export type Scalar =
  | { kind: "str"; text: string }
  | { kind: "bytes"; bytes: Buffer }
  | { kind: "int"; text: string }
  | { kind: "float"; number: number }
  | { kind: "bool"; value: boolean }
  | { kind: "time"; text: string }
  | { kind: "null" };

/** A comment, without its `#`. It stands in a list as an item and in a mapping as an item without a key. */
export interface Comment {
  kind: "comment";
  text: string;
}

export interface Item {
  /** null for a comment. */
  key: string | null;
  value: Node;
}

export interface Mapping {
  kind: "map";
  items: Item[];
}

export interface Sequence {
  kind: "seq";
  items: Node[];
}

export type Node = Scalar | Comment | Mapping | Sequence;

/** A file as its store reads it: one mapping per YAML document, exactly one for every other store. */
export type Documents = Mapping[];

/** What one file may hold. Files of strangers are read before anything in them is authenticated. */
export const limits = {
  /** Nested mappings and lists. */
  depth: 200,
  /** Values, keys and comments, after aliases are replaced by what they stand for. */
  nodes: 1_000_000,
} as const;

/** Counts what is read and ends with an error where a limit is passed. */
export class Budget {
  private left: number = limits.nodes;

  take(depth: number): void {
    if (depth > limits.depth)
      throw new SopsError("too-large", `It is nested more than ${limits.depth} levels deep, which is refused.`);
    if (--this.left < 0)
      throw new SopsError(
        "too-large",
        `It holds more than ${limits.nodes} values once its aliases are replaced, which is refused.`,
      );
  }
}

export const str = (text: string): Scalar => ({ kind: "str", text });

/** The value of the first item with this key, or undefined. */
export const lookup = ({ items }: Mapping, key: string): Node | undefined =>
  items.find((item) => item.key === key)?.value;

const longestPath = 300;

/** A path for messages, such as `db.users[1]`. It holds names, never values. */
export function showPath(path: readonly (string | number)[]): string {
  const parts = path.map((part) =>
    typeof part === "number" ? `[${part}]` : /[.[\]"\s]/.test(part) ? `["${shown(part)}"]` : `.${shown(part)}`,
  );
  const whole = parts.join("").replace(/^\./, "") || "the top level";
  return whole.length > longestPath ? `${whole.slice(0, longestPath)}…` : whole;
}
