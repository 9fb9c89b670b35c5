/** What a certificate of Fulcio says about the job that signed. https://github.com/sigstore/fulcio/blob/main/docs/oid-info.md */
import { UserError } from "@goatnote/action-io";
import { ASN1Obj, X509Certificate } from "@sigstore/core";

/** A job, in the certificate's words. URIs begin with the server, such as `https://github.com`. */
export interface Identity {
  /** The workflow that signed, as `<server>/<owner>/<name>/.github/workflows/<file>@<ref>`: the alternative name. */
  signer: string;
  issuer: string;
  signerDigest?: string;
  runner?: string;
  sourceRepository?: string;
  sourceDigest?: string;
  sourceRef?: string;
  sourceRepositoryId?: string;
  sourceOwner?: string;
  sourceOwnerId?: string;
  /** The workflow that was started, which may have called the one that signed. */
  buildConfig?: string;
  buildConfigDigest?: string;
  trigger?: string;
  run?: string;
  visibility?: string;
}

const fields: Record<string, keyof Identity> = {
  8: "issuer",
  10: "signerDigest",
  11: "runner",
  12: "sourceRepository",
  13: "sourceDigest",
  14: "sourceRef",
  15: "sourceRepositoryId",
  16: "sourceOwner",
  17: "sourceOwnerId",
  18: "buildConfig",
  19: "buildConfigDigest",
  20: "trigger",
  21: "run",
  22: "visibility",
};
const arc = "1.3.6.1.4.1.57264.1.";
const signerUri = `${arc}9`;
const olderIssuer = `${arc}1`;
const extendedKeyUsage = "2.5.29.37";
const subjectAltName = "2.5.29.17";
const codeSigning = "1.3.6.1.5.5.7.3.3";
const utf8String = 0x0c;
const uniformResourceIdentifier = 0x06;

/**
 * Reads a certificate, as DER, whose chain has been verified. Everything that could be read in two ways is refused: extensions that
 * are there twice, several alternative names, bytes that are not the text they claim to be.
 * @throws UserError
 */
export function readIdentity(der: Buffer): Identity {
  try {
    return identityOf(X509Certificate.parse(Buffer.from(der)));
  } catch (error) {
    // The parser's own errors say where in the bytes it stumbled, which tells nobody anything.
    if (error instanceof UserError) throw error;
    throw new UserError("The certificate cannot be read: it is not in the form that a signer's has.", { cause: error });
  }
}

function identityOf(certificate: X509Certificate): Identity {
  const wrong = (what: string) => new UserError(`The certificate ${what}.`);
  const values = new Map<string, Buffer>();
  for (const extension of certificate.extensions) {
    const oid = extension.subs[0]!.toOID();
    if (values.has(oid)) throw wrong(`has the extension ${oid} twice`);
    values.set(oid, extension.subs.at(-1)!.value);
  }
  if (certificate.isCA) throw wrong("is one of an authority, not of a signer");
  const usages = values.get(extendedKeyUsage);
  if (!usages || !usagesIn(usages).includes(codeSigning)) throw wrong("is not for signing code");

  const identity: Partial<Identity> = {};
  for (const [last, field] of Object.entries(fields)) {
    const value = values.get(arc + last);
    if (value) identity[field] = utf8(value, wrong);
  }
  const older = values.get(olderIssuer);
  const issuer = identity.issuer ?? (older && ascii(older, wrong));
  if (!issuer) throw wrong("names no issuer");
  const signer = alternativeName(values.get(subjectAltName), wrong);
  const stated = values.get(signerUri);
  if (stated && utf8(stated, wrong) !== signer) throw wrong("names two different signers");
  return { ...identity, issuer, signer };
}

type Wrong = (what: string) => UserError;

function usagesIn(value: Buffer): string[] {
  return ASN1Obj.parseBuffer(Buffer.from(value)).subs.map((usage) => usage.toOID());
}

/** Sigstore's own reader drops the eighth bit of each byte, by which another name could look like the expected one. */
function ascii(bytes: Buffer, wrong: Wrong): string {
  if (bytes.some((byte) => byte < 0x20 || byte > 0x7e)) throw wrong("has a name with other than ASCII characters");
  return bytes.toString("latin1");
}

function utf8(value: Buffer, wrong: Wrong): string {
  const text = ASN1Obj.parseBuffer(Buffer.from(value));
  if (text.tag.number !== utf8String || !text.tag.isUniversal()) throw wrong("has an extension that is no text");
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(text.value);
  } catch {
    throw wrong("has an extension that is no text");
  }
}

function alternativeName(value: Buffer | undefined, wrong: Wrong): string {
  const names = value ? ASN1Obj.parseBuffer(Buffer.from(value)).subs : [];
  if (names.length !== 1) throw wrong(`has ${names.length} alternative names where one is needed`);
  if (!names[0]!.tag.isContextSpecific(uniformResourceIdentifier))
    throw wrong("is not one of a workflow: its alternative name is no URI");
  return ascii(names[0]!.value, wrong);
}
