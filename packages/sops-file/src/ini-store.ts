/**
 * The ini store, as SOPS reads it with gopkg.in/ini.v1: values are text, `[DEFAULT]` is what stands before the first section.
 * https://github.com/go-ini/ini/blob/v1.67.3/parser.go
 */
import { SopsError } from "./errors.ts";
import { Budget, type Item, type Mapping, str } from "./tree.ts";

/** @throws SopsError with the line, and nothing of its content */
export function readIni(text: string): Mapping {
  return new Reader(text.replace(/^\ufeff/, "")).file();
}

const comment = (text: string): Item => ({ key: null, value: { kind: "comment", text } });

/** A section, and its keys by their names. */
interface Section {
  mapping: Mapping;
  known: Map<string, Item>;
}

class Reader {
  private readonly lines: string[];
  private readonly budget = new Budget();
  private at = 0;
  private pending = "";
  private counter = 1;

  constructor(text: string) {
    this.lines = text.split("\n");
  }

  file(): Mapping {
    let section: Section = { mapping: { kind: "map", items: [] }, known: new Map() };
    const file: Item[] = [{ key: "DEFAULT", value: section.mapping }];
    while (this.at < this.lines.length) {
      const line = (this.lines[this.at++] ?? "").trimStart();
      if (line === "") continue;
      this.budget.take(1);
      if (/^[#;]/.test(line)) {
        this.pending += `${line}\n`;
      } else if (line.startsWith("[")) {
        const end = line.lastIndexOf("]");
        const name = line.slice(1, end);
        if (end === -1 || name === "") throw this.fault("a section is not closed, or has no name");
        this.pending += /[#;].*/.exec(line.slice(end + 1))?.[0] ?? "";
        section = { mapping: { kind: "map", items: this.comments() }, known: new Map() };
        file.push({ key: name, value: section.mapping });
        this.counter = 1;
      } else this.key(line, section);
    }
    return { kind: "map", items: file };
  }

  private fault(what: string): SopsError {
    return new SopsError("malformed", `It is not an INI file that SOPS reads: line ${this.at}, ${what}.`);
  }

  private comments(): Item[] {
    const text = this.pending.trim();
    this.pending = "";
    return text === "" ? [] : [comment(text.replace(/^(?:;[; ]*|#[# ]*)/, ""))];
  }

  private key(line: string, { mapping, known }: Section): void {
    let { name, rest } = this.name(line);
    if (name === "") throw this.fault("a key is empty");
    if (name === "-") name = `#${this.counter++}`;
    const value = str(this.value(rest));
    const comments = this.comments();
    const before = known.get(name);
    // A key that stands twice keeps its place and takes the last value.
    if (before) before.value = value;
    else {
      const item: Item = { key: name, value };
      known.set(name, item);
      mapping.items.push(item, ...comments);
    }
  }

  private name(line: string): { name: string; rest: string } {
    const quote = line.startsWith('"""') && line.length > 6 ? '"""' : /^["`]/.exec(line)?.[0];
    if (quote !== undefined) {
      const end = line.indexOf(quote, quote.length);
      const delimiter = end === -1 ? -1 : line.slice(end + quote.length).search(/[=:]/);
      if (delimiter === -1) throw this.fault("a quoted key is not closed, or no `=` follows it");
      return { name: line.slice(quote.length, end).trim(), rest: line.slice(end + quote.length + delimiter + 1) };
    }
    const delimiter = line.search(/[=:]/);
    if (delimiter < 1) throw this.fault("`=` is expected after a key");
    return { name: line.slice(0, delimiter).trim(), rest: line.slice(delimiter + 1) };
  }

  private value(rest: string): string {
    let line = rest.trimStart();
    if (line === "") return "";
    const quote =
      line.startsWith('"""') && line.length >= 3 && (line.length > 3 || this.at < this.lines.length)
        ? '"""'
        : line.startsWith("`")
          ? "`"
          : "";
    if (quote !== "") {
      const end = line.lastIndexOf(quote);
      return end >= quote.length ? line.slice(quote.length, end) : this.multiline(line.slice(quote.length), quote);
    }
    line = line.trim();
    if (line.endsWith("\\")) return this.continuation(line.slice(0, -1));
    const mark = line.search(/[#;]/);
    if (mark !== -1) {
      this.pending += line.slice(mark);
      line = line.slice(0, mark).trim();
    }
    const [, , inner] = /^(["'])(.*)\1$/s.exec(line) ?? [];
    return inner !== undefined && !inner.includes(line[0]!) ? inner : line;
  }

  private multiline(start: string, quote: string): string {
    let value = `${start}\n`;
    while (this.at < this.lines.length) {
      const next = this.lines[this.at++] ?? "";
      const end = next.lastIndexOf(quote);
      if (end !== -1) {
        this.pending += /[#;].*/.exec(next.slice(end))?.[0].trim() ?? "";
        return value + next.slice(0, end);
      }
      value += `${next}\n`;
    }
    throw this.fault("a quoted value is not closed");
  }

  private continuation(start: string): string {
    let value = start;
    while (this.at < this.lines.length) {
      const next = (this.lines[this.at++] ?? "").trim();
      if (next === "") break;
      value += next;
      if (!value.endsWith("\\")) break;
      value = value.slice(0, -1);
    }
    return value;
  }
}
