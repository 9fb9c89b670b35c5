import { createHash } from "node:crypto";
import { json } from "@sigstore/core";
import { type ServiceKey, serviceKey, signed } from "./keys.ts";
import { inclusionPath, leafHash, rootHash } from "./merkle.ts";

export interface LoggedEntry {
  index: number;
  body: Buffer;
  /** Seconds since 1970. */
  time: number;
}

/** A transparency log: entries in a Merkle tree, checkpoints and promises signed by its key. */
export class TransparencyLog {
  readonly key: ServiceKey = serviceKey();
  readonly #host: string;
  readonly #origin: string;
  readonly #entries: LoggedEntry[] = [];
  readonly #leaves: Buffer[] = [];

  /**
   * @param host signs checkpoints; without a port
   * @param origin names the log in them: of Rekor v2 the host, of v1 the host and the tree's number, by which clients tell them apart
   */
  constructor(host: string, origin = host) {
    this.#host = host;
    this.#origin = origin;
  }

  get size(): number {
    return this.#entries.length;
  }

  /** Appends an entry, or says that an equal one is there. */
  append(content: object, time: number): { entry: LoggedEntry; known: boolean } {
    const body = Buffer.from(json.canonicalize(content));
    const known = this.#entries.find((entry) => entry.body.equals(body));
    if (known) return { entry: known, known: true };
    const entry = { index: this.#entries.length, body, time };
    this.#entries.push(entry);
    this.#leaves.push(leafHash(body));
    return { entry, known: false };
  }

  entry(uuid: string): LoggedEntry | undefined {
    return this.#entries.find((entry) => this.uuid(entry) === uuid);
  }

  /** Tree id and leaf hash, in hex. */
  uuid(entry: LoggedEntry): string {
    return `${"0".repeat(15)}1${leafHash(entry.body).toString("hex")}`;
  }

  /** Why an entry is in the log as it is now. Hashes are bytes. */
  proof(entry: LoggedEntry) {
    const root = rootHash(this.#leaves);
    return {
      index: entry.index,
      size: this.#leaves.length,
      root,
      path: inclusionPath(this.#leaves, entry.index),
      checkpoint: this.#checkpoint(root),
    };
  }

  /** A signed note over the tree's size and root: https://github.com/C2SP/C2SP/blob/main/tlog-checkpoint.md */
  #checkpoint(root: Buffer): string {
    const note = `${this.#origin}\n${this.#leaves.length}\n${root.toString("base64")}\n`;
    const signature = Buffer.concat([this.key.id.subarray(0, 4), signed(this.key, Buffer.from(note))]);
    return `${note}\n\u2014 ${this.#host} ${signature.toString("base64")}\n`;
  }

  /** The log's promise to include an entry (signed entry timestamp), which also vouches for its time. */
  promise({ body, index, time }: LoggedEntry): Buffer {
    const logID = createHash("sha256").update(this.key.spki).digest("hex");
    const payload = { body: body.toString("base64"), integratedTime: time, logID, logIndex: index };
    return signed(this.key, Buffer.from(json.canonicalize(payload)));
  }
}
