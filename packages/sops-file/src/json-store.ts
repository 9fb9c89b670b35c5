/**
 * The json store, and binary files, which are JSON with the one key `data`. A reader of our own: JSON.parse sorts keys that
 * look like numbers, drops duplicates (which are hashed) and rounds integers.
 */
import { SopsError } from "./errors.ts";
import { parseFloat64, parseInt64 } from "./go-values.ts";
import { Budget, type Item, type Mapping, type Node, str } from "./tree.ts";

const space = /[ \t\n\r]*/y;
const number = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const plainText = /[^"\\\u0000-\u001f]*/y;
const escapes: Record<string, string> = { '"': '"', "\\": "\\", "/": "/", b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" };

/** Reads JSON whose top level is an object. @throws SopsError with the line, and nothing of its content */
export function readJson(text: string): Mapping {
  return new Reader(text).document();
}

class Reader {
  private at = 0;
  private readonly text: string;
  private readonly budget = new Budget();

  constructor(text: string) {
    this.text = text;
  }

  document(): Mapping {
    this.skip();
    if (this.text[this.at] !== "{") throw this.fault("the top level is not an object");
    const document = this.object(1);
    this.skip();
    if (this.at < this.text.length) throw this.fault("there is more after the end of the object");
    return document;
  }

  private fault(what: string): SopsError {
    const line = this.text.slice(0, this.at).split("\n").length;
    return new SopsError("malformed", `It is not JSON that SOPS reads: line ${line}, ${what}.`);
  }

  private match(pattern: RegExp): string {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text)?.[0] ?? "";
    this.at += found.length;
    return found;
  }

  private skip(): void {
    this.match(space);
  }

  private take(character: string): boolean {
    this.skip();
    if (this.text[this.at] !== character) return false;
    this.at++;
    return true;
  }

  private object(depth: number): Mapping {
    this.budget.take(depth);
    this.at++;
    const items: Item[] = [];
    if (this.take("}")) return { kind: "map", items };
    do {
      this.skip();
      if (this.text[this.at] !== '"') throw this.fault("a key is expected");
      const key = this.string();
      if (!this.take(":")) throw this.fault("a colon is expected");
      items.push({ key, value: this.value(depth + 1) });
    } while (this.take(","));
    if (!this.take("}")) throw this.fault("a comma or the end of an object is expected");
    return { kind: "map", items };
  }

  private list(depth: number): Node {
    this.budget.take(depth);
    this.at++;
    const items: Node[] = [];
    if (this.take("]")) return { kind: "seq", items };
    do items.push(this.value(depth + 1));
    while (this.take(","));
    if (!this.take("]")) throw this.fault("a comma or the end of a list is expected");
    return { kind: "seq", items };
  }

  private value(depth: number): Node {
    this.skip();
    this.budget.take(depth);
    switch (this.text[this.at]) {
      case "{":
        return this.object(depth);
      case "[":
        return this.list(depth);
      case '"':
        return str(this.string());
      default:
        return this.word();
    }
  }

  private word(): Node {
    for (const [word, node] of words) {
      if (!this.text.startsWith(word, this.at)) continue;
      this.at += word.length;
      return node;
    }
    const digits = this.match(number);
    if (digits === "") throw this.fault("a value is expected");
    const integer = parseInt64(digits);
    if (integer !== undefined) return { kind: "int", text: integer };
    const float = parseFloat64(digits);
    if (float === undefined) throw this.fault("a number is out of range");
    return { kind: "float", number: float };
  }

  private string(): string {
    this.at++;
    let value = "";
    for (;;) {
      value += this.match(plainText);
      const end = this.text[this.at++];
      if (end === '"') return value.isWellFormed() ? value : value.toWellFormed();
      if (end !== "\\") throw this.fault("a string does not end, or holds a control character");
      const mark = this.text[this.at++] ?? "";
      if (mark === "u") {
        const hex = this.text.slice(this.at, this.at + 4);
        if (!/^[\da-f]{4}$/i.test(hex)) throw this.fault("an escape is not complete");
        value += String.fromCharCode(Number.parseInt(hex, 16));
        this.at += 4;
      } else if (Object.hasOwn(escapes, mark)) value += escapes[mark];
      else throw this.fault("an escape is not known");
    }
  }
}

const words: [string, Node][] = [
  ["true", { kind: "bool", value: true }],
  ["false", { kind: "bool", value: false }],
  ["null", { kind: "null" }],
];
