/** Who signed: the certificate and its identity, the trusted root. */
import { forge } from "../../../packages/attestation/src/forge.ts";
import { publicRoot, readTrustedRoots } from "../../../packages/attestation/src/trusted-root.ts";
import {
  backend,
  type Cases,
  changed,
  claims,
  foreign,
  type Mutable,
  other,
  payloadOf,
  rootCertificate,
  rootFrom,
  rootWithout,
  selfSigned,
  signed,
  signedAs,
  sigstore,
  stale,
  tag,
  turned,
  workflow,
} from "./kit.ts";

export const signerCases: Record<string, Cases> = {
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
    "a pull request's, where no ref is named": [
      "source ref: refs/pull/7/merge",
      async () => ({
        bundle: await signedAs({
          ref: "refs/pull/7/merge",
          workflow_ref: `${workflow}@refs/pull/7/merge`,
          job_workflow_ref: `${workflow}@refs/pull/7/merge`,
        }),
        policy: { sourceRefs: undefined, sourceDigest: undefined, signerWorkflows: undefined } as never,
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
    "a path that goes on after the workflow": [
      "signer workflow",
      async () => ({
        bundle: await signedAs({ job_workflow_ref: `${workflow}/refs/heads/main` }),
        policy: { signerWorkflows: [workflow] },
      }),
    ],
    "a workflow at a commit, which may be a fork's, where no ref is named": [
      "signer workflow",
      async () => ({
        bundle: await signedAs({ job_workflow_ref: `${workflow}@${"b2".repeat(20)}` }),
        policy: { signerWorkflows: [workflow] },
      }),
    ],
    "a workflow at a pull request, where no ref is named": [
      "signer workflow",
      async () => ({
        bundle: await signedAs({ job_workflow_ref: `${workflow}@refs/pull/7/merge` }),
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
};
