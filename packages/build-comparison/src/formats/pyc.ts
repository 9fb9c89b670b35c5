/** Compiled Python: a header that says how it is kept current, then code. https://peps.python.org/pep-0552/ */
import type { Container } from "./container.ts";

/** From Python 3.7 on: a magic number that ends with CR LF, and flags of which two bits exist. */
export const isPyc = (bytes: Buffer): boolean =>
  bytes.length > 16 && bytes[2] === 0x0d && bytes[3] === 0x0a && bytes.readUInt32LE(4) <= 3;

export function openPyc(bytes: Buffer): Container {
  const byHash = bytes.readUInt32LE(4) & 1;
  return {
    format: "pyc",
    fields: {
      magic: bytes.readUInt32LE(0),
      ...(byHash
        ? { "source hash": bytes.toString("hex", 8, 16) }
        : { mtime: bytes.readUInt32LE(8), "source size": bytes.readUInt32LE(12) }),
    },
    members: [{ name: "code", fields: {}, content: bytes.subarray(16) }],
  };
}
