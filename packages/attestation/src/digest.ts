/** Digests: as text, and of files. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { UserError } from "@goatnote/action-io";
import type { DigestSet } from "./statement.ts";

const hexLengths: Record<string, number> = { sha256: 64, sha384: 96, sha512: 128 };

/** The algorithm of a digest in hex, by its length. */
export const algorithmOf = (hex: string): string | undefined =>
  Object.keys(hexLengths).find((algorithm) => hexLengths[algorithm] === hex.length);

/**
 * `sha256:<hex>`, also of SHA-384 and SHA-512.
 * @throws UserError
 */
export function parseDigest(text: string): DigestSet {
  const [, algorithm = "", hex = ""] = /^([a-z0-9]+):([0-9a-f]+)$/i.exec(text) ?? [];
  if (algorithmOf(hex) !== algorithm.toLowerCase())
    throw new UserError(
      `${JSON.stringify(text.slice(0, 150))} is no digest: it has the form sha256:<64 hex digits>, sha384:<96> or sha512:<128>.`,
    );
  return { [algorithm.toLowerCase()]: hex.toLowerCase() };
}

const chunkBytes = 1024 * 1024;

/** A digest of a file's content, in hex. */
export async function digestOf(
  path: string,
  algorithm = "sha256",
  onBytes: (bytes: number) => void = () => {},
): Promise<string> {
  const hash = createHash(algorithm);
  for await (const chunk of createReadStream(path, { highWaterMark: chunkBytes })) {
    hash.update(chunk as Buffer);
    onBytes((chunk as Buffer).length);
  }
  return hash.digest("hex");
}
