import { createDecipheriv } from "node:crypto";

/** A file key of age under a wrapping key: ChaCha20-Poly1305 with a nonce of zeros; null when it does not authenticate. */
export function openChaCha(key: Uint8Array, body: Uint8Array): Uint8Array | null {
  if (body.length !== 32) return null;
  const cipher = createDecipheriv("chacha20-poly1305", key, Buffer.alloc(12), { authTagLength: 16 });
  cipher.setAuthTag(body.subarray(16));
  const fileKey = cipher.update(body.subarray(0, 16));
  try {
    cipher.final();
  } catch {
    return null;
  }
  return fileKey;
}
