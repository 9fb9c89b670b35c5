/**
 * Asks Sigstore's certificate authority for a certificate: https://github.com/sigstore/fulcio/blob/main/fulcio.proto
 *
 * Sigstore's own client follows redirections, and would hand the job's token to wherever they lead.
 */
import { readClaims } from "./claims.ts";
import { Garbage } from "./persist.ts";
import { requestJson } from "./request.ts";

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
  const body = {
    credentials: { oidcIdentityToken: token },
    publicKeyRequest: {
      publicKey: { algorithm: "ECDSA", content: publicPem },
      proofOfPossession: sign(Buffer.from(sub)).toString("base64"),
    },
  };
  const answer = await requestJson(`${url.replace(/\/+$/, "")}/api/v2/signingCert`, {
    method: "POST",
    body,
    attemptMs,
  });
  // One has the log's promise in it, the other beside it.
  const issued = (answer.signedCertificateEmbeddedSct ?? answer.signedCertificateDetachedSct) as Issued | undefined;
  const certificate = issued?.chain?.certificates?.[0];
  if (typeof certificate !== "string") throw new Garbage("its answer holds no certificate");
  return certificate;
}

interface Issued {
  chain?: { certificates?: unknown[] };
}
