/** A whole file: every value is decrypted, and the MAC over all of them is verified before any is given out. */
import { createHash, type KeyObject, timingSafeEqual } from "node:crypto";
import { SopsError } from "./errors.ts";
import { withoutFraction } from "./go-values.ts";
import { withMerges } from "./leaves.ts";
import { extractMetadata, type Metadata } from "./metadata.ts";
import { selectorOf } from "./selection.ts";
import { type Format, readDocuments } from "./stores.ts";
import { type Comment, type Documents, type Node, type Scalar, showPath } from "./tree.ts";
import { dataKey, decryptValue, hashedBytes } from "./value.ts";
import { walk } from "./walk.ts";

/** An encrypted file that was read, and of which nothing is decrypted yet. */
export interface EncryptedFile {
  format: Format;
  metadata: Metadata;
  documents: Documents;
}

/** The values of a file whose MAC was verified. */
export interface DecryptedFile {
  /** Of YAML with merges applied. */
  documents: Documents;
  /** The values and, in lists, comments that were encrypted, also those that a merge leaves out; all others are plain in the file. */
  encrypted: ReadonlySet<Scalar | Comment>;
  /** The expression that selects the encrypted values is none in Go's RE2, so SOPS encrypted by no rule. */
  invalidSelection: boolean;
}

/** Reads an encrypted file. @throws SopsError when SOPS did not encrypt it, or it cannot be read */
export async function readEncrypted(content: Uint8Array, format: Format): Promise<EncryptedFile> {
  const found = extractMetadata(await readDocuments(content, format), format);
  if (found === undefined)
    throw new SopsError("no-metadata", `It has no SOPS metadata, so it is not encrypted, or it is no ${format} file.`);
  // SOPS refuses such a file too; it is not what SOPS wrote.
  if (!versionPattern.test(found.metadata.version))
    throw new SopsError("malformed", "Its SOPS metadata has no `version` that is one.");
  return { format, ...found };
}

// https://semver.org, but for the first version of SOPS.
const part = "(?:0|[1-9]\\d*)";
const versionPattern = new RegExp(
  `^(?:1\\.0|${part}\\.${part}\\.${part}(?:-[\\dA-Za-z-]+(?:\\.[\\dA-Za-z-]+)*)?(?:\\+[\\dA-Za-z-]+(?:\\.[\\dA-Za-z-]+)*)?)$`,
);

// SHA-256 of the text `sops`: a MAC over encrypted values alone never equals one over all of them.
const onlyEncryptedStart = Buffer.from("8a3fd2ad54ce66527b1034f3d147be0b0b975b3bf44f72c6fdadec8176f27d69", "hex");

/**
 * Decrypts all values and verifies the MAC. Without a MAC that is right there is no value.
 * @param key the data key, 32 bytes
 * @throws SopsError
 */
export async function decryptFile(
  { documents, metadata, format }: EncryptedFile,
  key: Uint8Array,
): Promise<DecryptedFile> {
  if (key.length !== 32)
    throw new SopsError("no-key", "The data key that was opened is not one of SOPS: it has not 32 bytes.");
  const secret = dataKey(key);
  const hash = createHash("sha512");
  if (metadata.macOnlyEncrypted) hash.update(onlyEncryptedStart);
  const selector = await selectorOf(metadata.selection);
  const encrypted = new Set<Scalar | Comment>();
  const plain = walk(documents, selector, (leaf, path, isEncrypted) => {
    if (leaf.kind === "comment" || leaf.kind === "null") return leaf;
    if (!isEncrypted) {
      if (!metadata.macOnlyEncrypted) hash.update(hashedBytes(leaf) ?? "");
      return leaf;
    }
    const value = decryptLeaf(leaf, path, secret);
    hash.update(value.hashed);
    encrypted.add(value.value);
    return value.value;
  });
  verifyMac(hash.digest("hex").toUpperCase(), metadata, secret);
  return { documents: format === "yaml" ? withMerges(plain) : plain, encrypted, invalidSelection: selector.invalid };
}

function decryptLeaf(
  leaf: Node,
  path: readonly string[],
  key: KeyObject,
): NonNullable<ReturnType<typeof decryptValue>> {
  const at = (): string => `The value at ${showPath(path)}`;
  if (leaf.kind !== "str")
    throw new SopsError("tampered", `${at()} is not encrypted, though by the rule of the file it should be.`);
  try {
    const value = decryptValue(leaf.text, key, `${path.join(":")}:`);
    if (value !== undefined) return value;
  } catch (error) {
    if (error instanceof SopsError) throw new SopsError("tampered", `${at()} ${error.message}.`);
    throw error;
  }
  throw new SopsError("tampered", `${at()} does not authenticate: it was changed, or moved there from another place.`);
}

function verifyMac(computed: string, { mac, lastModified }: Metadata, key: KeyObject): void {
  if (mac === "")
    throw new SopsError(
      "mac-missing",
      "It has no MAC, so nothing shows that its values belong together; it is not used.",
    );
  let stored: ReturnType<typeof decryptValue>;
  try {
    stored = decryptValue(mac, key, withoutFraction(lastModified));
  } catch {
    stored = undefined;
  }
  const given = stored?.hashed ?? Buffer.alloc(0);
  const wanted = Buffer.from(computed);
  if (given.length !== wanted.length || !timingSafeEqual(given, wanted))
    throw new SopsError(
      "mac-mismatch",
      "Its MAC does not fit its values: the file was changed without SOPS, and is not used.",
    );
}
