/**
 * SHA-256 of a stream of blocks, beside whoever reads them: short streams are hashed when they end, longer ones by a second
 * thread while the next blocks are read.
 */
import { createHash } from "node:crypto";
import { Worker } from "node:worker_threads";
import { NixError } from "./errors.ts";

const blockSize = 1 << 18;
// 32 MB. Starting a thread takes as long as hashing about that much.
const blocks = 128;
const patience = 300_000;
const at = { filled: 0, hashed: 1, ended: 2, lengths: 4 };

// Waits for filled blocks of the ring, hashes them in turn, and leaves the digest in the first one.
const hasher = `
const { workerData: { bytes, state, at, blockSize, blocks } } = require("node:worker_threads");
const hash = require("node:crypto").createHash("sha256");
for (let next = 0; ; next++) {
  while (Atomics.load(state, at.filled) === next && Atomics.load(state, at.ended) === 0) Atomics.wait(state, at.filled, next);
  if (Atomics.load(state, at.filled) === next) break;
  const begin = (next % blocks) * blockSize;
  hash.update(bytes.subarray(begin, begin + state[at.lengths + (next % blocks)]));
  Atomics.store(state, at.hashed, next + 1);
  Atomics.notify(state, at.hashed);
}
bytes.set(hash.digest());
Atomics.store(state, at.hashed, -1);
Atomics.notify(state, at.hashed);
`;

// One ring for all streams of this thread, which follow each other.
let ring: Buffer | undefined;

/** A stream whose blocks are written where `space` says. */
export class StreamHash {
  readonly #ring: Buffer;
  readonly #state = new Int32Array(new SharedArrayBuffer(4 * (at.lengths + blocks)));
  #filled = 0;
  #thread: Worker | undefined;

  constructor() {
    ring ??= Buffer.from(new SharedArrayBuffer(blocks * blockSize));
    this.#ring = ring;
  }

  /** Room for the next block; its content is taken by `add`. */
  space(): Buffer {
    const begin = (this.#filled % blocks) * blockSize;
    return this.#ring.subarray(begin, begin + blockSize);
  }

  /** Takes so many bytes of the room. */
  add(bytes: number): void {
    this.#state[at.lengths + (this.#filled % blocks)] = bytes;
    this.#filled++;
    if (this.#filled === blocks) this.#thread = this.#start();
    Atomics.store(this.#state, at.filled, this.#filled);
    if (!this.#thread) return;
    Atomics.notify(this.#state, at.filled);
    // The room after this one must have been hashed.
    this.#until((hashed) => this.#filled - hashed < blocks);
  }

  /** @returns the 32 bytes */
  digest(): Buffer {
    if (!this.#thread) {
      const hash = createHash("sha256");
      for (let i = 0; i < this.#filled; i++)
        hash.update(this.#ring.subarray(i * blockSize, i * blockSize + this.#state[at.lengths + i]!));
      return hash.digest();
    }
    Atomics.store(this.#state, at.ended, 1);
    Atomics.notify(this.#state, at.filled);
    this.#until((hashed) => hashed === -1);
    return Buffer.from(this.#ring.subarray(0, 32));
  }

  #start(): Worker {
    const workerData = { bytes: this.#ring, state: this.#state, at, blockSize, blocks };
    const thread = new Worker(hasher, { eval: true, workerData });
    thread.unref(); // a stream that is given up keeps no process
    return thread;
  }

  #until(done: (hashed: number) => boolean): void {
    for (;;) {
      const hashed = Atomics.load(this.#state, at.hashed);
      if (done(hashed)) return;
      if (Atomics.wait(this.#state, at.hashed, hashed, patience) === "timed-out")
        throw new NixError("The thread that hashes did not answer for five minutes. Is there memory left?");
    }
  }
}
