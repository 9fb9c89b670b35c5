import { createHash } from "node:crypto";

/** A number from 0 up to 1 that depends on its arguments only, so that a plan can be made again from its seed. */
export function chance(...parts: string[]): number {
  return createHash("sha256").update(JSON.stringify(parts)).digest().readUInt32BE() / 2 ** 32;
}
