/** Private SSH keys in OpenSSH's own format: https://github.com/openssh/openssh-portable/blob/master/PROTOCOL.key */
import { createHash, createPrivateKey, createPublicKey, type KeyObject } from "node:crypto";
import { SopsError } from "./errors.ts";

/** An SSH key, as far as age needs it. */
export interface SshKey {
  type: "ssh-ed25519" | "ssh-rsa";
  /** The public key in the form that SSH sends, from which age takes the name of the key. */
  wire: Buffer;
  /** For ssh-ed25519, the 32 bytes of the seed. */
  seed?: Buffer;
  /** For ssh-rsa. */
  rsa?: KeyObject;
}

/** The line of a public key file, without its comment. */
export const publicLine = ({ type, wire }: SshKey): string => `${type} ${wire.toString("base64")}`;

/** The four bytes by which age names an SSH key. */
export const tagOf = ({ wire }: SshKey): string =>
  createHash("sha256").update(wire).digest().subarray(0, 4).toString("base64").replace(/=+$/, "");

/** @throws SopsError for a key with a passphrase, or of another type; nothing of the key is in the message */
export function parseSshKey(pem: string): SshKey {
  try {
    return /BEGIN OPENSSH PRIVATE KEY/.test(pem) ? openssh(pem) : pkcs(pem);
  } catch (error) {
    if (error instanceof SopsError) throw error;
    throw new SopsError("no-key", "The SSH private key that was given cannot be read; it may not be complete.");
  }
}

/** RSA keys in the older PEM forms. */
function pkcs(pem: string): SshKey {
  if (/ENCRYPTED/.test(pem)) throw withPassphrase();
  return ofRsa(createPrivateKey(pem));
}

function ofRsa(rsa: KeyObject): SshKey {
  if (rsa.asymmetricKeyType !== "rsa") throw unknownType();
  const { e = "", n = "" } = createPublicKey(rsa).export({ format: "jwk" });
  return {
    type: "ssh-rsa",
    wire: Buffer.concat([
      field("ssh-rsa"),
      field(integer(Buffer.from(e, "base64url"))),
      field(integer(Buffer.from(n, "base64url"))),
    ]),
    rsa,
  };
}

const withPassphrase = (): SopsError =>
  new SopsError("unsupported", "The SSH private key that was given has a passphrase. Use one without, or an age key.");
const unknownType = (): SopsError =>
  new SopsError(
    "unsupported",
    "The SSH private key that was given is neither of ssh-ed25519 nor of ssh-rsa, the two that age knows.",
  );

function field(content: Buffer | string): Buffer {
  const bytes = Buffer.from(content);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

/** SSH's integers are signed, so a high first bit gets a zero before it. */
const integer = (bytes: Buffer): Buffer => (bytes[0]! & 0x80 ? Buffer.concat([Buffer.from([0]), bytes]) : bytes);

class Fields {
  private at = 0;
  private readonly bytes: Buffer;
  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }
  number(): number {
    this.at += 4;
    return this.bytes.readUInt32BE(this.at - 4);
  }
  next(): Buffer {
    const length = this.number();
    if (this.at + length > this.bytes.length) throw new RangeError("a field is not complete");
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }
}

const magic = "openssh-key-v1\0";

function openssh(pem: string): SshKey {
  const bytes = Buffer.from(pem.replace(/-----[^-]*-----|\s/g, ""), "base64");
  if (bytes.subarray(0, magic.length).toString("latin1") !== magic) throw new RangeError("not this format");
  const outer = new Fields(bytes.subarray(magic.length));
  if (outer.next().toString() !== "none") throw withPassphrase();
  outer.next();
  outer.next();
  if (outer.number() !== 1) throw new RangeError("more than one key");
  const wire = outer.next();
  const inner = new Fields(outer.next());
  const check = inner.number();
  if (inner.number() !== check) throw new RangeError("check bytes differ");
  const type = inner.next().toString();
  if (type === "ssh-ed25519") {
    inner.next();
    return { type, wire: Buffer.from(wire), seed: Buffer.from(inner.next().subarray(0, 32)) };
  }
  if (type !== "ssh-rsa") throw unknownType();
  const [n, e, d, qi, p, q] = Array.from({ length: 6 }, () => inner.next()) as [
    Buffer,
    Buffer,
    Buffer,
    Buffer,
    Buffer,
    Buffer,
  ];
  const number = (value: Buffer): bigint => BigInt(`0x${value.toString("hex") || "0"}`);
  const remainder = (prime: Buffer): Buffer => {
    const hex = (number(d) % (number(prime) - 1n)).toString(16);
    return Buffer.from(hex.padStart(hex.length + (hex.length % 2), "0"), "hex");
  };
  const jwk = Object.fromEntries(
    Object.entries({ n, e, d, p, q, qi, dp: remainder(p), dq: remainder(q) }).map(([name, value]) => [
      name,
      // JWK has no sign byte.
      (value[0] === 0 ? value.subarray(1) : value).toString("base64url"),
    ]),
  );
  return ofRsa(createPrivateKey({ key: { kty: "RSA", ...jwk }, format: "jwk" }));
}
