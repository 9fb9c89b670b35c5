/**
 * What must not verify: good bundles, artifacts and policies, and ways to put one thing wrong. The rest of this folder are the
 * cases; `refusals.test.ts` runs them.
 */
import { createHash, type generateKeyPairSync, sign, X509Certificate } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import type { SerializedBundle } from "@goatnote/attestation";
import { type Backend, type Sigstore, startBackend, startSigstore } from "@goatnote/rehearsal";
import { expect } from "vitest";
import type { Claims } from "../../../packages/attestation/src/claims.ts";
import { type Forgery, forge, newKey, spki } from "../../../packages/attestation/src/forge.ts";
import type { Policy } from "../../../packages/attestation/src/policy.ts";
import { COMMUNITY_BUILD_TYPE, PROVENANCE_TYPE, provenance } from "../../../packages/attestation/src/provenance.ts";
import { encodeStatement, type Subject } from "../../../packages/attestation/src/statement.ts";
import { type Root, readTrustedRoots } from "../../../packages/attestation/src/trusted-root.ts";
import { type Verdict, type VerifyOptions, verifyArtifacts } from "../../../packages/attestation/src/verify.ts";

export const sha256 = (content: string): string => createHash("sha256").update(content).digest("hex");
export const subject = (name: string, content = name): Subject => ({ name, digest: { sha256: sha256(content) } });
export const artifact = subject("app.tar.gz");

export let now: Date;
export let backend: Backend;
export let sigstore: Sigstore;
export let foreign: Sigstore;
export let server: string;
export let claims: Claims & Record<string, string>;
export let policy: Policy;
export let roots: Root[];
export let good: SerializedBundle;
export let other: SerializedBundle;

/** Claims of another job, which Fulcio would certify as readily. */
const as = (changes: Record<string, string>) => ({ ...claims, ...changes });
export const workflow = "octo/app/.github/workflows/release.yml";
export const tag = "refs/tags/v1.2.3";

export const payloadOf = (
  of = claims,
  about: Subject[] = [artifact],
  predicate: unknown = provenance(of, { server }),
) => encodeStatement(about, PROVENANCE_TYPE, predicate);
/** A bundle that a job signs whose claims are those with the changes; its provenance agrees with them. */
export const signedAs = (changes: Record<string, string>, more: Partial<Forgery> = {}) =>
  forge(sigstore, { claims: as(changes), payload: payloadOf(as(changes)), ...more });
export const signed = (more: Partial<Forgery>) => forge(sigstore, { claims, payload: payloadOf(), ...more });

/** What a job says of the artifact beside provenance. */
export const said = async (predicateType: string, predicate: unknown): Promise<Case> => ({
  bundle: await signed({ payload: encodeStatement([artifact], predicateType, predicate) }),
  predicateType,
});

/** Starts the services and signs the good bundles. */
export async function start(): Promise<void> {
  now = new Date();
  backend = await startBackend({ repository: "octo/app" });
  sigstore = await startSigstore(backend, { clock: () => now });
  foreign = await startSigstore(backend, { prefix: "/foreign", clock: () => now });
  now = new Date(Date.now() + 1000); // their certificates hold from the second in which they were made
  server = backend.serverUrl;
  claims = {
    iss: backend.url,
    sub: `repo:octo/app:ref:${tag}`,
    ref: tag,
    sha: "a1".repeat(20),
    repository: "octo/app",
    repository_owner: "octo",
    event_name: "push",
    job_workflow_ref: `${workflow}@${tag}`,
    job_workflow_sha: "a1".repeat(20),
    workflow_ref: `${workflow}@${tag}`,
    workflow_sha: "a1".repeat(20),
    repository_id: "111",
    repository_owner_id: "222",
    repository_visibility: "public",
    runner_environment: "github-hosted",
    run_id: "42",
    run_attempt: "1",
  };
  policy = {
    server,
    issuer: backend.url,
    sourceRepository: "octo/app",
    sourceRepositoryId: "111",
    sourceRefs: ["refs/tags/v*"],
    sourceDigest: claims.sha,
    signerWorkflows: [`${workflow}@${tag}`],
    triggers: ["push"],
    runner: "github-hosted",
    maxAgeMs: 3_600_000,
  };
  roots = readTrustedRoots(JSON.stringify(sigstore.trustedRoot), "trusted_root.json");
  // Entries before it give the good one a path in the log's tree.
  for (let entry = 0; entry < 5; entry++) await signed({ witnesses: ["rekor"] });
  good = await signed({});
  other = await signed({ payload: payloadOf(claims, [subject("other.tar.gz"), artifact]) });
}

export const stop = (): Promise<void> => backend.close();

export interface Case {
  bundle?: unknown;
  artifacts?: Subject[];
  policy?: Partial<Policy>;
  roots?: Root[];
  predicateType?: string;
  /** Minutes between signing and verifying. */
  later?: number;
}

export async function judge(given: Case): Promise<Verdict[]> {
  const bundle = "bundle" in given ? given.bundle : good;
  const options: VerifyOptions = {
    policy: { ...policy, ...given.policy },
    roots: given.roots ?? roots,
    predicateType: given.predicateType ?? PROVENANCE_TYPE,
    matchNames: true,
    now: new Date(now.getTime() + (given.later ?? 0) * 60_000),
  };
  return verifyArtifacts(given.artifacts ?? [artifact], [{ source: "test", json: bundle, sha256: "" }], options);
}

/** Every rule that failed, and every reason, as text. */
export const reasons = (verdicts: Verdict[]): string =>
  verdicts
    .flatMap(({ judgements, reason }) => [
      ...(reason ? [reason] : []),
      ...judgements.flatMap(({ rules }) =>
        rules.filter(({ passed }) => !passed).map(({ name, actual }) => `${name}: ${actual}`),
      ),
    ])
    .join("\n");

/** A copy of a bundle with a change made to it. */
export function changed(change: (bundle: Mutable) => void, from = good): SerializedBundle {
  const copy = structuredClone(from) as unknown as Mutable;
  change(copy);
  if (isDeepStrictEqual(copy, from)) throw new Error("The fault changed nothing.");
  return copy as unknown as SerializedBundle;
}
export type Mutable = {
  mediaType: string;
  dsseEnvelope: { payload: string; payloadType: string; signatures: { sig: string; keyid: string }[] };
  messageSignature?: unknown;
  verificationMaterial: {
    certificate?: { rawBytes: string };
    publicKey?: { hint: string };
    x509CertificateChain?: unknown;
    tlogEntries: LogEntry[];
    timestampVerificationData: { rfc3161Timestamps: { signedTimestamp: string }[] };
  };
};
export interface LogEntry {
  logIndex: string;
  logId: { keyId: string };
  integratedTime: string;
  kindVersion: { kind: string; version: string };
  inclusionPromise?: { signedEntryTimestamp: string };
  inclusionProof?: {
    logIndex: string;
    rootHash: string;
    treeSize: string;
    hashes: string[];
    checkpoint: { envelope: string };
  };
  canonicalizedBody: string;
}

/** Base64 with one byte in the middle turned. */
export function turned(base64: string): string {
  const bytes = Buffer.from(base64, "base64");
  bytes[bytes.length >> 1]! ^= 1;
  return bytes.toString("base64");
}
export const logEntry = (change: (entry: LogEntry) => void) =>
  changed(({ verificationMaterial }) => change(verificationMaterial.tlogEntries[0]!));
/** Without the timestamp, so that only the log vouches for the time. */
export const logOnly = (change: (entry: LogEntry) => void) =>
  changed(({ verificationMaterial }) => {
    verificationMaterial.timestampVerificationData.rfc3161Timestamps = [];
    change(verificationMaterial.tlogEntries[0]!);
  });
export const timestamps = (change: (stamps: { signedTimestamp: string }[]) => void) =>
  changed(({ verificationMaterial }) => change(verificationMaterial.timestampVerificationData.rfc3161Timestamps));

export type Json = Record<string, unknown>;
/** Provenance that the job forged, with its own signature. */
export const forged = (change: (predicate: Provenance) => void) => {
  const predicate = provenance(claims, { server }) as Provenance;
  change(predicate);
  return signed({ payload: payloadOf(claims, [artifact], predicate) });
};
export interface Provenance {
  buildDefinition: {
    buildType: string;
    externalParameters: { workflow: { ref: string; repository: string; path: string } } & Json;
    internalParameters: { github: Record<string, string> };
    resolvedDependencies: { uri: string; digest: Record<string, string> }[];
  };
  runDetails: { builder: { id: string }; metadata: { invocationId: string } };
}

/** Signs as before the clock was set on. */
async function issuedAt<T>(minutes: number, work: () => Promise<T>): Promise<T> {
  const real = now;
  now = new Date(real.getTime() + minutes * 60_000);
  try {
    return await work();
  } finally {
    now = real;
  }
}

export type Cases = Record<string, [expected: string, make: () => Case | Promise<Case>]>;

export const rootCertificate = (): string =>
  (sigstore.trustedRoot as { certificateAuthorities: { certChain: { certificates: { rawBytes: string }[] } }[] })
    .certificateAuthorities[0]!.certChain.certificates[0]!.rawBytes;

/** A certificate of other times than its signature's. */
export async function stale(minutes: number): Promise<SerializedBundle> {
  const key = newKey();
  const certificate = await issuedAt(minutes, () => sigstore.certify(claims, spki(key.publicKey)));
  return signed({ key, certificate });
}

/** The certificate of one key and the signature of another; the log and the authority do not mind, as the log is left out. */
export async function strangersKey(): Promise<SerializedBundle> {
  const stranger = await signed({});
  return changed((b) => {
    b.dsseEnvelope.signatures = structuredClone((stranger as unknown as Mutable).dsseEnvelope.signatures);
    b.verificationMaterial.tlogEntries = structuredClone(
      (stranger as unknown as Mutable).verificationMaterial.tlogEntries,
    );
    b.verificationMaterial.timestampVerificationData = structuredClone(
      (stranger as unknown as Mutable).verificationMaterial.timestampVerificationData,
    );
  });
}

export async function otherLogged(): Promise<SerializedBundle> {
  const key = newKey();
  const loggedCertificate = await sigstore.certify(as({ repository: "octo/decoy" }), spki(key.publicKey));
  return signed({ key, loggedCertificate });
}

/** A certificate that no authority signed: an issued one, signed anew with its own key. */
export async function selfSigned(): Promise<SerializedBundle> {
  const key = newKey();
  const issued = await sigstore.certify(claims, spki(key.publicKey));
  const certificate = resigned(issued, key.privateKey);
  expect(new X509Certificate(certificate).publicKey.export({ format: "jwk" })).toEqual(
    key.publicKey.export({ format: "jwk" }),
  );
  return signed({ key, certificate });
}

/** A DER certificate with its last element, the signature, made anew by this key. */
function resigned(der: Buffer, key: ReturnType<typeof generateKeyPairSync>["privateKey"]): Buffer {
  const header = 4; // a sequence of 256 to 65535 bytes
  const tbsLength = 4 + der.readUInt16BE(header + 2);
  const tbs = der.subarray(header, header + tbsLength);
  const algorithmLength = 2 + der[header + tbsLength + 1]!;
  const algorithm = der.subarray(header + tbsLength, header + tbsLength + algorithmLength);
  const signature = sign("sha384", tbs, key);
  const bits = Buffer.concat([Buffer.of(0x03, signature.length + 1, 0), signature]);
  const body = Buffer.concat([tbs, algorithm, bits]);
  return Buffer.concat([Buffer.of(0x30, 0x82, body.length >> 8, body.length & 255), body]);
}

export async function npmBuilder(): Promise<SerializedBundle> {
  const selfHosted = as({ runner_environment: "self-hosted" });
  const predicate = provenance(selfHosted, { server, inputs: {} }) as Provenance;
  expect(predicate.buildDefinition.buildType).toBe(COMMUNITY_BUILD_TYPE);
  predicate.runDetails.builder.id = `${server}/actions/runner/github-hosted`;
  return forge(sigstore, { claims: selfHosted, payload: payloadOf(selfHosted, [artifact], predicate) });
}

export const rootWithout = (part: string): Root[] =>
  readTrustedRoots(JSON.stringify({ ...sigstore.trustedRoot, [part]: [] }), `without ${part}`);

export function rootFrom(start: string): Root[] {
  const root = structuredClone(sigstore.trustedRoot) as { certificateAuthorities: { validFor: { start: string } }[] };
  for (const authority of root.certificateAuthorities) authority.validFor.start = start;
  return readTrustedRoots(JSON.stringify(root), "later");
}
