/** SHA-256 in a thread of its own, so that files are read while what was read is hashed. */
import { Worker } from "node:worker_threads";

const slots = 4;

// `state`: how many blocks are filled, how many of these are hashed, and the length of what is in each slot, 0 after the last one.
const program = `
const { workerData: { state, blocks, blockSize, slots, digest } } = require("node:worker_threads");
const hash = require("node:crypto").createHash("sha256");
for (let at = 0; ; at += 1) {
  while (Atomics.load(state, 0) === at) Atomics.wait(state, 0, at);
  const length = Atomics.load(state, 2 + (at % slots));
  if (length > 0) hash.update(new Uint8Array(blocks, (at % slots) * blockSize, length));
  else new Uint8Array(digest).set(hash.digest());
  Atomics.store(state, 1, at + 1);
  Atomics.notify(state, 1);
  if (length === 0) break;
}`;

// It hashes a block in less than a millisecond; that it is not there after so long means that it never will be.
const patienceMs = 60_000;

/** Hashes blocks in the order in which they are put. Ended by `stop`, also when something else failed. */
export class HashThread {
  readonly #worker: Worker;
  readonly #blockSize: number;
  readonly #blocks: SharedArrayBuffer;
  readonly #state = new Int32Array(new SharedArrayBuffer(4 * (2 + slots)));
  readonly #digest = new SharedArrayBuffer(32);
  #filled = 0;

  constructor(blockSize: number) {
    this.#blockSize = blockSize;
    this.#blocks = new SharedArrayBuffer(slots * blockSize);
    const shared = { state: this.#state, blocks: this.#blocks, blockSize, slots, digest: this.#digest };
    this.#worker = new Worker(program, { eval: true, workerData: shared });
    // Nobody waits for events while blocks are filled; a thread that failed is told by its silence.
    this.#worker.on("error", () => {}).unref();
  }

  /** A block to fill for the next `put`; waits until one is free. */
  free(): Buffer {
    this.#waitFor(this.#filled - slots + 1);
    return Buffer.from(this.#blocks, (this.#filled % slots) * this.#blockSize, this.#blockSize);
  }

  /** @param length how many bytes of the block that `free` gave are to be hashed */
  put(length: number): void {
    if (length > 0) this.#give(length);
  }

  /** @returns the digest of all that was put */
  digest(): Buffer {
    this.#waitFor(this.#filled - slots + 1);
    this.#give(0);
    this.#waitFor(this.#filled);
    return Buffer.from(new Uint8Array(this.#digest));
  }

  stop(): void {
    void this.#worker.terminate();
  }

  #give(length: number): void {
    Atomics.store(this.#state, 2 + (this.#filled % slots), length);
    this.#filled += 1;
    Atomics.store(this.#state, 0, this.#filled);
    Atomics.notify(this.#state, 0);
  }

  #waitFor(hashed: number): void {
    for (let now = Atomics.load(this.#state, 1); now < hashed; now = Atomics.load(this.#state, 1))
      if (Atomics.wait(this.#state, 1, now, patienceMs) === "timed-out")
        throw new Error(`The thread that hashes did nothing for ${patienceMs / 1000} s.`);
  }
}
