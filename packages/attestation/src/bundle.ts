/** Bundles: the files that hold a signed statement with all that is needed to verify it. */

import { UserError } from "@goatnote/action-io";
import { type Bundle, type BundleWithDsseEnvelope, bundleFromJSON, isBundleWithDsseEnvelope } from "@sigstore/bundle";
import { ByteStream, pem, RFC3161Timestamp } from "@sigstore/core";
import { toSignedEntity, Verifier } from "@sigstore/verify";
import { type Identity, readIdentity } from "./certificate.ts";
import { decodeStatement, PAYLOAD_TYPE, type Statement } from "./statement.ts";
import type { Root } from "./trusted-root.ts";

// By how many bytes Sigstore's DER writer lets its buffers grow. It makes 2,400 of them to verify a bundle, most for a few bytes:
// with its own 1,024, that takes four times as long.
Object.assign(ByteStream, { BLOCK_SIZE: 64 });

/** A statement whose signature, certificate, log entries and timestamps hold. What it says is still to be judged. */
export interface Signed {
  statement: Statement;
  identity: Identity;
  /** The earliest time that a witness vouches for. */
  signedAt: Date;
  root: string;
}

/**
 * Checks a bundle's cryptography: the signature over the payload, by the certificate, under one of the roots, at a time that
 * a log or a timestamp authority vouches for, entered in the logs that this root has.
 * @param json the parsed bundle
 * @throws UserError that says what does not hold
 */
export const verifyBundle = (json: unknown, roots: readonly Root[]): Signed => verifyOpened(openBundle(json), roots);

/** A bundle that is read, and not verified. */
export interface Opened {
  bundle: BundleWithDsseEnvelope;
  statement: Statement;
}

/** @throws UserError when it is no bundle that holds a statement */
export function openBundle(json: unknown): Opened {
  const bundle = readBundle(json);
  if (!isBundleWithDsseEnvelope(bundle))
    throw new UserError("The bundle signs bare bytes. An attestation is needed, which says what was built and how.");
  return { bundle, statement: decodeStatement(bundle.content.dsseEnvelope.payload) };
}

/** As `verifyBundle`. */
export function verifyOpened({ bundle, statement }: Opened, roots: readonly Root[]): Signed {
  const { payloadType } = bundle.content.dsseEnvelope;
  if (payloadType !== PAYLOAD_TYPE)
    throw new UserError(
      `The bundle's payload is of type ${JSON.stringify(payloadType.slice(0, 100))}, not ${PAYLOAD_TYPE}.`,
    );
  const certificate = certificateOf(bundle);
  const root = withoutStacks(() => trusting(bundle, roots));
  logsNameCertificate(bundle, certificate);
  proofsNameCheckpoint(bundle);
  return {
    statement,
    identity: identityIn(certificate),
    signedAt: earliestTime(bundle),
    root: root.name,
  };
}

/** The payload of a bundle, unverified: for finding the bundles that may be about an artifact. */
export const peekStatement = (json: unknown): Statement => openBundle(json).statement;

/** The identity in a bundle's certificate, unverified: for comparing before a bundle is published. */
export function peekIdentity(json: unknown): Identity {
  return identityIn(certificateOf(readBundle(json)));
}

/** Whatever parsers throw at hostile bytes, the bundle is not verified. */
function readable<T>(what: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (cause instanceof UserError) throw cause;
    const reason = String((cause as Error)?.message ?? cause).slice(0, 300);
    throw new UserError(`${what} cannot be read: ${reason}.`, { cause });
  }
}

const readBundle = (json: unknown): Bundle => readable("The bundle", () => bundleFromJSON(json as object));

/** The signer's certificate, as DER. */
export function certificateOf(bundle: Bundle): Buffer {
  const { content } = bundle.verificationMaterial;
  if (content.$case === "publicKey")
    throw new UserError("The bundle is signed with a bare key. A certificate is needed, which says who signed.");
  const { rawBytes } =
    content.$case === "certificate" ? content.certificate : content.x509CertificateChain.certificates[0]!;
  return Buffer.from(rawBytes);
}

const identityIn = (der: Buffer): Identity => readable("The certificate", () => readIdentity(der));

/** Sigstore's DER reader finds out by failing whether bytes hold more DER: the stacks that nobody sees are a tenth of the time. */
function withoutStacks<T>(verify: () => T): T {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    return verify();
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

/** The first root under which the bundle holds. */
function trusting(bundle: Bundle, roots: readonly Root[]): Root {
  const reasons: string[] = [];
  for (const root of roots) {
    const { material, ctlogThreshold, tlogThreshold } = root;
    try {
      new Verifier(material, { ctlogThreshold, tlogThreshold, timestampThreshold: 1 }).verify(toSignedEntity(bundle));
      return root;
    } catch (error) {
      reasons.push(`under ${root.name}: ${inWords(error)}`);
    }
  }
  throw new UserError(`The signature cannot be trusted: ${reasons.join("; ")}.`);
}

function inWords(error: unknown): string {
  const { message, cause } = error as Error;
  return cause instanceof Error ? `${message} (${cause.message})` : message;
}

/** A log entry is about a certificate too, which Sigstore's library does not compare. */
function logsNameCertificate(bundle: Bundle, certificate: Buffer): void {
  for (const { canonicalizedBody } of bundle.verificationMaterial.tlogEntries) {
    const verifiers = readable("The log entry", () => verifiersIn(JSON.parse(canonicalizedBody.toString())));
    const ours = verifiers.length > 0 && verifiers.every((der) => der.equals(certificate));
    if (!ours) throw new UserError("The log entry is about another certificate than the bundle's.");
  }
}

/**
 * The checkpoint is what the log signed, and what the entry is proven by: the proof says the same of the tree, which Sigstore's
 * library does not compare. https://github.com/transparency-dev/formats/blob/main/log/README.md#checkpoint-format
 */
function proofsNameCheckpoint({ verificationMaterial: { tlogEntries } }: Bundle): void {
  for (const { inclusionProof } of tlogEntries) {
    if (!inclusionProof?.checkpoint?.envelope) continue;
    const { treeSize, rootHash, checkpoint } = inclusionProof;
    const [, size, root] = checkpoint.envelope.split("\n");
    if (size !== treeSize || root !== Buffer.from(rootHash).toString("base64"))
      throw new UserError("The proof of the log entry is about another tree than its checkpoint.");
  }
}

interface EntryBody {
  spec?: {
    /** dsse 0.0.1 */
    signatures?: { verifier?: string }[];
    /** intoto 0.0.2, whose keys are in the envelope */
    content?: { envelope?: { signatures?: { publicKey?: string }[] } };
    /** hashedrekord 0.0.2 and dsse 0.0.2 */
    hashedRekordV002?: { signature?: { verifier?: EntryVerifier } };
    dsseV002?: { signatures?: { verifier?: EntryVerifier }[] };
  };
}
interface EntryVerifier {
  x509Certificate?: { rawBytes?: string };
}

/** The certificates, as DER, that an entry says the signature is by. */
function verifiersIn({ spec = {} }: EntryBody): Buffer[] {
  const pems = [
    ...(spec.signatures ?? []).map(({ verifier }) => verifier),
    ...(spec.content?.envelope?.signatures ?? []).map(({ publicKey }) => publicKey),
  ].map((encoded) => pem.toDER(Buffer.from(encoded ?? "", "base64").toString()));
  const ders = [spec.hashedRekordV002?.signature, ...(spec.dsseV002?.signatures ?? [])]
    .filter((signature) => signature !== undefined)
    .map(({ verifier }) => Buffer.from(verifier?.x509Certificate?.rawBytes ?? "", "base64"));
  return [...pems, ...ders];
}

/** Called once the witnesses are verified. Only a log's promise vouches for its time. */
function earliestTime({ verificationMaterial: { tlogEntries, timestampVerificationData } }: Bundle): Date {
  const logged = tlogEntries
    .filter(({ inclusionPromise, integratedTime }) => inclusionPromise && integratedTime && integratedTime !== "0")
    .map(({ integratedTime }) => Number(integratedTime) * 1000);
  const stamped = (timestampVerificationData?.rfc3161Timestamps ?? []).map(({ signedTimestamp }) =>
    RFC3161Timestamp.parse(Buffer.from(signedTimestamp)).signingTime.getTime(),
  );
  return new Date(Math.min(...logged, ...stamped));
}
