import { createHash, generateKeyPairSync, type KeyObject, sign } from "node:crypto";

/** A P-256 key pair of a service, made for this back end. */
export interface ServiceKey {
  publicKey: KeyObject;
  privateKey: KeyObject;
  /** The public key as DER (SPKI), and its SHA-256, which names the log. */
  spki: Buffer;
  id: Buffer;
}

export function serviceKey(): ServiceKey {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const spki = publicKey.export({ format: "der", type: "spki" });
  return { publicKey, privateKey, spki, id: createHash("sha256").update(spki).digest() };
}

/** ECDSA over SHA-256, as DER. */
export const signed = (key: ServiceKey, data: Uint8Array): Buffer => sign("sha256", data, key.privateKey);
