import { createHash, type KeyObject, verify, X509Certificate } from "node:crypto";
import { p256 } from "@noble/curves/nist.js";
import { Refusal, type Router } from "../router.ts";
import type { LoggedEntry, TransparencyLog } from "./log.ts";

interface Envelope {
  payloadType: string;
  payload: string;
  signatures: { sig: string }[];
}

const hex = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
const bytes = (text: string): Buffer => Buffer.from(text, "base64");

/** What a DSSE signature is over: https://github.com/secure-systems-lab/dsse/blob/master/protocol.md */
function preAuthEncoding({ payloadType, payload }: Envelope): Buffer {
  const body = bytes(payload);
  const head = `DSSEv1 ${Buffer.byteLength(payloadType)} ${payloadType} ${body.length} `;
  return Buffer.concat([Buffer.from(head), body]);
}

/** Rekor v1: entries of DSSE envelopes, with a promise and an inclusion proof. Signatures are checked before they are logged. */
export function rekorRoutes(router: Router, prefix: string, log: TransparencyLog, now: () => number): void {
  router.on("POST", `${prefix}/api/v1/log/entries`, "public", ({ json }) => {
    const { kind, spec } = json as { kind?: string; spec?: { proposedContent?: ProposedContent } };
    if (kind !== "dsse" || !spec?.proposedContent) throw new Refusal(400, `entries of kind ${kind} are not taken here`);
    const { entry, known } = log.append(dsseEntry(spec.proposedContent), now());
    const headers = { location: `${prefix}/api/v1/log/entries/${log.uuid(entry)}`, etag: log.uuid(entry) };
    if (known) {
      const message = "An equivalent entry already exists in the transparency log";
      return { status: 409, headers, json: { code: 409, message } };
    }
    return { status: 201, headers, json: answer(log, entry) };
  });
  router.on("GET", `${prefix}/api/v1/log/entries/:uuid`, "public", ({ params }) => {
    const entry = log.entry(params.uuid!);
    if (!entry) throw new Refusal(404, "entry not found");
    return { json: answer(log, entry) };
  });
}

interface ProposedContent {
  envelope: string;
  verifiers: string[];
}

function dsseEntry({ envelope: text, verifiers }: ProposedContent) {
  const envelope = JSON.parse(text) as Envelope;
  const [verifier = ""] = verifiers;
  const sig = envelope.signatures[0]?.sig ?? "";
  const { publicKey } = new X509Certificate(bytes(verifier));
  if (!verify("sha256", preAuthEncoding(envelope), publicKey, bytes(sig)))
    throw new Refusal(400, "verifying signature: invalid signature");
  return {
    apiVersion: "0.0.1",
    kind: "dsse",
    spec: {
      envelopeHash: { algorithm: "sha256", value: hex(Buffer.from(text)) },
      payloadHash: { algorithm: "sha256", value: hex(bytes(envelope.payload)) },
      signatures: [{ signature: sig, verifier }],
    },
  };
}

function answer(log: TransparencyLog, entry: LoggedEntry) {
  const { index, size, root, path, checkpoint } = log.proof(entry);
  return {
    [log.uuid(entry)]: {
      body: entry.body.toString("base64"),
      integratedTime: entry.time,
      logID: log.key.id.toString("hex"),
      logIndex: entry.index,
      verification: {
        inclusionProof: {
          logIndex: index,
          treeSize: size,
          rootHash: root.toString("hex"),
          hashes: path.map((hash) => hash.toString("hex")),
          checkpoint,
        },
        signedEntryTimestamp: log.promise(entry).toString("base64"),
      },
    },
  };
}

/** Rekor v2: digests and signatures only, no promise and no time. https://github.com/sigstore/rekor-tiles */
export function rekorTilesRoutes(router: Router, prefix: string, log: TransparencyLog): void {
  router.on("POST", `${prefix}/api/v2/log/entries`, "public", ({ json }) => {
    const request = json.hashedRekordRequestV002 as HashedRekordRequest | undefined;
    if (!request) throw new Refusal(400, "only hashedRekordRequestV002 is taken here");
    const { digest, signature } = request;
    if (bytes(digest).length !== 32) throw new Refusal(400, "the digest is no SHA-256");
    const { publicKey } = new X509Certificate(bytes(signature.verifier.x509Certificate.rawBytes));
    if (!holdsOverDigest(publicKey, bytes(digest), bytes(signature.content)))
      throw new Refusal(400, "verifying signature: invalid signature");
    const body = {
      apiVersion: "0.0.2",
      kind: "hashedrekord",
      spec: { hashedRekordV002: { data: { algorithm: "SHA2_256", digest }, signature } },
    };
    const { entry } = log.append(body, 0);
    const { index, size, root, path, checkpoint } = log.proof(entry);
    return {
      status: 201,
      json: {
        logIndex: String(index),
        logId: { keyId: log.key.id.toString("base64") },
        kindVersion: { kind: "hashedrekord", version: "0.0.2" },
        inclusionProof: {
          logIndex: String(index),
          treeSize: String(size),
          rootHash: root.toString("base64"),
          hashes: path.map((hash) => hash.toString("base64")),
          checkpoint: { envelope: checkpoint },
        },
        canonicalizedBody: entry.body.toString("base64"),
      },
    };
  });
}

/** Whether an ECDSA signature, as DER, is over a digest. Node checks signatures over what was hashed only. */
function holdsOverDigest(publicKey: KeyObject, digest: Uint8Array, signature: Uint8Array): boolean {
  const { x = "", y = "" } = publicKey.export({ format: "jwk" });
  const point = Buffer.concat([Buffer.of(4), Buffer.from(x, "base64url"), Buffer.from(y, "base64url")]);
  try {
    return p256.verify(signature, digest, point, { prehash: false, format: "der", lowS: false });
  } catch {
    return false; // no signature at all
  }
}

interface HashedRekordRequest {
  digest: string;
  signature: { content: string; verifier: { x509Certificate: { rawBytes: string }; keyDetails: string } };
}
