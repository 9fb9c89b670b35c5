/** The few names that a document uses over and over. */
import { own } from "./own.ts";

/** Names of tags and attributes come again and again: one string for each, found without a copy of the text. */
export class Names {
  readonly #known: string[] = new Array(256).fill("");

  at(text: string, from: number, to: number): string {
    const length = to - from;
    if (length === 0 || length > 32) return text.slice(from, to);
    const slot = (text.charCodeAt(from) * 31 + text.charCodeAt(to - 1) * 7 + length) & 255;
    const known = this.#known[slot]!;
    if (known.length === length && text.startsWith(known, from)) return known;
    const name = own(text.slice(from, to));
    this.#known[slot] = name;
    return name;
  }
}
