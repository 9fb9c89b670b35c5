/** The ways Nix writes a hash, read into one: `sha256-<base64>`. */
import { decodeBase32, encodeBase32 } from "./base32.ts";

const sizes: Record<string, number> = { md5: 16, sha1: 20, sha256: 32, sha512: 64, blake3: 32 };

/**
 * Reads `sha256-<base64>`, `sha256:<base 16, base 32 or base 64>` or, with an algorithm, the digits alone.
 * @returns `<algorithm>-<base64>`, or undefined for anything else
 */
export function parseHash(text: string, algorithm?: string): string | undefined {
  const [, named, digits = ""] = /^(?:(\w+)[-:])?(.+)$/.exec(text) ?? [];
  const kind = named ?? algorithm?.replace(/^r:|^text:/, "");
  const size = sizes[kind ?? ""];
  if (size === undefined) return undefined;
  const bytes =
    /^[0-9a-f]+$/i.test(digits) && digits.length === size * 2
      ? Buffer.from(digits, "hex")
      : digits.length === Math.ceil((size * 8) / 5)
        ? decodeBase32(digits)
        : Buffer.from(digits, "base64");
  return bytes?.length === size ? `${kind}-${bytes.toString("base64")}` : undefined;
}

/** The bytes of `<algorithm>-<base64>`. */
export const hashBytes = (hash: string): Buffer => Buffer.from(hash.slice(hash.indexOf("-") + 1), "base64");

/** `sha256-<base64>` as lowercase hex, as checksum files and attestations write it. */
export const hashHex = (hash: string): string => hashBytes(hash).toString("hex");

/** `sha256-<base64>` as `sha256:<base 32>`, as narinfo files write it. */
export const hashBase32 = (hash: string): string =>
  `${hash.slice(0, hash.indexOf("-"))}:${encodeBase32(hashBytes(hash))}`;
