/** The keys that a user offers: age identities, in all the forms that age and SOPS read. */
import { scrypt } from "node:crypto";
import { promisify } from "node:util";
import { bech32 } from "@scure/base";
import { decode, openAgeFile, openFileKey, type Unwrap } from "./age-file.ts";
import { SopsError } from "./errors.ts";
import { sshIdentity } from "./ssh-identity.ts";
import { parseSshKey, publicLine } from "./ssh-key.ts";
import { agree, derive, pointOf } from "./x25519.ts";

/** One key: what opens, and what may be said of it in public. */
export interface OfferedKey {
  /** Opens an armored file of age; undefined when it is not for this key. */
  open: (file: string) => Promise<Buffer | undefined>;
  /** The recipient that belongs to it: `age1…` or the line of the SSH public key. */
  recipient: string;
}

const block = /-----BEGIN ([A-Z ]+)-----[\s\S]*?-----END \1-----/g;

/**
 * Reads identities: lines with `AGE-SECRET-KEY-…`, comments, SSH private keys, and identity files that age encrypted
 * with a passphrase.
 * @param passphrase opens such files; "" when there is none
 * @param unwrapped is told the text of each file that the passphrase opened, before anything is made of it: it is secret
 * @throws SopsError that names what is wrong and shows nothing of the key
 */
export async function parseIdentities(
  text: string,
  passphrase = "",
  unwrapped: (text: string) => void = () => {},
): Promise<OfferedKey[]> {
  const keys: OfferedKey[] = [];
  for (const [pem, kind = ""] of text.matchAll(block)) {
    if (kind === "AGE ENCRYPTED FILE") {
      const plain = await openFile(pem, passphrase);
      unwrapped(plain);
      keys.push(...(await parseIdentities(plain)));
    } else if (/PRIVATE KEY$/.test(kind)) {
      const key = parseSshKey(pem);
      keys.push({ open: (file) => openAgeFile(file, sshIdentity(key)), recipient: publicLine(key) });
    } else throw new SopsError("no-key", `The key that was given holds a block that is no private key: ${kind}.`);
  }
  const lines = text
    .replace(block, "")
    .split("\n")
    .filter((line) => !line.trim().startsWith("#"));
  for (const word of lines.join(" ").split(/\s+/).filter(Boolean)) keys.push(await nativeKey(word));
  if (keys.length === 0)
    throw new SopsError(
      "no-key",
      "The key that was given is empty: it holds neither an age identity nor an SSH private key.",
    );
  return keys;
}

async function nativeKey(word: string): Promise<OfferedKey> {
  if (/^AGE-PLUGIN-/i.test(word))
    throw new SopsError(
      "unsupported",
      "The key that was given belongs to a plugin of age, which is a program and is not run here.",
    );
  if (/^age1|^ssh-/.test(word))
    throw new SopsError(
      "no-key",
      "The key that was given is a recipient, which is the public half; the secret half starts with `AGE-SECRET-KEY-`.",
    );
  try {
    return word.startsWith("AGE-SECRET-KEY-PQ-1") ? await postQuantum(word) : x25519(word);
  } catch {
    // Its own message could hold a part of the key.
    throw new SopsError(
      "no-key",
      "The key that was given is neither an age identity (`AGE-SECRET-KEY-…`) nor an SSH private key, or it is not complete.",
    );
  }
}

/** https://github.com/C2SP/C2SP/blob/main/age.md#x25519-recipient-type */
function x25519(word: string): OfferedKey {
  const { prefix, bytes: scalar } = bech32.decodeToBytes(word);
  if (prefix.toUpperCase() !== "AGE-SECRET-KEY-" || word !== word.toUpperCase() || scalar.length !== 32)
    throw new RangeError();
  const own = pointOf(scalar);
  const unwrap: Unwrap = (stanzas) => {
    for (const { args, body } of stanzas) {
      const point = args[0] === "X25519" && args.length === 2 ? decode(args[1]!) : undefined;
      const shared = point?.length === 32 ? agree(scalar, point) : undefined;
      if (!point || !shared) continue;
      const fileKey = openFileKey(derive(shared, Buffer.concat([point, own]), "age-encryption.org/v1/X25519"), body);
      if (fileKey !== undefined) return fileKey;
    }
    return undefined;
  };
  return { open: (file) => openAgeFile(file, unwrap), recipient: bech32.encodeFromBytes("age", own) };
}

async function postQuantum(word: string): Promise<OfferedKey> {
  const { armor, Decrypter, identityToRecipient } = await import("./age-library.ts");
  const decrypter = new Decrypter();
  decrypter.addIdentity(word);
  return {
    recipient: await identityToRecipient(word),
    open: async (file) => {
      try {
        return Buffer.from(await decrypter.decrypt(armor.decode(file)));
      } catch {
        return undefined;
      }
    },
  };
}

async function openFile(pem: string, passphrase: string): Promise<string> {
  if (passphrase === "")
    throw new SopsError("no-key", "The key that was given is protected by a passphrase, and no passphrase was given.");
  const plain = await openAgeFile(pem, passphraseIdentity(passphrase));
  if (plain === undefined) throw new SopsError("no-key", "The passphrase does not open the key that was given.");
  return plain.toString();
}

// age itself writes 18, and more costs memory and time without end: 2^20 takes 1 GiB.
const largestWorkFactor = 20;

/** https://github.com/C2SP/C2SP/blob/main/age.md#scrypt-recipient-type */
function passphraseIdentity(passphrase: string): Unwrap {
  return async (stanzas) => {
    const [only] = stanzas;
    if (only?.args[0] !== "scrypt" || stanzas.length !== 1) return undefined;
    const [, salt = "", work = ""] = only.args;
    if (!/^[1-9]\d?$/.test(work) || Number(work) > largestWorkFactor)
      throw new SopsError(
        "too-large",
        `The key that was given asks for more work than 2^${largestWorkFactor} to open.`,
      );
    const N = 2 ** Number(work);
    const full = Buffer.concat([Buffer.from("age-encryption.org/v1/scrypt"), Buffer.from(salt, "base64")]);
    const options = { N, r: 8, p: 1, maxmem: 256 * 8 * N + 1024 * 1024 };
    const key = await promisify<string, Buffer, number, object, Buffer>(scrypt)(passphrase, full, 32, options);
    return openFileKey(key, only.body);
  };
}
