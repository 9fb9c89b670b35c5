/** A hash table over executions by id, parameter and variant, without a copy of any key: half a million are 8 MB. */
import { randomInt } from "node:crypto";
import type { Execution } from "@goatnote/ci-history";

/** Reports can hold names chosen to collide; the seed makes that a guess. */
const seed = randomInt(2 ** 31);

function hashText(text: string, from: number): number {
  let hash = from;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash;
}

function hashOf({ id, param, variant }: Execution): number {
  let hash = hashText(id, seed);
  if (param !== undefined) hash = hashText(param, hash ^ 0x9e37);
  if (variant !== undefined) hash = hashText(variant, hash ^ 0x79b9);
  hash ^= hash >>> 15;
  return Math.imul(hash, 0x2c1b3c6d) ^ (hash >>> 13);
}

export class KeyTable {
  readonly #executions: readonly Execution[];
  #hashes = new Int32Array(1 << 12);
  /** Index of the execution + 1; 0 is free. */
  #places = new Int32Array(1 << 12);
  #used = 0;
  #hash = 0;

  /** @param executions where the indexes point. */
  constructor(executions: readonly Execution[]) {
    this.#executions = executions;
  }

  /** The slot of an execution's key; good until the next `set`. */
  slotOf(execution: Execution): number {
    this.#hash = hashOf(execution);
    const mask = this.#places.length - 1;
    let slot = this.#hash & mask;
    for (; this.#places[slot] !== 0; slot = (slot + 1) & mask) {
      if (this.#hashes[slot] !== this.#hash) continue;
      const other = this.#executions[this.#places[slot]! - 1]!;
      if (other.id === execution.id && other.param === execution.param && other.variant === execution.variant) break;
    }
    return slot;
  }

  /** The index in a slot, -1 where it is free. */
  at(slot: number): number {
    return this.#places[slot]! - 1;
  }

  /** Sets the slot that `slotOf` returned last. */
  set(slot: number, index: number): void {
    if (this.#places[slot] === 0) this.#used++;
    this.#places[slot] = index + 1;
    this.#hashes[slot] = this.#hash;
    if (this.#used * 2 > this.#places.length) this.#grow();
  }

  #grow(): void {
    const [hashes, places] = [this.#hashes, this.#places];
    this.#hashes = new Int32Array(places.length * 2);
    this.#places = new Int32Array(places.length * 2);
    const mask = this.#places.length - 1;
    for (let i = 0; i < places.length; i++) {
      if (places[i] === 0) continue;
      let slot = hashes[i]! & mask;
      while (this.#places[slot] !== 0) slot = (slot + 1) & mask;
      this.#places[slot] = places[i]!;
      this.#hashes[slot] = hashes[i]!;
    }
  }
}
