import { createPublicKey, verify, X509Certificate } from "node:crypto";
import type { initializeCA } from "@sigstore/mock";
import { Refusal, type Router } from "../router.ts";

type CertificateAuthority = Awaited<ReturnType<typeof initializeCA>>;
export type Claims = Record<string, string | number>;

const extension = (last: number): string => `1.3.6.1.4.1.57264.1.${last}`;

/** What a certificate says of a job: https://github.com/sigstore/fulcio/blob/main/docs/oid-info.md */
function extensions(claims: Claims, server: string) {
  const of = (name: string): string => String(claims[name] ?? "");
  const values: [number, string][] = [
    [8, of("iss")],
    [9, `${server}/${of("job_workflow_ref")}`],
    [10, of("job_workflow_sha")],
    [11, of("runner_environment")],
    [12, `${server}/${of("repository")}`],
    [13, of("sha")],
    [14, of("ref")],
    [15, of("repository_id")],
    [16, `${server}/${of("repository_owner")}`],
    [17, of("repository_owner_id")],
    [18, `${server}/${of("workflow_ref")}`],
    [19, of("workflow_sha")],
    [20, of("event_name")],
    [21, `${server}/${of("repository")}/actions/runs/${of("run_id")}/attempts/${of("run_attempt")}`],
    [22, of("repository_visibility")],
  ];
  const legacy: [number, string][] = [
    [1, of("iss")],
    [2, of("event_name")],
    [3, of("sha")],
    [4, of("workflow")],
    [5, of("repository")],
    [6, of("ref")],
  ];
  return [
    ...legacy.map(([last, value]) => ({ oid: extension(last), value, legacy: true })),
    ...values.map(([last, value]) => ({ oid: extension(last), value })),
  ];
}

/** The certificate, as DER, that binds a key to a job's claims. */
export async function certify(ca: CertificateAuthority, claims: Claims, publicKey: Buffer, server: string) {
  const issued = await ca.issueCertificate({
    publicKey: publicKey as Buffer<ArrayBuffer>,
    subjectAltName: `${server}/${claims.job_workflow_ref}`,
    extensions: extensions(claims, server),
  });
  return Buffer.from(issued.buffer, issued.byteOffset, issued.byteLength);
}

/**
 * The certificate authority. It checks the token's signature by the issuer's published keys, its audience and its times,
 * and that who asks holds the private key.
 */
export function fulcioRoutes(
  router: Router,
  prefix: string,
  { ca, issuer, server }: { ca: CertificateAuthority; issuer: string; server: string },
): void {
  router.on("POST", `${prefix}/api/v2/signingCert`, "public", async ({ json, request }) => {
    const asked = json as {
      credentials?: { oidcIdentityToken?: string };
      publicKeyRequest?: { publicKey?: { content?: string }; proofOfPossession?: string };
      certificateSigningRequest?: string;
    };
    const token = asked.credentials?.oidcIdentityToken ?? request.headers.authorization?.split(" ")[1] ?? "";
    const claims = await verified(token, issuer);
    const { publicKey, proofOfPossession = "" } = asked.publicKeyRequest ?? {};
    const key = readKey(publicKey?.content ?? "");
    const subject = Buffer.from(String(claims.sub));
    if (!verify("sha256", subject, key, Buffer.from(proofOfPossession, "base64")))
      throw new Refusal(400, "The signature supplied in the request could not be verified");
    const certificate = await certify(ca, claims, key.export({ format: "der", type: "spki" }), server);
    const chain = [certificate, rootOf(ca)].map((der) => new X509Certificate(der).toString());
    return { json: { signedCertificateEmbeddedSct: { chain: { certificates: chain } } } };
  });
}

/** The root certificate, as DER. */
export function rootOf(ca: CertificateAuthority): Buffer {
  const { buffer, byteOffset, byteLength } = ca.rootCertificate;
  return Buffer.from(buffer, byteOffset, byteLength);
}

function readKey(content: string) {
  try {
    return createPublicKey(content);
  } catch {
    throw new Refusal(400, "The public key supplied in the request could not be parsed");
  }
}

interface Jwk {
  kid: string;
  [member: string]: unknown;
}

/** The claims of a token that the issuer signed for Sigstore and that holds now. */
async function verified(token: string, issuer: string): Promise<Claims> {
  const refused = new Refusal(401, "There was an error processing the identity token", "unauthenticated");
  const [header = "", payload = "", signature = ""] = token.split(".");
  const part = (text: string) => JSON.parse(Buffer.from(text, "base64url").toString()) as Claims;
  let claims: Claims;
  let kid: unknown;
  try {
    claims = part(payload);
    kid = part(header).kid;
  } catch {
    throw refused;
  }
  if (claims.iss !== issuer) throw refused;
  const discovery = (await (await fetch(`${issuer}/.well-known/openid-configuration`)).json()) as { jwks_uri: string };
  const { keys } = (await (await fetch(discovery.jwks_uri)).json()) as { keys: Jwk[] };
  const key = keys.find((each) => each.kid === kid);
  if (!key) throw refused;
  const holds = verify(
    "sha256",
    Buffer.from(`${header}.${payload}`),
    { key: createPublicKey({ key, format: "jwk" }), dsaEncoding: "ieee-p1363" },
    Buffer.from(signature, "base64url"),
  );
  const now = Date.now() / 1000;
  if (!holds || claims.aud !== "sigstore" || Number(claims.exp) < now || Number(claims.nbf) > now) throw refused;
  return claims;
}
