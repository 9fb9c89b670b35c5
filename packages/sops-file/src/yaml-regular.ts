/**
 * A reader for the YAML that SOPS itself writes: block style, one value per line. It is there for speed: the library takes
 * more time to read a file than all its values take to decrypt. Whatever it does not know for sure it leaves to the library,
 * and a test holds both to the same result.
 */
import { Budget, type Documents, type Item, type Mapping, type Node, type Scalar, str } from "./tree.ts";
import { resolvePlain } from "./yaml-scalar.ts";

// Line ends and spaces of other kinds, a byte order mark, control characters; and comments where they have a meaning.
const irregular =
  /[\t\r\0-\x08\x0b-\x1f\x7f\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff]|comment_regex:/;

/** @returns undefined for anything that is not of this regular form */
export function readRegularYaml(text: string): Documents | undefined {
  if (irregular.test(text)) return undefined;
  try {
    const documents = text.replace(/^---\n/, "").split(/^---\n/m);
    const budget = new Budget();
    return documents.map((document) => new Reader(document, budget).document());
  } catch (error) {
    if (error instanceof Irregular) return undefined;
    throw error;
  }
}

class Irregular extends Error {}

/** One line without its indentation. A `- ` before its content counts as indentation of what follows. */
interface Line {
  indent: number;
  content: string;
}

/** Without the spaces before it: for YAML no other character indents. */
const unindented = (line: string): string => line.replace(/^ +/, "");
// YAML takes no longer key in one line; where exactly it ends is left to the library.
const longestKey = 1000;

const keyed = /^(?:([A-Za-z_][\w./-]*)|"([^"\\]*)"):(?: (.+))?$/;
// A comment may stand behind it.
const encrypted = /^(ENC\[[\w+/=,:]+\])(?: +#.*)?$/;
const plain = /^-?[\w./+][\w./+@,-]*$/;
const literal = /^\|([-+]?)$/;

class Reader {
  private readonly lines: string[];
  private readonly budget: Budget;
  private at = 0;
  /** The line at `at`, where its begin was taken already: the rest of `- key: value`. */
  private rest: Line | undefined;

  constructor(text: string, budget: Budget) {
    this.lines = text.split("\n");
    this.budget = budget;
  }

  document(): Mapping {
    const first = this.peek();
    if (first?.indent !== 0) throw new Irregular();
    const root = this.mapping(0, 1);
    if (this.peek() !== undefined) throw new Irregular();
    return root;
  }

  /** The next line that holds something, or undefined at the end. */
  private peek(): Line | undefined {
    if (this.rest) return this.rest;
    for (; this.at < this.lines.length; this.at++) {
      const line = this.lines[this.at]!;
      const content = unindented(line);
      if (content !== "" && !content.startsWith("#")) return { indent: line.length - content.length, content };
    }
    return undefined;
  }

  private take(): void {
    this.rest = undefined;
    this.at++;
  }

  private mapping(indent: number, depth: number): Mapping {
    this.budget.take(depth);
    const items: Item[] = [];
    const seen = new Set<string>();
    for (let line = this.peek(); line !== undefined && line.indent >= indent; line = this.peek()) {
      const [, bare, quoted, value] = keyed.exec(line.content) ?? [];
      const key = bare ?? quoted;
      if (line.indent > indent || key === undefined || key.length >= longestKey || seen.has(key)) throw new Irregular();
      if (bare !== undefined && resolvePlain(bare).kind !== "str") throw new Irregular();
      seen.add(key);
      this.take();
      items.push({ key, value: this.value(value, indent, depth + 1) });
    }
    return { kind: "map", items };
  }

  private list(indent: number, depth: number): Node {
    this.budget.take(depth);
    const items: Node[] = [];
    for (let line = this.peek(); line !== undefined && line.indent >= indent; line = this.peek()) {
      if (line.indent > indent || !line.content.startsWith("-")) throw new Irregular();
      const content = unindented(line.content.slice(1));
      const inner = indent + line.content.length - content.length;
      if (content !== "" && inner === indent + 1) throw new Irregular();
      if (content.startsWith("- ") || keyed.test(content)) {
        this.rest = { indent: inner, content };
        items.push(content.startsWith("- ") ? this.list(inner, depth + 1) : this.mapping(inner, depth + 1));
      } else {
        this.take();
        items.push(this.value(content === "" ? undefined : content, indent, depth + 1));
      }
    }
    return { kind: "seq", items };
  }

  /** What stands behind a key or a dash at the given indentation, or below it. */
  private value(content: string | undefined, indent: number, depth: number): Node {
    this.budget.take(depth);
    if (content === undefined) {
      const next = this.peek();
      if (next === undefined || next.indent < indent) return { kind: "null" };
      // A list may stand right below its key; which is not how SOPS writes it.
      if (next.indent === indent) {
        if (next.content.startsWith("-")) throw new Irregular();
        return { kind: "null" };
      }
      return next.content.startsWith("- ") ? this.list(next.indent, depth) : this.mapping(next.indent, depth);
    }
    const [, value] = encrypted.exec(content) ?? [];
    if (value !== undefined) return str(value);
    const block = literal.exec(content);
    return block ? this.block(block[1]!, indent) : scalar(content);
  }

  /** A literal block: lines below, without the indentation of the first. */
  private block(chomp: string, parent: number): Scalar {
    const taken: string[] = [];
    let indent = 0;
    for (; this.at < this.lines.length; this.at++) {
      const line = this.lines[this.at]!;
      const content = unindented(line);
      const own = line.length - content.length;
      if (content === "") {
        // How many spaces of a blank line belong to the text depends on what follows.
        if (line !== "") throw new Irregular();
        taken.push("");
        continue;
      }
      if (own <= parent) break;
      if (indent === 0) indent = own;
      if (own < indent) throw new Irregular();
      taken.push(line.slice(indent));
    }
    if (indent === 0 || chomp === "+") throw new Irregular();
    while (taken.at(-1) === "") taken.pop();
    return str(taken.join("\n") + (chomp === "-" ? "" : "\n"));
  }
}

function scalar(content: string): Node {
  if (content === "[]") return { kind: "seq", items: [] };
  if (content === "{}") return { kind: "map", items: [] };
  const [, double, single] = /^(?:"([^"\\]*)"|'([^']*)')$/.exec(content) ?? [];
  if (double !== undefined || single !== undefined) return str(double ?? single ?? "");
  if (!plain.test(content)) throw new Irregular();
  return resolvePlain(content);
}
