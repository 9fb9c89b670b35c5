/** What is signed: the artifact, the envelope, the statement. */
import { PROVENANCE_TYPE, provenance } from "../../../packages/attestation/src/provenance.ts";
import { encodeStatement } from "../../../packages/attestation/src/statement.ts";
import {
  artifact,
  type Cases,
  changed,
  claims,
  good,
  type Json,
  type Mutable,
  other,
  payloadOf,
  server,
  sha256,
  signed,
  strangersKey,
  subject,
  turned,
} from "./kit.ts";

export const envelopeCases: Record<string, Cases> = {
  artifact: {
    "another content": ["no attestation is about", () => ({ artifacts: [subject("app.tar.gz", "tampered")] })],
    "an empty file": ["no attestation is about", () => ({ artifacts: [subject("app.tar.gz", "")] })],
    "a file cut short": ["no attestation is about", () => ({ artifacts: [subject("app.tar.gz", "app.tar")] })],
    "two artifacts of one name, one in the other's place": [
      "name: a/index.js",
      async () => ({
        bundle: await signed({ payload: payloadOf(claims, [subject("a/index.js", "a"), subject("b/index.js", "b")]) }),
        artifacts: [subject("packages/b/index.js", "a")],
      }),
    ],
    "the name of another artifact": ["name: app.tar.gz", () => ({ artifacts: [subject("tool.tar.gz", "app.tar.gz")] })],
    "two artifacts swapped": [
      "name: other.tar.gz",
      () => ({
        bundle: other,
        artifacts: [subject("app.tar.gz", "other.tar.gz"), subject("other.tar.gz", "app.tar.gz")],
      }),
    ],
    "one of two that nobody attested": [
      "no attestation is about",
      () => ({ artifacts: [artifact, subject("more.tar.gz")] }),
    ],
    "a digest by another algorithm": [
      "no attestation is about sha512:",
      () => ({ artifacts: [{ name: "app.tar.gz", digest: { sha512: sha256("app.tar.gz").repeat(2) } }] }),
    ],
  },
  envelope: {
    "a byte of the payload turned": [
      "SIGNATURE|payload|signature",
      () => ({
        bundle: changed((b) => {
          b.dsseEnvelope.payload = Buffer.from(
            Buffer.from(b.dsseEnvelope.payload, "base64").toString().replace("v1.2.3", "v1.2.4"),
          ).toString("base64");
        }),
      }),
    ],
    "the payload of another bundle": [
      "signature",
      () => ({
        bundle: changed((b) => {
          b.dsseEnvelope.payload = (other as unknown as Mutable).dsseEnvelope.payload;
        }),
      }),
    ],
    "the payload cut short": [
      "no attestation is about",
      () => ({
        bundle: changed((b) => {
          b.dsseEnvelope.payload = b.dsseEnvelope.payload.slice(0, 100);
        }),
      }),
    ],
    "no payload": [
      "no attestation is about",
      () => ({
        bundle: changed((b) => {
          b.dsseEnvelope.payload = "";
        }),
      }),
    ],
    "another payload type": [
      "payload is of type",
      () => ({
        bundle: changed((b) => {
          b.dsseEnvelope.payloadType = "text/plain";
        }),
      }),
    ],
    "another payload type, signed": [
      "payload is of type",
      async () => ({ bundle: await signed({ payloadType: "application/json" }) }),
    ],
    "a byte of the signature turned": [
      "signature",
      () => ({
        bundle: changed((b) => {
          b.dsseEnvelope.signatures[0]!.sig = turned(b.dsseEnvelope.signatures[0]!.sig);
        }),
      }),
    ],
    "the signature cut short": [
      "signature",
      () => ({
        bundle: changed((b) => {
          b.dsseEnvelope.signatures[0]!.sig = b.dsseEnvelope.signatures[0]!.sig.slice(0, 40);
        }),
      }),
    ],
    "the signature of another bundle": [
      "signature",
      () => ({
        bundle: changed((b) => {
          b.dsseEnvelope.signatures = (other as unknown as Mutable).dsseEnvelope.signatures;
        }),
      }),
    ],
    "an empty signature": [
      "no attestation is about",
      () => ({
        bundle: changed((b) => {
          b.dsseEnvelope.signatures[0]!.sig = "";
        }),
      }),
    ],
    "no signature": [
      "no attestation is about",
      () => ({
        bundle: changed((b) => {
          b.dsseEnvelope.signatures = [];
        }),
      }),
    ],
    "two signatures": [
      "no attestation is about",
      () => ({
        bundle: changed((b) => {
          b.dsseEnvelope.signatures.push(b.dsseEnvelope.signatures[0]!);
        }),
      }),
    ],
    "a key that is not the certificate's": ["signature", async () => ({ bundle: await strangersKey() })],
    "bytes signed in place of a statement": [
      "no attestation is about",
      () => ({
        bundle: changed((b) => {
          const { dsseEnvelope, ...rest } = b;
          Object.assign(b, rest, {
            messageSignature: {
              messageDigest: { algorithm: "SHA2_256", digest: Buffer.from(sha256("x"), "hex").toString("base64") },
              signature: dsseEnvelope.signatures[0]!.sig,
            },
          });
          delete (b as Partial<Mutable>).dsseEnvelope;
        }),
      }),
    ],
  },
  statement: {
    "no JSON, signed": [
      "no attestation is about",
      async () => ({ bundle: await signed({ payload: Buffer.from("sha256:") }) }),
    ],
    "no in-toto statement, signed": [
      "no attestation is about",
      async () => ({
        bundle: await signed({
          payload: Buffer.from(JSON.stringify({ subject: [artifact], predicateType: PROVENANCE_TYPE, predicate: {} })),
        }),
      }),
    ],
    "no subject, signed": [
      "no attestation is about",
      async () => ({ bundle: await signed({ payload: payloadOf(claims, []) }) }),
    ],
    "another predicate type than is wanted": [
      "predicate type: https://slsa.dev/provenance/v1",
      () => ({ predicateType: "https://cyclonedx.org/bom" }),
    ],
    "a predicate type that begins as the wanted one": [
      "predicate type",
      async () => ({
        bundle: await signed({
          payload: encodeStatement([artifact], `${PROVENANCE_TYPE}.1`, provenance(claims, { server })),
        }),
      }),
    ],
    "an SBOM in place of provenance": [
      "predicate type",
      async () => ({
        bundle: await signed({
          payload: encodeStatement([artifact], "https://cyclonedx.org/bom", { bomFormat: "CycloneDX" }),
        }),
      }),
    ],
  },
  bundle: {
    "an empty object": ["no attestation is about", () => ({ bundle: {} })],
    null: ["no attestation is about", () => ({ bundle: null })],
    "a list": ["no attestation is about", () => ({ bundle: [good] })],
    "an unknown media type": [
      "no attestation is about",
      () => ({
        bundle: changed((b) => {
          b.mediaType = "application/json";
        }),
      }),
    ],
    "fields of the wrong kind": [
      "tlog entries",
      () => ({
        bundle: changed((b) => {
          (b.verificationMaterial as unknown as Json).tlogEntries = "none";
        }),
      }),
    ],
  },
};
