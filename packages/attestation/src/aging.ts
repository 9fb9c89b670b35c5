/**
 * What a bundle rests on, and until when: the keys and certificates behind it that have been retired since, or soon will be.
 * What was signed while they were in use verifies for as long as the trusted root names them.
 */
import { bundleFromJSON } from "@sigstore/bundle";
import { RFC3161Timestamp, X509Certificate } from "@sigstore/core";
import type { TrustMaterial } from "@sigstore/verify";
import { certificateOf } from "./bundle.ts";
import type { Root } from "./trusted-root.ts";

type CertAuthority = TrustMaterial["certificateAuthorities"][number];
type TLogAuthority = TrustMaterial["tlogs"][number];

/** Something that a bundle rests on. */
export interface Support {
  /** In words, such as `key of the log https://rekor.sigstore.dev`. */
  name: string;
  /** The last moment at which it could be used to sign; undefined where none is set. */
  end?: Date;
}

/**
 * What the trusted root vouches with for this bundle: certificate authority, certificate log, transparency log, timestamp
 * authority, each once.
 * @param json a bundle that verifies under `root`
 */
export function supportsOf(json: unknown, { material }: Root): Support[] {
  const bundle = bundleFromJSON(json as object);
  const { tlogEntries, timestampVerificationData } = bundle.verificationMaterial;
  const certificate = X509Certificate.parse(certificateOf(bundle) as Buffer<ArrayBuffer>);
  const timestamps = (timestampVerificationData?.rfc3161Timestamps ?? []).map(({ signedTimestamp }) =>
    RFC3161Timestamp.parse(Buffer.from(signedTimestamp)),
  );
  const logs = (all: TLogAuthority[], ids: (Buffer | undefined)[]) =>
    all.filter(({ logID }) => ids.some((id) => id?.equals(logID)));
  return [
    ...material.certificateAuthorities
      .filter((each) => issued(each, certificate))
      .map(authority("certificate authority")),
    ...logs(
      material.ctlogs,
      (certificate.extSCT?.signedCertificateTimestamps ?? []).map(({ logID }) => logID),
    ).map(logKey("key of the certificate log")),
    ...logs(
      material.tlogs,
      tlogEntries.map(({ logId }) => logId && Buffer.from(logId.keyId)),
    ).map(logKey("key of the log")),
    ...material.timestampAuthorities
      .filter((each) => timestamps.some((stamp) => stamped(each, stamp)))
      .map(authority("timestamp authority")),
  ];
}

function issued({ certChain: [issuer] }: CertAuthority, certificate: X509Certificate): boolean {
  return issuer?.subject.equals(certificate.issuer) === true && certificate.verify(issuer);
}

function stamped(
  { certChain: [signer] }: CertAuthority,
  { signerSerialNumber, signerIssuer }: RFC3161Timestamp,
): boolean {
  return signer?.serialNumber.equals(signerSerialNumber) === true && signer.issuer.equals(signerIssuer);
}

// Where a trusted root sets no end, Sigstore's library says the last moment that a date can be.
const never = 8.64e15;
const dated = (name: string, ends: Date[]): Support => {
  const end = Math.min(...ends.map((each) => each.getTime()));
  return end >= never ? { name } : { name, end: new Date(end) };
};

/** An authority signs until the root retires it, or a certificate of its chain runs out. */
const authority =
  (kind: string) =>
  ({ certChain, validFor }: CertAuthority): Support =>
    dated(`${kind} ${nameIn(certChain[0]!)}`, [validFor.end, ...certChain.map(({ notAfter }) => notAfter)]);

const logKey =
  (kind: string) =>
  ({ baseURL, validFor }: TLogAuthority): Support =>
    dated(`${kind} ${baseURL}`, [validFor.end]);

/** The readable texts of a certificate's subject. */
function nameIn({ subject }: X509Certificate): string {
  return (subject.toString("latin1").match(/[\w .-]{3,}/g) ?? ["without a name"]).map((part) => part.trim()).join(", ");
}
