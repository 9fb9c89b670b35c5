/** Bundles made at will, with real signatures. For tests that play an attacker. */
import { generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { bundleToJSON, type SerializedBundle } from "@sigstore/bundle";
import { pem } from "@sigstore/core";
import { DSSEBundleBuilder, RekorWitness, type Signer, TSAWitness, type Witness } from "@sigstore/sign";
import { PAYLOAD_TYPE } from "./statement.ts";

/** The services that certify and witness, as far as a forger needs them. */
interface Instance {
  rekorUrl: string;
  tsaUrl: string;
  certify(claims: Record<string, string>, publicKey: Buffer, ctLog?: "known" | "none" | "unknown"): Promise<Buffer>;
}

export interface Forgery {
  claims: Record<string, string>;
  payload: Uint8Array;
  payloadType?: string;
  /** Absent: a new one. */
  key?: { publicKey: KeyObject; privateKey: KeyObject };
  /** In place of the one that the claims give, as DER. */
  certificate?: Buffer;
  ctLog?: "known" | "none" | "unknown";
  /** The witnesses that are asked; both where absent. */
  witnesses?: readonly ("rekor" | "tsa")[];
  /** The certificate that the log is told of, as DER. */
  loggedCertificate?: Buffer;
}

export const newKey = () => generateKeyPairSync("ec", { namedCurve: "P-256" });
export const spki = (key: KeyObject): Buffer => key.export({ format: "der", type: "spki" });

/** A bundle as the forger wants it. */
export async function forge(instance: Instance, forgery: Forgery): Promise<SerializedBundle> {
  const { claims, payload, key = newKey(), witnesses = ["rekor", "tsa"], loggedCertificate } = forgery;
  const der = forgery.certificate ?? (await instance.certify(claims, spki(key.publicKey), forgery.ctLog ?? "known"));
  const signer: Signer = {
    sign: async (data) => ({
      signature: sign("sha256", data, key.privateKey),
      key: { $case: "x509Certificate", certificate: pem.fromDER(der) },
    }),
  };
  const rekor = new RekorWitness({ rekorBaseURL: instance.rekorUrl, entryType: "dsse" });
  const logged: Witness = {
    testify: (content, certificate) =>
      rekor.testify(content, loggedCertificate ? pem.fromDER(loggedCertificate) : certificate),
  };
  const asked: Record<string, Witness> = { rekor: logged, tsa: new TSAWitness({ tsaBaseURL: instance.tsaUrl }) };
  const builder = new DSSEBundleBuilder({ signer, witnesses: witnesses.map((name) => asked[name]!) });
  return bundleToJSON(await builder.create({ data: Buffer.from(payload), type: forgery.payloadType ?? PAYLOAD_TYPE }));
}
