/** The keys that a user offers: age identities, in all the forms that age and SOPS read. */
import { scrypt } from "node:crypto";
import { promisify } from "node:util";
import type { Identity, Stanza } from "age-encryption";
import { openChaCha } from "./chacha.ts";
import { SopsError } from "./errors.ts";
import { sshIdentity } from "./ssh-identity.ts";
import { parseSshKey, publicLine } from "./ssh-key.ts";

/** One identity: what opens, and what may be said of it in public. */
export interface OfferedKey {
  identity: Identity | string;
  /** The recipient that belongs to it: `age1…` or the line of the SSH public key. */
  recipient: string;
}

const block = /-----BEGIN ([A-Z ]+)-----[\s\S]*?-----END \1-----/g;

/**
 * Reads identities: lines with `AGE-SECRET-KEY-…`, comments, SSH private keys, and identity files that age encrypted
 * with a passphrase.
 * @param passphrase opens such files; "" when there is none
 * @throws SopsError that names what is wrong and shows nothing of the key
 */
export async function parseIdentities(text: string, passphrase = ""): Promise<OfferedKey[]> {
  const keys: OfferedKey[] = [];
  for (const [pem, kind = ""] of text.matchAll(block)) {
    if (kind === "AGE ENCRYPTED FILE") keys.push(...(await parseIdentities(await openFile(pem, passphrase))));
    else if (/PRIVATE KEY$/.test(kind)) {
      const key = parseSshKey(pem);
      keys.push({ identity: sshIdentity(key), recipient: publicLine(key) });
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
  const { identityToRecipient } = await import("age-encryption");
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
    return { identity: word, recipient: await identityToRecipient(word) };
  } catch {
    // Its own message could hold a part of the key.
    throw new SopsError(
      "no-key",
      "The key that was given is neither an age identity (`AGE-SECRET-KEY-…`) nor an SSH private key, or it is not complete.",
    );
  }
}

async function openFile(pem: string, passphrase: string): Promise<string> {
  if (passphrase === "")
    throw new SopsError("no-key", "The key that was given is protected by a passphrase, and no passphrase was given.");
  const { armor, Decrypter } = await import("age-encryption");
  const decrypter = new Decrypter();
  decrypter.addIdentity(passphraseIdentity(passphrase));
  try {
    return await decrypter.decrypt(armor.decode(pem), "text");
  } catch (error) {
    if (error instanceof SopsError) throw error;
    throw new SopsError("no-key", "The passphrase does not open the key that was given.");
  }
}

// age itself writes 18, and more costs memory and time without end: 2^20 takes 1 GiB.
const largestWorkFactor = 20;

/** https://github.com/C2SP/C2SP/blob/main/age.md#scrypt-recipient-type */
function passphraseIdentity(passphrase: string): Identity {
  return {
    async unwrapFileKey(stanzas: Stanza[]): Promise<Uint8Array | null> {
      const [only] = stanzas;
      if (only?.args[0] !== "scrypt" || stanzas.length !== 1) return null;
      const [, salt = "", work = ""] = only.args;
      if (!/^[1-9]\d?$/.test(work) || Number(work) > largestWorkFactor)
        throw new SopsError(
          "too-large",
          `The key that was given asks for more work than 2^${largestWorkFactor} to open.`,
        );
      const N = 2 ** Number(work);
      const full = Buffer.concat([Buffer.from("age-encryption.org/v1/scrypt"), Buffer.from(salt, "base64")]);
      const key = await promisify<string, Buffer, number, object, Buffer>(scrypt)(passphrase, full, 32, {
        N,
        r: 8,
        p: 1,
        maxmem: 256 * 8 * N + 1024 * 1024,
      });
      return openChaCha(key, only.body);
    },
  };
}
