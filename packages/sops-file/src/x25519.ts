/** X25519 with raw bytes, which Node's own functions take as DER: https://www.rfc-editor.org/rfc/rfc8410 */
import { createPrivateKey, createPublicKey, diffieHellman, hkdfSync, type KeyObject } from "node:crypto";

const privateStart = Buffer.from("302e020100300506032b656e04220420", "hex");
const publicStart = Buffer.from("302a300506032b656e032100", "hex");

const privateKey = (scalar: Uint8Array): KeyObject =>
  createPrivateKey({ key: Buffer.concat([privateStart, scalar]), format: "der", type: "pkcs8" });

/** The public point of a secret scalar; 32 bytes each. */
export const pointOf = (scalar: Uint8Array): Buffer =>
  createPublicKey(privateKey(scalar)).export({ format: "der", type: "spki" }).subarray(publicStart.length);

/** The shared secret; undefined for a point of low order, which would make it known to everyone. */
export function agree(scalar: Uint8Array, point: Uint8Array): Buffer | undefined {
  try {
    const publicKey = createPublicKey({ key: Buffer.concat([publicStart, point]), format: "der", type: "spki" });
    return diffieHellman({ privateKey: privateKey(scalar), publicKey });
  } catch {
    return undefined;
  }
}

/** HKDF with SHA-256, 32 bytes. */
export const derive = (secret: Uint8Array, salt: Uint8Array, info: string): Buffer =>
  Buffer.from(hkdfSync("sha256", secret, salt, info, 32));
