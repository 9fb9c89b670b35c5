/**
 * What must not verify. Every case is a good bundle, artifact or policy with one thing wrong; the table of them is
 * action-docs/slsa-attest-refusals.md, written by REMAKE_DOCS=1.
 */
import { createHash, type generateKeyPairSync, sign, X509Certificate } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Backend, type Sigstore, startBackend, startSigstore } from "@goatnote/rehearsal";
import type { SerializedBundle } from "@sigstore/bundle";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Claims } from "./claims.ts";
import { type Forgery, forge, newKey, spki } from "./forge.ts";
import type { Policy } from "./policy.ts";
import { COMMUNITY_BUILD_TYPE, PROVENANCE_TYPE, provenance } from "./provenance.ts";
import { encodeStatement, type Subject } from "./statement.ts";
import { publicRoot, type Root, readTrustedRoots } from "./trusted-root.ts";
import { type Verdict, type VerifyOptions, verifyArtifacts } from "./verify.ts";

const sha256 = (content: string): string => createHash("sha256").update(content).digest("hex");
const subject = (name: string, content = name): Subject => ({ name, digest: { sha256: sha256(content) } });
const artifact = subject("app.tar.gz");

let now: Date;
let backend: Backend;
let sigstore: Sigstore;
let foreign: Sigstore;
let server: string;
let claims: Claims & Record<string, string>;
let policy: Policy;
let roots: Root[];
let good: SerializedBundle;
let other: SerializedBundle;

/** Claims of another job, which Fulcio would certify as readily. */
const as = (changes: Record<string, string>) => ({ ...claims, ...changes });
const workflow = "octo/app/.github/workflows/release.yml";
const tag = "refs/tags/v1.2.3";

const payloadOf = (of = claims, about: Subject[] = [artifact], predicate: unknown = provenance(of, { server })) =>
  encodeStatement(about, PROVENANCE_TYPE, predicate);
/** A bundle that a job signs whose claims are those with the changes; its provenance agrees with them. */
const signedAs = (changes: Record<string, string>, more: Partial<Forgery> = {}) =>
  forge(sigstore, { claims: as(changes), payload: payloadOf(as(changes)), ...more });
const signed = (more: Partial<Forgery>) => forge(sigstore, { claims, payload: payloadOf(), ...more });

beforeAll(async () => {
  now = new Date();
  backend = await startBackend({ repository: "octo/app" });
  sigstore = await startSigstore(backend, { clock: () => now });
  foreign = await startSigstore(backend, { prefix: "/foreign", clock: () => now });
  now = new Date(Date.now() + 1000); // their certificates hold from the second in which they were made
  server = backend.serverUrl;
  claims = {
    iss: backend.url,
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
});
afterAll(() => backend.close());

interface Case {
  bundle?: unknown;
  artifacts?: Subject[];
  policy?: Partial<Policy>;
  roots?: Root[];
  predicateType?: string;
  /** Minutes between signing and verifying. */
  later?: number;
}

async function judge(given: Case): Promise<Verdict[]> {
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
const reasons = (verdicts: Verdict[]): string =>
  verdicts
    .flatMap(({ judgements, reason }) => [
      ...(reason ? [reason] : []),
      ...judgements.flatMap(({ rules }) =>
        rules.filter(({ passed }) => !passed).map(({ name, actual }) => `${name}: ${actual}`),
      ),
    ])
    .join("\n");

/** A copy of a bundle with a change made to it. */
function changed(change: (bundle: Mutable) => void, from = good): SerializedBundle {
  const copy = structuredClone(from) as unknown as Mutable;
  change(copy);
  return copy as unknown as SerializedBundle;
}
type Mutable = {
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
interface LogEntry {
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
function turned(base64: string): string {
  const bytes = Buffer.from(base64, "base64");
  bytes[bytes.length >> 1]! ^= 1;
  return bytes.toString("base64");
}
const logEntry = (change: (entry: LogEntry) => void) =>
  changed(({ verificationMaterial }) => change(verificationMaterial.tlogEntries[0]!));
/** Without the timestamp, so that only the log vouches for the time. */
const logOnly = (change: (entry: LogEntry) => void) =>
  changed(({ verificationMaterial }) => {
    verificationMaterial.timestampVerificationData.rfc3161Timestamps = [];
    change(verificationMaterial.tlogEntries[0]!);
  });
const timestamps = (change: (stamps: { signedTimestamp: string }[]) => void) =>
  changed(({ verificationMaterial }) => change(verificationMaterial.timestampVerificationData.rfc3161Timestamps));

type Json = Record<string, unknown>;
/** Provenance that the job forged, with its own signature. */
const forged = (change: (predicate: Provenance) => void) => {
  const predicate = provenance(claims, { server }) as Provenance;
  change(predicate);
  return signed({ payload: payloadOf(claims, [artifact], predicate) });
};
interface Provenance {
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

type Cases = Record<string, [expected: string, make: () => Case | Promise<Case>]>;

const cases: Record<string, Cases> = {
  artifact: {
    "another content": ["no attestation is about", () => ({ artifacts: [subject("app.tar.gz", "tampered")] })],
    "an empty file": ["no attestation is about", () => ({ artifacts: [subject("app.tar.gz", "")] })],
    "a file cut short": ["no attestation is about", () => ({ artifacts: [subject("app.tar.gz", "app.tar")] })],
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
  certificate: {
    "another job's": [
      "signature|certificate",
      () => ({
        bundle: changed((b) => {
          b.verificationMaterial.certificate = structuredClone(
            (other as unknown as Mutable).verificationMaterial.certificate!,
          );
        }),
      }),
    ],
    "one of an authority that nobody knows": [
      "Failed to verify certificate chain|certificate",
      async () => ({
        bundle: await forge(
          { ...foreign, rekorUrl: sigstore.rekorUrl, tsaUrl: sigstore.tsaUrl },
          { claims, payload: payloadOf() },
        ),
      }),
    ],
    "one that signed itself": ["certificate", async () => ({ bundle: await selfSigned() })],
    "one with a byte turned": [
      "certificate|signature",
      () => ({
        bundle: changed((b) => {
          b.verificationMaterial.certificate!.rawBytes = turned(b.verificationMaterial.certificate!.rawBytes);
        }),
      }),
    ],
    "one cut short": [
      "signature",
      () => ({
        bundle: changed((b) => {
          b.verificationMaterial.certificate!.rawBytes = b.verificationMaterial.certificate!.rawBytes.slice(0, 200);
        }),
      }),
    ],
    "bytes that are none": [
      "signature",
      () => ({
        bundle: changed((b) => {
          b.verificationMaterial.certificate!.rawBytes = Buffer.from("none").toString("base64");
        }),
      }),
    ],
    none: [
      "no attestation is about",
      () => ({
        bundle: changed((b) => {
          delete b.verificationMaterial.certificate;
        }),
      }),
    ],
    "a bare key in its place": [
      "bare key",
      () => ({
        bundle: changed((b) => {
          delete b.verificationMaterial.certificate;
          b.verificationMaterial.publicKey = { hint: "key" };
        }),
      }),
    ],
    "one that is in no certificate log": ["SCT", async () => ({ bundle: await signed({ ctLog: "none" }) })],
    "one that is in an unknown certificate log": ["SCT", async () => ({ bundle: await signed({ ctLog: "unknown" }) })],
    "one that had expired when it signed": ["certificate", async () => ({ bundle: await stale(-30) })],
    "one from after it signed": ["certificate", async () => ({ bundle: await stale(30) })],
    "the authority's own": [
      "signature",
      () => ({
        bundle: changed((b) => {
          b.verificationMaterial.certificate!.rawBytes = rootCertificate();
        }),
      }),
    ],
  },
  "the certificate's identity": {
    "another issuer": ["issuer", () => ({ policy: { issuer: "https://token.actions.githubusercontent.com" } })],
    "an issuer that begins as the wanted one": [
      "issuer",
      async () => ({ bundle: await signedAs({ iss: `${backend.url}/evil` }) }),
    ],
    "a repository whose name begins as the wanted one": [
      "source repository",
      async () => ({ bundle: await signedAs({ repository: "octo/app-evil" }) }),
    ],
    "a repository whose name ends as the wanted one": [
      "source repository",
      async () => ({ bundle: await signedAs({ repository: "evil/octo/app" }) }),
    ],
    "a repository whose owner ends as the wanted one": [
      "source repository",
      async () => ({ bundle: await signedAs({ repository: "evil-octo/app" }) }),
    ],
    "a repository that differs in case": [
      "source repository",
      async () => ({ bundle: await signedAs({ repository: "Octo/app" }) }),
    ],
    "a repository that a pattern would match": [
      "source repository",
      () => ({ policy: { sourceRepository: "octo/a.p" } }),
    ],
    "a repository of the same name, made anew": [
      "source repository id",
      async () => ({ bundle: await signedAs({ repository_id: "999" }) }),
    ],
    "a branch in place of a tag": [
      "source ref",
      async () => ({ bundle: await signedAs({ ref: "refs/heads/v1.2.3" }) }),
    ],
    "a tag below the wanted ones": [
      "source ref",
      async () => ({ bundle: await signedAs({ ref: "refs/tags/v1/evil" }) }),
    ],
    "a branch whose name begins as the wanted one": [
      "source ref",
      async () => ({
        bundle: await signedAs({ ref: "refs/heads/main-evil" }),
        policy: { sourceRefs: ["refs/heads/main"] },
      }),
    ],
    "a branch whose name ends as the wanted one": [
      "source ref",
      async () => ({
        bundle: await signedAs({ ref: "refs/heads/evil/refs/heads/main" }),
        policy: { sourceRefs: ["refs/heads/main"] },
      }),
    ],
    "a ref that a pattern's dot would match": [
      "source ref",
      async () => ({
        bundle: await signedAs({ ref: "refs/tags/v1x2.3" }),
        policy: { sourceRefs: ["refs/tags/v1.2.3"] },
      }),
    ],
    "another commit": ["source commit", async () => ({ bundle: await signedAs({ sha: "b2".repeat(20) }) })],
    "a commit cut short": ["source commit", () => ({ policy: { sourceDigest: "a1a1a1a" } })],
    "another workflow of the repository": [
      "signer workflow",
      async () => ({ bundle: await signedAs({ job_workflow_ref: `octo/app/.github/workflows/ci.yml@${tag}` }) }),
    ],
    "a workflow of another repository": [
      "signer workflow",
      async () => ({ bundle: await signedAs({ job_workflow_ref: `evil/app/.github/workflows/release.yml@${tag}` }) }),
    ],
    "a workflow of another repository, where none is named": [
      "signer workflow",
      async () => ({
        bundle: await signedAs({ job_workflow_ref: `evil/app/.github/workflows/release.yml@${tag}` }),
        policy: { signerWorkflows: undefined } as never,
      }),
    ],
    "a workflow of a repository whose name begins as the wanted one": [
      "signer workflow",
      async () => ({
        bundle: await signedAs({ job_workflow_ref: `octo/app-evil/.github/workflows/release.yml@${tag}` }),
        policy: { signerWorkflows: undefined } as never,
      }),
    ],
    "a workflow whose file begins as the wanted one": [
      "signer workflow",
      async () => ({
        bundle: await signedAs({ job_workflow_ref: `octo/app/.github/workflows/release.yml.yml@${tag}` }),
        policy: { signerWorkflows: [workflow] },
      }),
    ],
    "a workflow at another ref": [
      "signer workflow",
      async () => ({ bundle: await signedAs({ job_workflow_ref: `${workflow}@refs/heads/main` }) }),
    ],
    "a workflow at a ref that begins as the wanted one": [
      "signer workflow",
      async () => ({ bundle: await signedAs({ job_workflow_ref: `${workflow}@${tag}4` }) }),
    ],
    "another event": ["trigger", async () => ({ bundle: await signedAs({ event_name: "workflow_dispatch" }) })],
    "a self-hosted runner": ["runner", async () => ({ bundle: await signedAs({ runner_environment: "self-hosted" }) })],
    "nothing that GitHub says": [
      "source repository",
      async () => ({
        bundle: await forge(sigstore, {
          claims: { iss: claims.iss, job_workflow_ref: claims.job_workflow_ref },
          payload: payloadOf(),
        }),
      }),
    ],
    "signed too long ago": ["age", () => ({ later: 61 })],
    "signed in the future": ["signing time", () => ({ later: -30 })],
  },
  "the log": {
    "no entry": [
      "tlog entries",
      () => ({
        bundle: changed((b) => {
          b.verificationMaterial.tlogEntries = [];
        }),
      }),
    ],
    "the entry of another bundle": [
      "signature",
      () => ({
        bundle: changed((b) => {
          b.verificationMaterial.tlogEntries = structuredClone(
            (other as unknown as Mutable).verificationMaterial.tlogEntries,
          );
        }),
      }),
    ],
    "the entry twice": [
      "duplicate",
      () => ({
        bundle: changed((b) => {
          b.verificationMaterial.tlogEntries.push(structuredClone(b.verificationMaterial.tlogEntries[0]!));
        }),
      }),
    ],
    "a byte of the entry turned": [
      "signature",
      () => ({
        bundle: logEntry((e) => {
          e.canonicalizedBody = turned(e.canonicalizedBody);
        }),
      }),
    ],
    "an entry that is no JSON": [
      "signature",
      () => ({
        bundle: logEntry((e) => {
          e.canonicalizedBody = Buffer.from("{").toString("base64");
        }),
      }),
    ],
    "an entry of another kind": [
      "signature",
      () => ({
        bundle: logEntry((e) => {
          e.kindVersion.kind = "hashedrekord";
        }),
      }),
    ],
    "a promise with a byte turned": [
      "inclusion promise",
      () => ({
        bundle: logEntry((e) => {
          e.inclusionPromise!.signedEntryTimestamp = turned(e.inclusionPromise!.signedEntryTimestamp);
        }),
      }),
    ],
    "a promise cut off, and no other time": [
      "timestamps",
      () => ({
        bundle: logOnly((e) => {
          delete e.inclusionPromise;
        }),
      }),
    ],
    "neither promise nor proof": [
      "no attestation is about",
      () => ({
        bundle: logEntry((e) => {
          delete e.inclusionPromise;
          delete e.inclusionProof;
        }),
      }),
    ],
    "another time": [
      "signature",
      () => ({
        bundle: logEntry((e) => {
          e.integratedTime = String(Number(e.integratedTime) - 60);
        }),
      }),
    ],
    "another place": [
      "inclusion promise",
      () => ({
        bundle: logEntry((e) => {
          e.logIndex = "7";
        }),
      }),
    ],
    "another log's name": [
      "signature",
      () => ({
        bundle: logEntry((e) => {
          e.logId.keyId = turned(e.logId.keyId);
        }),
      }),
    ],
    "another root in the proof": [
      "signature",
      () => ({
        bundle:
          logEntry((e) => {
            e.inclusionProof!.rootHash = turned(e.inclusionProof!.rootHash);
          }) &&
          logEntry((e) => {
            e.inclusionProof!.checkpoint.envelope = e.inclusionProof!.checkpoint.envelope.replace(
              /^(.*\n.*\n)./,
              "$1X",
            );
          }),
      }),
    ],
    "the path of the proof reordered": [
      "signature",
      () => ({
        bundle: logEntry((e) => {
          e.inclusionProof!.hashes.reverse();
          e.inclusionProof!.hashes.push(e.inclusionProof!.rootHash);
        }),
      }),
    ],
    "the path of the proof cut short": [
      "signature",
      () => ({
        bundle: logEntry((e) => {
          e.inclusionProof!.hashes.pop();
        }),
      }),
    ],
    "another size of the tree": [
      "signature",
      () => ({
        bundle: logEntry((e) => {
          e.inclusionProof!.treeSize = String(Number(e.inclusionProof!.treeSize) + 5);
          e.inclusionProof!.checkpoint.envelope = e.inclusionProof!.checkpoint.envelope.replace(/\n\d+\n/, "\n999\n");
        }),
      }),
    ],
    "another place in the proof": [
      "signature",
      () => ({
        bundle: logEntry((e) => {
          e.inclusionProof!.logIndex = String(Number(e.inclusionProof!.logIndex ?? 0) + 1);
        }),
      }),
    ],
    "a checkpoint with a byte turned": [
      "signature",
      () => ({
        bundle: logEntry((e) => {
          const p = e.inclusionProof!;
          p.checkpoint.envelope = p.checkpoint.envelope.replace(/(\S{10})\n$/, (all) =>
            all.split("").reverse().join("").trim().concat("\n"),
          );
        }),
      }),
    ],
    "a checkpoint without a signature": [
      "signature",
      () => ({
        bundle: logEntry((e) => {
          e.inclusionProof!.checkpoint.envelope = e
            .inclusionProof!.checkpoint.envelope.split("\n\n")[0]!
            .concat("\n\n");
        }),
      }),
    ],
    "a log that nobody knows": [
      "signature",
      async () => ({
        bundle: await forge({ ...sigstore, rekorUrl: foreign.rekorUrl }, { claims, payload: payloadOf() }),
      }),
    ],
    "an entry about another certificate of the same key": [
      "another certificate",
      async () => ({ bundle: await otherLogged() }),
    ],
  },
  "the timestamp": {
    "a byte turned": [
      "signature",
      () => ({
        bundle: timestamps((stamps) => {
          stamps[0]!.signedTimestamp = turned(stamps[0]!.signedTimestamp);
        }),
      }),
    ],
    "of another signature": [
      "timestamp",
      () => ({
        bundle: changed((b) => {
          b.verificationMaterial.timestampVerificationData = structuredClone(
            (other as unknown as Mutable).verificationMaterial.timestampVerificationData,
          );
        }),
      }),
    ],
    twice: ["duplicate", () => ({ bundle: timestamps((stamps) => stamps.push(stamps[0]!)) })],
    "bytes that are none": [
      "signature",
      () => ({
        bundle: timestamps((stamps) => {
          stamps[0]!.signedTimestamp = Buffer.from("noon").toString("base64");
        }),
      }),
    ],
    "of an authority that nobody knows": [
      "timestamp",
      async () => ({ bundle: await forge({ ...sigstore, tsaUrl: foreign.tsaUrl }, { claims, payload: payloadOf() }) }),
    ],
    "alone, where a log is wanted": ["tlog entries", async () => ({ bundle: await signed({ witnesses: ["tsa"] }) })],
    "none, and no log": ["no attestation|timestamps", async () => ({ bundle: await signed({ witnesses: [] }) })],
  },
  "the trusted root": {
    "another instance's": [
      "signature",
      () => ({ roots: readTrustedRoots(JSON.stringify(foreign.trustedRoot), "foreign") }),
    ],
    "the public one, for a private instance": ["signature", () => ({ roots: [publicRoot()] })],
    "one without the log": ["signature", () => ({ roots: rootWithout("tlogs") })],
    "one without the timestamp authority": ["signature", () => ({ roots: rootWithout("timestampAuthorities") })],
    "one whose authority was not valid yet": ["signature", () => ({ roots: rootFrom("2100-01-01T00:00:00Z") })],
    none: ["signature", () => ({ roots: [] })],
  },
  "what the provenance says": {
    "another repository": [
      "provenance: repository",
      async () => ({
        bundle: await forged((p) => {
          p.buildDefinition.externalParameters.workflow.repository = `${server}/octo/other`;
        }),
      }),
    ],
    "another ref": [
      "provenance: ref",
      async () => ({
        bundle: await forged((p) => {
          p.buildDefinition.externalParameters.workflow.ref = "refs/heads/main";
        }),
      }),
    ],
    "another workflow": [
      "provenance: workflow",
      async () => ({
        bundle: await forged((p) => {
          p.buildDefinition.externalParameters.workflow.path = ".github/workflows/other.yml";
        }),
      }),
    ],
    "no workflow": [
      "provenance: workflow",
      async () => ({
        bundle: await forged((p) => {
          (p.buildDefinition.externalParameters as Json) = {};
        }),
      }),
    ],
    "another commit": [
      "provenance: commit",
      async () => ({
        bundle: await forged((p) => {
          p.buildDefinition.resolvedDependencies[0]!.digest = { gitCommit: "b2".repeat(20) };
        }),
      }),
    ],
    "no commit": [
      "provenance: commit",
      async () => ({
        bundle: await forged((p) => {
          p.buildDefinition.resolvedDependencies = [];
        }),
      }),
    ],
    "two commits": [
      "provenance: commit",
      async () => ({
        bundle: await forged(({ buildDefinition: { resolvedDependencies: all } }) => {
          all.push({ ...all[0]!, digest: { gitCommit: "b2".repeat(20) } });
        }),
      }),
    ],
    "another builder": [
      "provenance: builder",
      async () => ({
        bundle: await forged((p) => {
          p.runDetails.builder.id = `${server}/octo/builder/.github/workflows/build.yml@refs/heads/main`;
        }),
      }),
    ],
    "npm's builder, on a self-hosted runner": [
      "provenance: builder",
      async () => ({ bundle: await npmBuilder(), policy: { runner: undefined } as never }),
    ],
    "another run": [
      "provenance: run",
      async () => ({
        bundle: await forged((p) => {
          p.runDetails.metadata.invocationId += "0";
        }),
      }),
    ],
    "another event": [
      "provenance: event",
      async () => ({
        bundle: await forged((p) => {
          p.buildDefinition.internalParameters.github.event_name = "release";
        }),
      }),
    ],
    "another repository id": [
      "provenance: repository id",
      async () => ({
        bundle: await forged((p) => {
          p.buildDefinition.internalParameters.github.repository_id = "1";
        }),
      }),
    ],
    "another owner id": [
      "provenance: owner id",
      async () => ({
        bundle: await forged((p) => {
          p.buildDefinition.internalParameters.github.repository_owner_id = "1";
        }),
      }),
    ],
    "another runner": [
      "provenance: runner",
      async () => ({
        bundle: await forged((p) => {
          p.buildDefinition.internalParameters.github.runner_environment = "self-hosted";
        }),
      }),
    ],
    "parameters that its build type does not have": [
      "external parameters",
      async () => ({
        bundle: await forged((p) => {
          p.buildDefinition.externalParameters.inputs = { debug: "true" };
        }),
      }),
    ],
    "an unknown build type": [
      "build type",
      async () => ({
        bundle: await forged((p) => {
          p.buildDefinition.buildType = "https://example.org/build/v1";
        }),
      }),
    ],
    nothing: ["build type", async () => ({ bundle: await signed({ payload: payloadOf(claims, [artifact], null) }) })],
    "text where objects belong": [
      "provenance",
      async () => ({
        bundle: await forged((p) => {
          (p as unknown as Json).buildDefinition = {
            buildType: p.buildDefinition.buildType,
            externalParameters: "none",
            resolvedDependencies: "none",
          };
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

const rootCertificate = (): string =>
  (sigstore.trustedRoot as { certificateAuthorities: { certChain: { certificates: { rawBytes: string }[] } }[] })
    .certificateAuthorities[0]!.certChain.certificates[0]!.rawBytes;

/** A certificate of other times than its signature's. */
async function stale(minutes: number): Promise<SerializedBundle> {
  const key = newKey();
  const certificate = await issuedAt(minutes, () => sigstore.certify(claims, spki(key.publicKey)));
  return signed({ key, certificate });
}

/** The certificate of one key and the signature of another; the log and the authority do not mind, as the log is left out. */
async function strangersKey(): Promise<SerializedBundle> {
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

async function otherLogged(): Promise<SerializedBundle> {
  const key = newKey();
  const loggedCertificate = await sigstore.certify(as({ repository: "octo/decoy" }), spki(key.publicKey));
  return signed({ key, loggedCertificate });
}

/** A certificate that no authority signed: an issued one, signed anew with its own key. */
async function selfSigned(): Promise<SerializedBundle> {
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

async function npmBuilder(): Promise<SerializedBundle> {
  const selfHosted = as({ runner_environment: "self-hosted" });
  const predicate = provenance(selfHosted, { server, inputs: {} }) as Provenance;
  expect(predicate.buildDefinition.buildType).toBe(COMMUNITY_BUILD_TYPE);
  predicate.runDetails.builder.id = `${server}/actions/runner/github-hosted`;
  return forge(sigstore, { claims: selfHosted, payload: payloadOf(selfHosted, [artifact], predicate) });
}

const rootWithout = (part: string): Root[] =>
  readTrustedRoots(JSON.stringify({ ...sigstore.trustedRoot, [part]: [] }), `without ${part}`);

function rootFrom(start: string): Root[] {
  const root = structuredClone(sigstore.trustedRoot) as { certificateAuthorities: { validFor: { start: string } }[] };
  for (const authority of root.certificateAuthorities) authority.validFor.start = start;
  return readTrustedRoots(JSON.stringify(root), "later");
}

describe("verified, so that what follows is refused for its one fault", () => {
  test.each([
    ["the good bundle", () => ({})],
    ["a bundle of two artifacts", () => ({ bundle: other, artifacts: [artifact, subject("other.tar.gz")] })],
    ["the log alone", async () => ({ bundle: await signed({ witnesses: ["rekor"] }) })],
    [
      "a timestamp alone, where the instance has no log",
      async () => ({ bundle: await signed({ witnesses: ["tsa"] }), roots: rootWithout("tlogs") }),
    ],
    ["a forger's bundle that says the truth", async () => ({ bundle: await forged(() => {}) })],
    ["a job with its own provenance", async () => ({ bundle: await signedAs({}) })],
    [
      "a reusable workflow that the policy names",
      async () => ({
        bundle: await signedAs({ job_workflow_ref: `octo/builder/.github/workflows/build.yml@refs/tags/v1` }),
        policy: { signerWorkflows: ["octo/builder/.github/workflows/build.yml"] },
      }),
    ],
    [
      "any workflow of the repository, where none is named",
      async () => ({
        bundle: await signedAs({ job_workflow_ref: `octo/app/.github/workflows/ci.yml@${tag}` }),
        policy: { signerWorkflows: undefined } as never,
      }),
    ],
  ] as [string, () => Case | Promise<Case>][])("%s", async (_, make) => {
    const verdicts = await judge(await make());
    expect(reasons(verdicts)).toBe("");
    expect(verdicts.every(({ verified }) => verified)).toBe(true);
  });
});

describe.each(Object.entries(cases))("%s", (_, of) => {
  test.each(Object.entries(of))("%s", async (_, [expected, make]) => {
    const verdicts = await judge(await make());
    expect(verdicts.every(({ verified }) => verified)).toBe(false);
    expect(reasons(verdicts)).toMatch(new RegExp(expected));
  });
});

test("a policy that names no signer is an error", async () => {
  const nobody = { sourceRepository: undefined, sourceRepositoryId: undefined, signerWorkflows: undefined } as never;
  await expect(judge({ policy: nobody })).rejects.toThrow("does not say whose signature it wants");
});

test("a bad bundle beside a good one changes nothing", async () => {
  const options = { policy, roots, predicateType: PROVENANCE_TYPE, matchNames: true, now };
  const bad = logEntry((entry) => {
    entry.integratedTime = "1";
  });
  const bundles = [bad, {}, good].map((json, index) => ({ source: String(index), json, sha256: "" }));
  const [verdict] = await verifyArtifacts([artifact], bundles, options);
  expect([verdict?.verified, verdict?.level, verdict?.judgements[0]?.source]).toEqual([true, 2, "2"]);
});

test("the table in the docs is of these cases", () => {
  const count = Object.values(cases).reduce((sum, of) => sum + Object.keys(of).length, 0);
  const rows = Object.entries(cases).flatMap(([what, of]) =>
    Object.keys(of).map((wrong) => `| ${what} | ${wrong} |\n`),
  );
  const text = `# What slsa-attest/verify refuses\n\nEach row is a test: a bundle, artifact or policy that verifies, with this one thing wrong, does not. ${count} cases, by \`npx vitest run packages/attestation/src/refusals.test.ts\`, which also writes this page (\`REMAKE_DOCS=1\`).\n\n| what | wrong |\n| --- | --- |\n${rows.join("")}`;
  const file = join(import.meta.dirname, "../../../action-docs/slsa-attest-refusals.md");
  if (process.env.REMAKE_DOCS === "1") writeFileSync(file, text);
  expect(readFileSync(file, "utf8")).toBe(text);
  expect(count).toBeGreaterThan(60);
});
