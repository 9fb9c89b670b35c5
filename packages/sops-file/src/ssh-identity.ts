/** SSH keys as identities of age: https://github.com/FiloSottile/age/blob/v1.2.1/agessh/agessh.go */
import {
  constants,
  createHash,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  hkdfSync,
  type KeyObject,
  privateDecrypt,
} from "node:crypto";
import type { Identity, Stanza } from "age-encryption";
import { openChaCha } from "./chacha.ts";
import { type SshKey, tagOf } from "./ssh-key.ts";

/** What age calls the use of an SSH key. */
const label = (type: SshKey["type"]): string => `age-encryption.org/v1/${type}`;

/** The identity that opens what was encrypted to the public half of an SSH key. */
export function sshIdentity(key: SshKey): Identity {
  const tag = tagOf(key);
  return {
    unwrapFileKey(stanzas: Stanza[]): Uint8Array | null {
      for (const { args, body } of stanzas) {
        if (args[0] !== key.type || args[1] !== tag) continue;
        const fileKey = key.seed ? openEd25519(key, key.seed, args[2] ?? "", body) : openRsa(key, body);
        if (fileKey !== null) return fileKey;
      }
      return null;
    },
  };
}

function openRsa({ rsa, type }: SshKey, body: Uint8Array): Uint8Array | null {
  try {
    return privateDecrypt(
      { key: rsa!, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: "sha256", oaepLabel: Buffer.from(label(type)) },
      body,
    );
  } catch {
    return null;
  }
}

// DER of an X25519 key before its 32 bytes: https://www.rfc-editor.org/rfc/rfc8410
const privateStart = Buffer.from("302e020100300506032b656e04220420", "hex");
const publicStart = Buffer.from("302a300506032b656e032100", "hex");
const privateKey = (scalar: Uint8Array): KeyObject =>
  createPrivateKey({ key: Buffer.concat([privateStart, scalar]), format: "der", type: "pkcs8" });
const publicKey = (point: Uint8Array): KeyObject =>
  createPublicKey({ key: Buffer.concat([publicStart, point]), format: "der", type: "spki" });
const pointOf = (key: KeyObject): Buffer =>
  createPublicKey(key).export({ format: "der", type: "spki" }).subarray(publicStart.length);
const derive = (secret: Uint8Array, salt: Uint8Array, info: string): Buffer =>
  Buffer.from(hkdfSync("sha256", secret, salt, info, 32));

function openEd25519({ wire, type }: SshKey, seed: Buffer, share: string, body: Uint8Array): Uint8Array | null {
  const point = Buffer.from(share, "base64");
  if (point.length !== 32 || body.length !== 32) return null;
  const ours = privateKey(createHash("sha512").update(seed).digest().subarray(0, 32));
  const shared = diffieHellman({ privateKey: ours, publicKey: publicKey(point) });
  const tweak = privateKey(derive(Buffer.alloc(0), wire, label(type)));
  const secret = diffieHellman({ privateKey: tweak, publicKey: publicKey(shared) });
  const wrapping = derive(secret, Buffer.concat([point, pointOf(ours)]), label(type));
  return openChaCha(wrapping, body);
}
