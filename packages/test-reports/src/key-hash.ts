/**
 * A hash of 96 bits of an execution's key (id, parameter, variant), for a table that cannot keep the keys. It is
 * HalfSipHash-1-3 (Aumasson and Bernstein) over UTF-16 with all but a quarter of its last state as the result.
 */
import { randomBytes } from "node:crypto";
import type { Execution } from "@goatnote/ci-history";

/** Reports can hold names chosen to collide; a seed that nobody knows makes that a guess. */
const seed = new Int32Array(Uint8Array.from(randomBytes(8)).buffer);

export class KeyHash {
  /** The hash of the latest key. */
  a = 0;
  b = 0;
  c = 0;
  #v0 = 0;
  #v1 = 0;
  #v2 = 0;
  #v3 = 0;
  /** Ids of one class begin alike: how the latest began, and the state after it. */
  #begin = "";
  readonly #state = new Int32Array(4);

  constructor() {
    this.#keepBegin("");
  }

  /** Hashes a key into `a`, `b` and `c`. */
  of({ id, param, variant }: Execution): void {
    if (!id.startsWith(this.#begin)) this.#keepBegin(id);
    const state = this.#state;
    this.#v0 = state[0]!;
    this.#v1 = state[1]!;
    this.#v2 = state[2]!;
    this.#v3 = state[3]!;
    this.#add(id, this.#begin.length);
    if (param !== undefined) this.#add(param, 0);
    if (variant !== undefined) this.#add(variant, 0);
    // The lengths tell which characters belong to what.
    this.#round(id.length);
    this.#round(param === undefined ? -1 : param.length);
    this.#round(variant === undefined ? -1 : variant.length);
    this.#v2 ^= 0xff;
    for (let i = 0; i < 3; i++) this.#round(0);
    this.a = this.#v1 ^ this.#v3;
    this.b = this.#v0;
    this.c = this.#v2;
  }

  /** Remembers an id's file and class, to an even number of characters: a word is two. */
  #keepBegin(id: string): void {
    const end = (id.lastIndexOf("|") + 1) & ~1;
    this.#v0 = seed[0]!;
    this.#v1 = seed[1]!;
    this.#v2 = 0x6c796765 ^ seed[0]!;
    this.#v3 = 0x74656462 ^ seed[1]!;
    this.#begin = id.slice(0, end);
    this.#add(this.#begin, 0);
    this.#state.set([this.#v0, this.#v1, this.#v2, this.#v3]);
  }

  /** Takes in a text from an even index on. The rounds are those of `#round`, on local variables. */
  #add(text: string, from: number): void {
    let v0 = this.#v0;
    let v1 = this.#v1;
    let v2 = this.#v2;
    let v3 = this.#v3;
    for (let i = from; i < text.length; i += 2) {
      const word = text.charCodeAt(i) | (i + 1 < text.length ? text.charCodeAt(i + 1) << 16 : 0);
      v3 ^= word;
      v0 = (v0 + v1) | 0;
      v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
      v0 = (v0 << 16) | (v0 >>> 16);
      v2 = (v2 + v3) | 0;
      v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
      v0 = (v0 + v3) | 0;
      v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
      v2 = (v2 + v1) | 0;
      v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
      v2 = (v2 << 16) | (v2 >>> 16);
      v0 ^= word;
    }
    this.#v0 = v0;
    this.#v1 = v1;
    this.#v2 = v2;
    this.#v3 = v3;
  }

  #round(word: number): void {
    let v0 = this.#v0;
    let v1 = this.#v1;
    let v2 = this.#v2;
    let v3 = this.#v3 ^ word;
    v0 = (v0 + v1) | 0;
    v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
    v0 = (v0 << 16) | (v0 >>> 16);
    v2 = (v2 + v3) | 0;
    v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
    v0 = (v0 + v3) | 0;
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
    v2 = (v2 + v1) | 0;
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
    v2 = (v2 << 16) | (v2 >>> 16);
    this.#v0 = v0 ^ word;
    this.#v1 = v1;
    this.#v2 = v2;
    this.#v3 = v3;
  }
}
