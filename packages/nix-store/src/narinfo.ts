/**
 * narinfo files and their signatures: https://nix.dev/manual/nix/latest/protocols/binary-cache/ and
 * `ValidPathInfo::fingerprint` in https://github.com/NixOS/nix/blob/master/src/libstore/path-info.cc
 */
import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from "node:crypto";
import { NixError } from "./errors.ts";
import { hashBase32, parseHash } from "./hashes.ts";
import type { PathInfo } from "./shapes.ts";

/** Bytes of the largest narinfo that is read. Nix's own have a few hundred, and 60 for each reference. */
export const mostNarinfo = 1 << 16;

/** A key to sign with; its name is part of each signature. */
export interface SigningKey {
  name: string;
  key: KeyObject;
  /** `<name>:<base64>`, what readers trust. */
  publicKey: string;
}

// RFC 8410: the DER of an Ed25519 key is this and the 32 bytes.
const privatePrefix = Buffer.from("302e020100300506032b657004220420", "hex");
const publicPrefix = Buffer.from("302a300506032b6570032100", "hex");

function keyParts(text: string, bytes: number, what: string): [string, Buffer] {
  const [, name = "", digits = ""] = /^([^\s:]+):([A-Za-z0-9+/]+=*)$/.exec(text.trim()) ?? [];
  const content = Buffer.from(digits, "base64");
  if (content.length !== bytes)
    throw new NixError(
      `The ${what} is not in Nix's form \`<name>:<base64>\`; make a pair with \`nix key generate-secret --key-name <name>\`.`,
    );
  return [name, content];
}

/** Reads what `nix key generate-secret` writes. The message of an error does not repeat it. */
export function readSigningKey(text: string): SigningKey {
  const [name, bytes] = keyParts(text, 64, "signing key");
  const key = createPrivateKey({
    key: Buffer.concat([privatePrefix, bytes.subarray(0, 32)]),
    format: "der",
    type: "pkcs8",
  });
  const own = createPublicKey(key).export({ format: "der", type: "spki" }).subarray(publicPrefix.length);
  return { name, key, publicKey: `${name}:${own.toString("base64")}` };
}

/** Reads what `nix key convert-secret-to-public` writes. */
export function readPublicKey(text: string): { name: string; key: KeyObject } {
  const [name, bytes] = keyParts(text, 32, "public key");
  return { name, key: createPublicKey({ key: Buffer.concat([publicPrefix, bytes]), format: "der", type: "spki" }) };
}

/** What a signature covers: path, hash, size and references. */
const fingerprint = ({ path, narHash, narSize, references }: PathInfo): Buffer =>
  Buffer.from(`1;${path};${hashBase32(narHash)};${narSize};${[...references].sort().join(",")}`);

/** @returns `<key name>:<base64>` */
export const signPath = (info: PathInfo, { name, key }: SigningKey): string =>
  `${name}:${sign(null, fingerprint(info), key).toString("base64")}`;

/** Whether one of the signatures of an object is by one of these keys. */
export const isSigned = (info: PathInfo, keys: readonly { name: string; key: KeyObject }[]): boolean =>
  info.signatures.some((signature) =>
    keys.some(
      ({ name, key }) =>
        signature.startsWith(`${name}:`) &&
        verify(null, fingerprint(info), key, Buffer.from(signature.slice(name.length + 1), "base64")),
    ),
  );

const baseName = (path: string): string => path.slice(path.lastIndexOf("/") + 1);

/** The narinfo of an object whose archive lies uncompressed at `url`. */
export function formatNarinfo(info: PathInfo, url: string): string {
  const hash = hashBase32(info.narHash);
  return [
    `StorePath: ${info.path}`,
    `URL: ${url}`,
    "Compression: none",
    `FileHash: ${hash}`,
    `FileSize: ${info.narSize}`,
    `NarHash: ${hash}`,
    `NarSize: ${info.narSize}`,
    `References: ${info.references.map(baseName).join(" ")}`,
    ...(info.deriver ? [`Deriver: ${baseName(info.deriver)}`] : []),
    ...info.signatures.map((signature) => `Sig: ${signature}`),
    ...(info.ca ? [`CA: ${info.ca}`] : []),
    "",
  ].join("\n");
}

/**
 * Reads a narinfo file.
 * @throws NixError when a field is missing, twice or of another form
 */
export function parseNarinfo(text: string): PathInfo & { url: string; compression: string } {
  const fields = new Map<string, string[]>();
  for (const line of text.split("\n").filter(Boolean)) {
    const at = line.indexOf(": ");
    // A field without a value ends with the colon, after which some writers leave the space out.
    const name = at < 0 ? line.replace(/:\s*$/, "") : line.slice(0, at);
    const values = fields.get(name);
    const value = at < 0 ? "" : line.slice(at + 2);
    if (values) values.push(value);
    else fields.set(name, [value]);
  }
  const one = (name: string): string => {
    const [value, ...more] = fields.get(name) ?? [];
    if (value === undefined || more.length > 0) throw new NixError(`A narinfo has no ${name}, or more than one.`);
    return value;
  };
  const path = one("StorePath");
  const storeDir = path.slice(0, path.lastIndexOf("/"));
  const narHash = parseHash(one("NarHash"));
  const narSize = Number(one("NarSize"));
  if (!narHash?.startsWith("sha256-") || !Number.isSafeInteger(narSize) || !/^\/.*\/[0-9a-z]{32}-[^/]+$/.test(path))
    throw new NixError("A narinfo has a path, hash or size that is none.");
  const deriver = fields.get("Deriver")?.[0];
  return {
    path,
    url: one("URL"),
    compression: fields.get("Compression")?.[0] ?? "bzip2",
    narHash,
    narSize,
    references: one("References")
      .split(" ")
      .filter(Boolean)
      .map((name) => `${storeDir}/${name}`)
      .sort(),
    deriver: deriver && deriver !== "unknown-deriver" ? `${storeDir}/${deriver}` : null,
    ca: fields.get("CA")?.[0] ?? null,
    signatures: fields.get("Sig") ?? [],
  };
}
