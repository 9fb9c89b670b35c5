/**
 * Asks Sigstore's certificate authority for a certificate: https://github.com/sigstore/fulcio/blob/main/fulcio.proto
 *
 * Sigstore's own client follows redirections, and would hand the job's token to wherever they lead.
 */
import { HttpClient } from "@actions/http-client";
import { readClaims } from "./claims.ts";
import { ApiError } from "./github-api.ts";
import { Garbage } from "./persist.ts";

/** The key that is to be certified. */
export interface HeldKey {
  /** SPKI, PEM. */
  publicPem: string;
  sign: (data: Buffer) => Buffer;
}

/**
 * @param url of the authority
 * @param token the job's ID token, which goes to this address alone
 * @returns the certificate, PEM
 * @throws ApiError for an answer that is no success, such as a redirection; Garbage for one that holds no certificate
 */
export async function requestCertificate(
  url: string,
  token: string,
  { publicPem, sign }: HeldKey,
  attemptMs: number,
): Promise<string> {
  const { sub } = readClaims(token);
  const client = new HttpClient("goatnote-slsa-attest", [], { allowRedirects: false, socketTimeout: attemptMs });
  const body = {
    credentials: { oidcIdentityToken: token },
    publicKeyRequest: {
      publicKey: { algorithm: "ECDSA", content: publicPem },
      proofOfPossession: sign(Buffer.from(sub)).toString("base64"),
    },
  };
  const address = `${url.replace(/\/+$/, "")}/api/v2/signingCert`;
  const headers = { "content-type": "application/json", accept: "application/json" };
  const response = await client.post(address, JSON.stringify(body), headers);
  const { statusCode = 0, statusMessage = "", headers: answered } = response.message;
  const text = await response.readBody();
  if (statusCode >= 300 && statusCode < 400)
    throw new ApiError(statusCode, `a redirection to ${answered.location}, where the job's token does not go`);
  const json = parsed(text);
  if (statusCode < 200 || statusCode >= 300)
    throw new ApiError(statusCode, typeof json?.message === "string" ? json.message : statusMessage);
  // One has the log's promise in it, the other beside it.
  const issued = (json?.signedCertificateEmbeddedSct ?? json?.signedCertificateDetachedSct) as Issued | undefined;
  const certificate = issued?.chain?.certificates?.[0];
  if (typeof certificate !== "string") throw new Garbage("its answer holds no certificate");
  return certificate;
}

interface Issued {
  chain?: { certificates?: unknown[] };
}

function parsed(text: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}
