/**
 * A tolerant, streaming scanner of XML-like text: tags, attributes, and text where it is wanted. Reports of test runners
 * are often ill-formed (raw control characters, `<` in attributes, cut files), and may be hostile, so it never throws,
 * holds at most one tag, expands no entity but the five of XML and numeric ones, and goes on after broken markup.
 */

import { decodeEntities, longestEntity } from "./xml-entities.ts";
import { Names } from "./xml-names.ts";

/** Attributes by name, without prototype. */
export type XmlAttributes = Readonly<Record<string, string>>;

/** Makes attributes. Objects of a constructor, other than those of `Object.create(null)`, are not hash tables. */
const Attributes = function Attributes() {} as unknown as new () => Record<string, string>;
Attributes.prototype = Object.create(null);

/** Who listens. Text arrives in pieces, their borders say nothing. An empty element is an open and a close. */
export interface XmlHandler {
  /** While true, text and CDATA are handed over; otherwise they are skipped unread. */
  wantsText: boolean;
  open(name: string, attributes: XmlAttributes): void;
  close(name: string): void;
  text(text: string): void;
  warning(message: string): void;
}

const isSpace = (code: number) => code === 32 || (code >= 9 && code <= 13);
const isNameStart = (code: number) =>
  (code >= 97 && code <= 122) || (code >= 65 && code <= 90) || code === 95 || code === 58 || code >= 128;

const incomplete = -1;

export class XmlScanner {
  readonly #handler: XmlHandler;
  readonly #maxTag: number;
  /** Text that is not yet scanned: begins with markup whose end has not arrived, or is a held-back entity. */
  #rest = "";
  /** What ends the CDATA section or comment that the scan is in; empty outside. */
  #until = "";
  #buffer = "";
  #position = 0;
  #linesBefore = 1;
  #lineMark = 0;
  #cut = false;
  readonly #names = new Names();
  /** The first `<` and `&` from a place on, where it is known: most values are passed by before it. */
  #nextOpen = -1;
  #nextAmpersand = -1;
  /** Warnings of markup that is read again when more of it arrives: told once it is complete. */
  #notes: string[] = [];

  /** @param maxTag characters after which a tag or declaration counts as broken. */
  constructor(handler: XmlHandler, maxTag = 1 << 20) {
    this.#handler = handler;
    this.#maxTag = maxTag;
  }

  /** The line of the markup that the handler is being told of, from 1. */
  get line(): number {
    for (;;) {
      const next = this.#buffer.indexOf("\n", this.#lineMark);
      if (next < 0 || next >= this.#position) return this.#linesBefore;
      this.#linesBefore++;
      this.#lineMark = next + 1;
    }
  }

  write(chunk: string): void {
    this.#scan(this.#rest === "" ? chunk : this.#rest + chunk, false);
  }

  /** Scans what is left. Returns whether the text ended inside markup. */
  end(): boolean {
    this.#scan(this.#rest, true);
    return this.#cut || this.#until !== "";
  }

  #scan(text: string, final: boolean): void {
    this.#buffer = text;
    this.#lineMark = 0;
    this.#nextOpen = -1;
    this.#nextAmpersand = -1;
    let at = 0;
    while (at < text.length) {
      this.#position = at;
      const next = this.#until !== "" ? this.#section(text, at, final) : this.#content(text, at, final);
      if (next === incomplete) {
        at = this.#position;
        break;
      }
      at = next;
    }
    this.#position = at;
    this.#linesBefore = this.line;
    this.#rest = text.slice(at);
    this.#buffer = "";
  }

  /** Tells what was noted while the markup was read. */
  #tell(): void {
    if (this.#notes.length === 0) return;
    for (const note of this.#notes) this.#handler.warning(note);
    this.#notes.length = 0;
  }

  #open(name: string, attributes: XmlAttributes, note?: string): void {
    this.#handler.open(name, attributes);
    if (note) this.#notes.push(`${note} in <${name.slice(0, 80)}>.`);
    this.#tell();
  }

  #text(text: string): void {
    this.#handler.text(this.#decoded(text));
    // Text is output and messages; only names and numbers are worth a warning.
    this.#notes.length = 0;
  }

  /** Inside CDATA or a comment. */
  #section(text: string, at: number, final: boolean): number {
    const found = text.indexOf(this.#until, at);
    const end = found >= 0 ? found : final ? text.length : Math.max(at, text.length - this.#until.length + 1);
    if (this.#until === "]]>" && this.#handler.wantsText && end > at) this.#handler.text(text.slice(at, end));
    this.#position = end;
    if (found < 0 && final) this.#cut = true;
    if (found < 0) return final ? text.length : incomplete;
    const next = found + this.#until.length;
    this.#until = "";
    return next;
  }

  /** Text up to the next `<`, or the markup there. */
  #content(text: string, at: number, final: boolean): number {
    if (text.charCodeAt(at) === 60) return this.#markup(text, at, final);
    const open = this.#firstOpen(text, at);
    if (!this.#handler.wantsText) return open;
    if (open < text.length || final) {
      this.#text(text.slice(at, open));
      return open;
    }
    const ampersand = text.lastIndexOf("&");
    const end = ampersand >= at && text.length - ampersand < longestEntity ? ampersand : text.length;
    if (end > at) this.#text(text.slice(at, end));
    this.#position = end;
    return end < text.length ? incomplete : end;
  }

  #markup(text: string, at: number, final: boolean): number {
    const limit = Math.min(text.length, at + this.#maxTag);
    const code = text.charCodeAt(at + 1);
    if (isNameStart(code)) return this.#tag(text, at, limit, final);
    if (code === 47 /* / */) return this.#closing(text, at, limit, final);
    if (code === 33 /* ! */) return this.#declaration(text, at, limit, final);
    if (code === 63 /* ? */) return this.#skipTo(">", text, at, limit, final);
    if (Number.isNaN(code) && !final) return incomplete;
    if (this.#handler.wantsText) this.#handler.text("<");
    return at + 1;
  }

  /** Where markup without an end stops: waits for more text while there may be more of it. */
  #unended(what: string, text: string, at: number, limit: number, final: boolean): number {
    if (limit === text.length && limit - at < this.#maxTag) {
      if (!final) return incomplete;
      this.#cut = true;
      this.#handler.warning(`The text ends inside ${what}.`);
      return text.length;
    }
    this.#handler.warning(`Over ${this.#maxTag} characters of ${what}: read as text from here.`);
    return at + 1;
  }

  #skipTo(mark: string, text: string, at: number, limit: number, final: boolean): number {
    const end = text.indexOf(mark, at + 1);
    return end < 0 || end >= limit ? this.#unended("a declaration", text, at, limit, final) : end + mark.length;
  }

  #declaration(text: string, at: number, limit: number, final: boolean): number {
    for (const [start, until] of [
      ["<![CDATA[", "]]>"],
      ["<!--", "-->"],
    ] as const) {
      if (text.startsWith(start, at)) {
        this.#until = until;
        return at + start.length;
      }
      if (!final && text.length - at < start.length && start.startsWith(text.slice(at))) return incomplete;
    }
    // Entities are declared in an internal subset: skipped whole, so that nothing in it is taken for a test.
    for (let i = at + 2; i < limit; i++) {
      const code = text.charCodeAt(i);
      if (code === 62 /* > */) return i + 1;
      if (code === 91 /* [ */) {
        const subset = /\]\s*>/g;
        subset.lastIndex = i;
        const end = subset.exec(text);
        const next = end && subset.lastIndex <= limit ? subset.lastIndex : incomplete;
        if (next === incomplete) return this.#unended("a document type", text, at, limit, final);
        this.#handler.warning("The document declares its own entities; they are not expanded.");
        return next;
      }
    }
    return this.#unended("a declaration", text, at, limit, final);
  }

  #closing(text: string, at: number, limit: number, final: boolean): number {
    let end = at + 2;
    while (end < limit && text.charCodeAt(end) !== 62 && text.charCodeAt(end) !== 60) end++;
    if (end >= limit) return this.#unended("a closing tag", text, at, limit, final);
    this.#handler.close(this.#names.at(text, at + 2, end).trim());
    return text.charCodeAt(end) === 62 ? end + 1 : end;
  }

  #tag(text: string, at: number, limit: number, final: boolean): number {
    let i = at + 1;
    for (; i < limit; i++) {
      const code = text.charCodeAt(i);
      if (code === 62 || code === 47 || code === 60 || code === 61 || isSpace(code)) break;
    }
    const name = this.#names.at(text, at + 1, i);
    const attributes = new Attributes();
    this.#notes.length = 0;
    const maybeMore = !final && limit === text.length && limit - at < this.#maxTag;
    while (i < limit) {
      const code = text.charCodeAt(i);
      if (isSpace(code) || code === 61) {
        i++;
      } else if (code === 62 /* > */) {
        this.#open(name, attributes);
        return i + 1;
      } else if (code === 47 /* / */) {
        if (i + 1 >= limit) break;
        if (text.charCodeAt(++i) !== 62) continue;
        this.#open(name, attributes);
        this.#handler.close(name);
        return i + 1;
      } else if (code === 60 /* < */) {
        this.#open(name, attributes, "A tag begins");
        return i;
      } else {
        const start = i;
        i = nameEnd(text, i, limit);
        const key = this.#names.at(text, start, i);
        while (i < limit && isSpace(text.charCodeAt(i))) i++;
        if (i >= limit) break;
        if (text.charCodeAt(i) !== 61 /* = */) {
          if (i === start) i++;
          else attributes[key] ??= "";
          continue;
        }
        i++;
        while (i < limit && isSpace(text.charCodeAt(i))) i++;
        if (i >= limit) break;
        const quote = text.charCodeAt(i);
        if (quote !== 34 && quote !== 39) {
          const from = i;
          while (i < limit && !isSpace(text.charCodeAt(i)) && text.charCodeAt(i) !== 62 && text.charCodeAt(i) !== 60)
            i++;
          if (i >= limit) break;
          attributes[key] ??= this.#value(text, from, i);
          continue;
        }
        const end = text.indexOf(quote === 34 ? '"' : "'", ++i);
        const ended = end >= 0 && end < limit;
        if (maybeMore && (!ended || end + 1 === limit)) return incomplete;
        const inside = ended && this.#firstOpen(text, i) < end;
        if (ended && (!inside || end + 1 === limit || /[\s/>?]/.test(text[end + 1]!))) {
          if (inside) this.#notes.push(`A raw < in an attribute of <${name.slice(0, 80)}>.`);
          attributes[key] ??= this.#value(text, i, end);
          i = end + 1;
          continue;
        }
        // No end, or the begin of another value: this one ends with its line, with its tag, or where a tag begins.
        const value = text.slice(i, ended ? end : limit);
        const stop = value.search(/[<>\r\n]/);
        attributes[key] ??= this.#decoded(stop < 0 ? value : value.slice(0, stop));
        if (!ended && final && limit === text.length) this.#cut = true;
        this.#open(name, attributes, "A value without an end");
        return stop < 0 ? limit : i + stop + (value[stop] === ">" ? 1 : 0);
      }
    }
    if (maybeMore) return incomplete;
    const over = limit - at >= this.#maxTag;
    if (!over) this.#cut = true;
    this.#open(name, attributes, over ? `Over ${this.#maxTag} characters` : "The text ends");
    return limit;
  }

  /** The place of the first `<` from a place on; the end of the text where there is none. */
  #firstOpen(text: string, from: number): number {
    if (this.#nextOpen < from) {
      const at = text.indexOf("<", from);
      this.#nextOpen = at < 0 ? text.length : at;
    }
    return this.#nextOpen;
  }

  #decoded(text: string): string {
    return decodeEntities(text, this.#notes);
  }

  #value(text: string, from: number, to: number): string {
    if (this.#nextAmpersand < from) {
      const at = text.indexOf("&", from);
      this.#nextAmpersand = at < 0 ? text.length : at;
    }
    const value = text.slice(from, to);
    return this.#nextAmpersand < to ? this.#decoded(value) : value;
  }
}

/** The end of an attribute's name. Quotes end it too, so that `a="1"b="2"` is two. */
function nameEnd(text: string, from: number, limit: number): number {
  let i = from;
  for (; i < limit; i++) {
    const code = text.charCodeAt(i);
    if (code === 61 || code === 62 || code === 60 || code === 47 || code === 34 || code === 39 || isSpace(code)) break;
  }
  return i;
}
