import { ASN1Obj } from "@sigstore/core";
import type { initializeTSA } from "@sigstore/mock";
import { Refusal, type Router } from "../router.ts";

type TimestampAuthority = Awaited<ReturnType<typeof initializeTSA>>;

const sha256 = "2.16.840.1.101.3.4.2.1";
const policyOID = "1.3.6.1.4.1.57264.2";

/** RFC 3161 timestamps, asked for by JSON or by DER. */
export function timestampRoutes(router: Router, prefix: string, tsa: TimestampAuthority): void {
  router.on("POST", `${prefix}/api/v1/timestamp`, "public", async (call) => {
    const isDer = call.request.headers["content-type"] === "application/timestamp-query";
    const asked = isDer ? derRequest(call.body) : jsonRequest(call.json);
    if (asked.artifactHash.length !== 32) throw new Refusal(400, "the hash is no SHA-256");
    const answer = await tsa.timestamp({ ...asked, hashAlgorithmOID: sha256, policyOID });
    const bytes = new Uint8Array(answer.buffer, answer.byteOffset, answer.byteLength);
    return { status: 201, headers: { "content-type": "application/timestamp-reply" }, bytes };
  });
}

const jsonRequest = ({ artifactHash, certificates }: Record<string, unknown>) => ({
  artifactHash: Buffer.from(String(artifactHash), "base64"),
  nonce: 1,
  certReq: certificates === true,
});

/** https://www.rfc-editor.org/rfc/rfc3161#section-2.4.1 */
function derRequest(der: Buffer) {
  const [, imprint, ...rest] = ASN1Obj.parseBuffer(Buffer.from(der)).subs;
  const nonce = rest.find(({ tag }) => tag.number === 0x02 && tag.isUniversal());
  const certReq = rest.some(({ tag }) => tag.number === 0x01 && tag.isUniversal());
  return { artifactHash: imprint!.subs[1]!.value, nonce: Number(nonce?.toInteger() ?? 1n), certReq };
}
