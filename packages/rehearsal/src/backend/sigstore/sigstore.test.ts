/** The services refuse what the real ones refuse: a test that passes against them would not pass against anything. */
import { createHash, createPublicKey, generateKeyPairSync, sign, X509Certificate } from "node:crypto";
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from "vitest";
import { type Backend, startBackend } from "../backend.ts";
import { type Sigstore, startSigstore } from "./sigstore.ts";

let backend: Backend;
let sigstore: Sigstore;
beforeEach(async () => {
  backend = await startBackend({ repository: "octo/app" });
  sigstore = await startSigstore(backend);
});
afterEach(() => backend.close());

const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const other = generateKeyPairSync("ec", { namedCurve: "P-256" });
const post = (url: string, body: object) =>
  fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });

async function idToken(audience = "sigstore"): Promise<string> {
  const [path, sha, ref] = [".github/workflows/release.yml", "a1".repeat(20), "refs/heads/main"];
  const run = backend.registerRun({ workflow: "R", path, event: "push", ref, sha, headBranch: "main" });
  const env = backend.jobEnv({ runId: run.id, job: "j", permissions: { "id-token": "write" } });
  const headers = { authorization: `Bearer ${env.ACTIONS_ID_TOKEN_REQUEST_TOKEN}` };
  const answer = await fetch(`${env.ACTIONS_ID_TOKEN_REQUEST_URL}&audience=${audience}`, { headers });
  return ((await answer.json()) as { value: string }).value;
}

type Claims = Record<string, unknown>;
const claimsOf = (token: string) => JSON.parse(Buffer.from(token.split(".")[1]!, "base64url").toString()) as Claims;

/** Asks for a certificate as Fulcio's clients do. */
function certificate(token: string, { subject = String(claimsOf(token).sub), key = privateKey } = {}) {
  return post(`${sigstore.fulcioUrl}/api/v2/signingCert`, {
    credentials: { oidcIdentityToken: token },
    publicKeyRequest: {
      publicKey: { algorithm: "ECDSA", content: publicKey.export({ format: "pem", type: "spki" }) },
      proofOfPossession: sign("sha256", Buffer.from(subject), key).toString("base64"),
    },
  });
}

test("Fulcio certifies the key of who has a token for it", async () => {
  const answer = await certificate(await idToken());
  expect(answer.status).toBe(200);
  const { signedCertificateEmbeddedSct } = (await answer.json()) as {
    signedCertificateEmbeddedSct: { chain: { certificates: string[] } };
  };
  const issued = new X509Certificate(signedCertificateEmbeddedSct.chain.certificates[0]!);
  expect(issued.publicKey.equals(createPublicKey(publicKey.export({ format: "pem", type: "spki" })))).toBe(true);
  expect(issued.subjectAltName).toContain("/octo/app/.github/workflows/release.yml@refs/heads/main");
});

test.each<[string, () => Promise<Response>, number]>([
  ["a token for another audience", async () => certificate(await idToken("nobody")), 401],
  [
    "an expired token",
    async () => {
      const token = await idToken();
      vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 6 * 60_000 });
      onTestFinished(() => void vi.useRealTimers());
      return certificate(token);
    },
    401,
  ],
  [
    "a token whose claims were changed",
    async () => {
      const token = await idToken();
      const [header, , signature] = token.split(".");
      const claims = { ...claimsOf(token), repository: "octo/evil" };
      return certificate(`${header}.${Buffer.from(JSON.stringify(claims)).toString("base64url")}.${signature}`);
    },
    401,
  ],
  [
    "a token of another issuer",
    async () => {
      const elsewhere = backend;
      backend = await startBackend({ repository: "octo/app" });
      const token = await idToken();
      await backend.close();
      backend = elsewhere;
      return certificate(token);
    },
    401,
  ],
  ["no token", async () => certificate("x.e30.x"), 401],
  ["a proof of possession by another key", async () => certificate(await idToken(), { key: other.privateKey }), 400],
  ["a proof over another subject", async () => certificate(await idToken(), { subject: "repo:octo/evil" }), 400],
])("Fulcio refuses %s", async (_, ask, status) => {
  expect((await ask()).status).toBe(status);
});

test("Rekor v2 logs a signature that holds over the digest, and no other", async () => {
  const spki = publicKey.export({ format: "der", type: "spki" });
  const claims = { iss: backend.url, job_workflow_ref: "octo/app/.github/workflows/release.yml@refs/heads/main" };
  const rawBytes = (await sigstore.certify(claims, spki)).toString("base64");
  const [message, another] = [Buffer.from("signed"), Buffer.from("another")];
  const digest = createHash("sha256").update(message).digest("base64");
  const log = (content: Buffer) =>
    post(`${sigstore.rekorTilesUrl}/api/v2/log/entries`, {
      hashedRekordRequestV002: {
        digest,
        signature: {
          content: content.toString("base64"),
          verifier: { x509Certificate: { rawBytes }, keyDetails: "PKIX_ECDSA_P256_SHA_256" },
        },
      },
    });
  // Half of all signatures have a high s.
  for (let round = 0; round < 8; round++) expect((await log(sign("sha256", message, privateKey))).status).toBe(201);
  expect((await log(sign("sha256", another, privateKey))).status).toBe(400);
  expect((await log(sign("sha256", message, other.privateKey))).status).toBe(400);
  expect((await log(Buffer.from("none"))).status).toBe(400);
});
