/** SSH keys as identities of age: https://github.com/FiloSottile/age/blob/v1.2.1/agessh/agessh.go */
import { constants, createHash, privateDecrypt } from "node:crypto";
import { decode, openFileKey, type Unwrap } from "./age-file.ts";
import { type SshKey, tagOf } from "./ssh-key.ts";
import { agree, derive, pointOf } from "./x25519.ts";

/** What age calls the use of an SSH key. */
const label = (type: SshKey["type"]): string => `age-encryption.org/v1/${type}`;

/** Opens what was encrypted to the public half of an SSH key. */
export function sshIdentity(key: SshKey): Unwrap {
  const tag = tagOf(key);
  return (stanzas) => {
    for (const { args, body } of stanzas) {
      if (args[0] !== key.type || args[1] !== tag) continue;
      const fileKey = key.seed ? openEd25519(key, key.seed, args[2] ?? "", body) : openRsa(key, body);
      if (fileKey !== undefined) return fileKey;
    }
    return undefined;
  };
}

function openRsa({ rsa, type }: SshKey, body: Buffer): Buffer | undefined {
  try {
    return privateDecrypt(
      { key: rsa!, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: "sha256", oaepLabel: Buffer.from(label(type)) },
      body,
    );
  } catch {
    return undefined;
  }
}

function openEd25519({ wire, type }: SshKey, seed: Buffer, share: string, body: Buffer): Buffer | undefined {
  const point = decode(share);
  if (point?.length !== 32) return undefined;
  const ours = createHash("sha512").update(seed).digest().subarray(0, 32);
  const shared = agree(ours, point);
  const tweaked = shared && agree(derive(Buffer.alloc(0), wire, label(type)), shared);
  return tweaked && openFileKey(derive(tweaked, Buffer.concat([point, pointOf(ours)]), label(type)), body);
}
