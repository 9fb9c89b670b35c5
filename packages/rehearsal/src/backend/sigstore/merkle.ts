import { createHash } from "node:crypto";

const sha256 = (...parts: Uint8Array[]): Buffer => {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest();
};
const node = (left: Buffer, right: Buffer): Buffer => sha256(Buffer.of(1), left, right);

/** The hash of an entry as a leaf: https://www.rfc-editor.org/rfc/rfc6962#section-2.1 */
export const leafHash = (body: Uint8Array): Buffer => sha256(Buffer.of(0), body);

/** The largest power of two smaller than `size`. */
const split = (size: number): number => 2 ** Math.floor(Math.log2(size - 1));

/** The root over these leaves. */
export function rootHash(leaves: readonly Buffer[]): Buffer {
  if (leaves.length === 0) return sha256();
  if (leaves.length === 1) return leaves[0]!;
  const middle = split(leaves.length);
  return node(rootHash(leaves.slice(0, middle)), rootHash(leaves.slice(middle)));
}

/** The path that proves a leaf to be under the root, from the leaf up. */
export function inclusionPath(leaves: readonly Buffer[], index: number): Buffer[] {
  if (leaves.length <= 1) return [];
  const middle = split(leaves.length);
  return index < middle
    ? [...inclusionPath(leaves.slice(0, middle), index), rootHash(leaves.slice(middle))]
    : [...inclusionPath(leaves.slice(middle), index - middle), rootHash(leaves.slice(0, middle))];
}
