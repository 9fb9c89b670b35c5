/** Whether an attestation that is somewhere already makes another needless. */
import { verify, X509Certificate } from "node:crypto";
import { bundleFromJSON, isBundleWithDsseEnvelope, type SerializedBundle } from "@sigstore/bundle";
import { dsse } from "@sigstore/core";
import { certificateOf, peekIdentity, verifyBundle } from "./bundle.ts";
import type { Root } from "./trusted-root.ts";

/**
 * Whether a bundle says the same as ours, signed by the same job of the same run attempt, and its signature holds. The statement
 * alone does not tell: an SBOM has the same when another workflow or branch attests it, and a signature may be none at all.
 * @param roots under which it has to verify, as ours does; [] where none is known, and only its signature is checked
 */
export function standsFor(stored: unknown, ours: SerializedBundle, roots: readonly Root[]): boolean {
  try {
    // First, since it is cheap and tells almost all apart.
    if (payloadOf(stored) !== payloadOf(ours)) return false;
    if (JSON.stringify(peekIdentity(stored)) !== JSON.stringify(peekIdentity(ours))) return false;
    if (roots.length > 0) verifyBundle(stored, roots);
    return roots.length > 0 || signatureHolds(stored);
  } catch {
    return false;
  }
}

/** In base64. */
const payloadOf = (bundle: unknown): string | undefined =>
  (bundle as { dsseEnvelope?: { payload?: string } } | null)?.dsseEnvelope?.payload;

function signatureHolds(json: unknown): boolean {
  const bundle = bundleFromJSON(json as object);
  if (!isBundleWithDsseEnvelope(bundle)) return false;
  const { payload, payloadType, signatures } = bundle.content.dsseEnvelope;
  const { publicKey } = new X509Certificate(certificateOf(bundle));
  return verify("sha256", dsse.preAuthEncoding(payloadType, payload), publicKey, signatures[0]!.sig);
}
