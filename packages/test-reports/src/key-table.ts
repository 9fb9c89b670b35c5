/**
 * A hash table from the keys of executions (id, parameter, variant) to their places, without the keys: executions that
 * were handed on are not kept for it. Half a million keys are 16 MB. Each is known by 96 bits of a keyed hash; that two
 * of two million have the same is less likely than 1 in 10^16.
 */
import type { Execution } from "@goatnote/ci-history";
import { KeyHash } from "./key-hash.ts";

/** Of a slot: three words of the hash, and the place + 1, where 0 is free. */
const words = 4;

export class KeyTable {
  #slots = new Int32Array(words << 12);
  #used = 0;
  readonly #hash = new KeyHash();

  /** The slot of an execution's key; good until the next `set`. */
  slotOf(execution: Execution): number {
    this.#hash.of(execution);
    const { a, b, c } = this.#hash;
    const slots = this.#slots;
    const mask = slots.length - 1;
    let slot = (a * words) & mask;
    while (slots[slot + 3] !== 0) {
      if (slots[slot] === a && slots[slot + 1] === b && slots[slot + 2] === c) break;
      slot = (slot + words) & mask;
    }
    return slot;
  }

  /** The place in a slot, -1 where it is free. */
  at(slot: number): number {
    return this.#slots[slot + 3]! - 1;
  }

  /** Sets the slot that `slotOf` returned last. */
  set(slot: number, place: number): void {
    const { a, b, c } = this.#hash;
    if (this.#slots[slot + 3] === 0) this.#used++;
    this.#slots[slot] = a;
    this.#slots[slot + 1] = b;
    this.#slots[slot + 2] = c;
    this.#slots[slot + 3] = place + 1;
    if (this.#used * words * 2 > this.#slots.length) this.#grow();
  }

  #grow(): void {
    const from = this.#slots;
    const to = new Int32Array(from.length * 2);
    const mask = to.length - 1;
    for (let i = 0; i < from.length; i += words) {
      if (from[i + 3] === 0) continue;
      let slot = (from[i]! * words) & mask;
      while (to[slot + 3] !== 0) slot = (slot + words) & mask;
      for (let word = 0; word < words; word++) to[slot + word] = from[i + word]!;
    }
    this.#slots = to;
  }
}
