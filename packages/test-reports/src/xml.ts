/**
 * A tolerant, streaming scanner of XML-like text: tags, attributes, and text where it is wanted. Reports of test runners
 * are often ill-formed (raw control characters, `<` in attributes, cut files), and may be hostile, so it never throws,
 * holds at most one tag, expands no entity but the five of XML and numeric ones, and goes on after broken markup.
 */

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

/** A copy of its own: what is cut from a chunk of text keeps the whole chunk in memory. */
export function own(text: string): string {
  return text.length < 13 ? text : Buffer.from(text).toString();
}

const named: Record<string, string> = { lt: "<", gt: ">", amp: "&", quot: '"', apos: "'" };
/** Characters from `&` to `;`: longer ones are text. */
const longestEntity = 40;

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
    this.#handler.text(this.#decode(text));
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
    const open = text.indexOf("<", at);
    if (open === at) return this.#markup(text, at, final);
    if (!this.#handler.wantsText) return open < 0 ? text.length : open;
    if (open >= 0 || final) {
      const end = open < 0 ? text.length : open;
      this.#text(text.slice(at, end));
      return end;
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
    this.#handler.close(text.slice(at + 2, end).trim());
    return text.charCodeAt(end) === 62 ? end + 1 : end;
  }

  #tag(text: string, at: number, limit: number, final: boolean): number {
    let i = at + 1;
    for (; i < limit; i++) {
      const code = text.charCodeAt(i);
      if (code === 62 || code === 47 || code === 60 || code === 61 || isSpace(code)) break;
    }
    const name = text.slice(at + 1, i);
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
        const key = text.slice(start, i);
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
        const quote = text[i]!;
        if (quote !== '"' && quote !== "'") {
          const from = i;
          while (i < limit && !isSpace(text.charCodeAt(i)) && text.charCodeAt(i) !== 62 && text.charCodeAt(i) !== 60)
            i++;
          if (i >= limit) break;
          attributes[key] ??= this.#decode(text.slice(from, i));
          continue;
        }
        const end = text.indexOf(quote, ++i);
        const ended = end >= 0 && end < limit;
        if (maybeMore && (!ended || end + 1 === limit)) return incomplete;
        const value = text.slice(i, ended ? end : limit);
        const inside = value.indexOf("<");
        if (ended && (inside < 0 || end + 1 === limit || /[\s/>?]/.test(text[end + 1]!))) {
          if (inside >= 0) this.#notes.push(`A raw < in an attribute of <${name.slice(0, 80)}>.`);
          attributes[key] ??= this.#decode(value);
          i = end + 1;
          continue;
        }
        // No end, or the begin of another value: this one ends with its line, with its tag, or where a tag begins.
        const stop = value.search(/[<>\r\n]/);
        attributes[key] ??= this.#decode(stop < 0 ? value : value.slice(0, stop));
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

  #decode(text: string): string {
    let at = text.indexOf("&");
    if (at < 0) return text;
    let decoded = "";
    let done = 0;
    for (; at >= 0; at = text.indexOf("&", at + 1)) {
      const end = text.indexOf(";", at);
      if (end < 0) break;
      if (end - at > longestEntity) continue;
      const char = this.#entity(text.slice(at + 1, end));
      if (char === undefined) continue;
      decoded += text.slice(done, at) + char;
      done = end + 1;
    }
    return done === 0 ? text : decoded + text.slice(done);
  }

  /** What an entity stands for; undefined for what is none, or none of XML's own. */
  #entity(body: string): string | undefined {
    const own = Object.hasOwn(named, body) ? named[body] : undefined;
    if (own !== undefined) return own;
    const numeric = /^#(?:(\d{1,10})|[xX]([0-9a-fA-F]{1,8}))$/.exec(body);
    if (!numeric) {
      if (/^[\w.:-]+$/.test(body))
        this.#notes.push(`The entity &${body}; is not one of XML's own; it is left as it is.`);
      return undefined;
    }
    const code = numeric[1] === undefined ? Number.parseInt(numeric[2]!, 16) : Number(numeric[1]);
    if (code > 0 && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff)) return String.fromCodePoint(code);
    this.#notes.push(`&${body}; is no character; it is read as U+FFFD.`);
    return "\ufffd";
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
