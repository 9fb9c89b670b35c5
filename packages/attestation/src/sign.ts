/** Signs statements: a key that lives in memory, a certificate of the job's identity, and witnesses of the time. */
import { createHash, generateKeyPairSync, sign, X509Certificate } from "node:crypto";
import { bundleToJSON, type SerializedBundle } from "@sigstore/bundle";
import { dsse, RFC3161Timestamp } from "@sigstore/core";
import {
  DSSEBundleBuilder,
  RekorWitness,
  type SignatureBundle,
  type Signer,
  TSAWitness,
  type VerificationMaterial,
  type Witness,
} from "@sigstore/sign";
import { requestCertificate } from "./fulcio.ts";
import { Garbage, type Patience, persist, ServiceError } from "./persist.ts";
import type { Services } from "./services.ts";
import { PAYLOAD_TYPE } from "./statement.ts";

export type { SerializedBundle } from "@sigstore/bundle";

export interface SigningOptions extends Patience {
  services: Services;
  /** The job's ID token for the audience `sigstore`. Masking it is the caller's part. */
  getToken: () => Promise<string>;
  /** Told when a service that is not needed was not there. */
  warn: (line: string) => void;
}

// A certificate is not used in its last minute, so that the time that witnesses put on a signature is within it.
const margin = 60_000;
const dispensableMs = 20_000;
const mostSignatures = 3;

/**
 * Signs statements as the job's identity. One certificate serves for several statements, as long as it holds.
 * @returns signs one statement; throws ServiceError when a service that is needed did not do its part
 */
export function statementSigner(options: SigningOptions): (payload: Buffer) => Promise<SerializedBundle> {
  const { services } = options;
  const signer = jobSigner(options);
  const witnesses: Witness[] = [];
  if (services.rekorUrl) witnesses.push(logWitness(services.rekorUrl, services.rekorVersion ?? 1, options));
  if (services.tsaUrl) {
    // Rekor v1 also vouches for the time, and then a bundle without a timestamp verifies as well.
    const dispensable = services.rekorUrl !== undefined && (services.rekorVersion ?? 1) === 1;
    witnesses.push(timeWitness(services.tsaUrl, dispensable, options));
  }
  return async (payload) => {
    for (let signed = 1; ; signed++) {
      const builder = new DSSEBundleBuilder({ signer, witnesses });
      const bundle = bundleToJSON(await builder.create({ data: payload, type: PAYLOAD_TYPE }));
      if (Date.now() < endOf(bundle)) return bundle;
      // A witness answered after the certificate's end, so nobody would believe the signature.
      const late = "The certificate ran out before the log and the timestamp authority had answered";
      if (signed === mostSignatures)
        throw new ServiceError(
          "witnesses",
          `${late}, ${signed} times. Set a shorter \`retry-for\`, or try again later.`,
        );
      options.say?.(`${late}; signing again with a new one.`);
    }
  };
}

/** When a bundle's certificate runs out, in milliseconds since 1970. */
function endOf({ verificationMaterial }: SerializedBundle): number {
  const { certificate, x509CertificateChain } = verificationMaterial;
  const { rawBytes = "" } = certificate ?? x509CertificateChain?.certificates[0] ?? {};
  return Date.parse(new X509Certificate(Buffer.from(rawBytes, "base64")).validTo);
}

const hostOf = (url: string): string => new URL(url).host;

/** Options of the library's clients: one attempt each, since `persist` counts them. */
const once = ({ attemptMs }: SigningOptions) => ({ retry: 0, timeout: attemptMs });

function jobSigner(options: SigningOptions): Signer {
  const { fulcioUrl } = options.services;
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const held = {
    publicPem: publicKey.export({ format: "pem", type: "spki" }).toString(),
    sign: (data: Buffer) => sign("sha256", data, privateKey),
  };
  let certificate: Promise<{ pem: string; until: number }> | undefined;

  const certify = () =>
    persist("Fulcio", `Fulcio (${hostOf(fulcioUrl)}) issued no certificate`, options, async () => {
      const pem = await requestCertificate(fulcioUrl, await options.getToken(), held, options.attemptMs);
      const parsed = readCertificate(pem);
      if (!parsed.checkPrivateKey(privateKey)) throw new Garbage("its certificate is not for our key");
      return { pem, until: Date.parse(parsed.validTo) - margin };
    });
  return {
    async sign(data) {
      if (certificate && (await certificate).until < Date.now()) certificate = undefined;
      certificate ??= certify();
      const { pem } = await certificate;
      return { signature: held.sign(data), key: { $case: "x509Certificate", certificate: pem } };
    },
  };
}

function readCertificate(pem: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (cause) {
    throw new Garbage("its answer holds no certificate", { cause });
  }
}

type EnvelopeContent = Extract<SignatureBundle, { $case: "dsseEnvelope" }>;

function envelopeOf(content: SignatureBundle): EnvelopeContent["dsseEnvelope"] {
  if (content.$case !== "dsseEnvelope") throw new Error("Only DSSE envelopes are signed here.");
  return content.dsseEnvelope;
}

/** The transparency log. Rekor v2 takes no envelopes, but digests: then the digest of what was signed. */
function logWitness(rekorBaseURL: string, majorApiVersion: 1 | 2, options: SigningOptions): Witness {
  const rekor = new RekorWitness({
    rekorBaseURL,
    majorApiVersion,
    entryType: "dsse",
    fetchOnConflict: true,
    ...once(options),
  });
  const what = `Rekor (${hostOf(rekorBaseURL)}) did not log the signature`;
  return {
    testify: (content, publicKey) =>
      persist("Rekor", what, options, async () => {
        const { payload, payloadType, signatures } = envelopeOf(content);
        const signature = signatures[0]!.sig;
        const digest = createHash("sha256").update(dsse.preAuthEncoding(payloadType, payload)).digest();
        // 1 stands for SHA2_256 in Sigstore's protobuf.
        const message = { messageDigest: { algorithm: 1, digest }, signature };
        const logged: SignatureBundle =
          majorApiVersion === 2 ? { $case: "messageSignature", messageSignature: message } : content;
        const material = await rekor.testify(logged, publicKey);
        const body = material.tlogEntries?.[0]?.canonicalizedBody ?? Buffer.alloc(0);
        if (!body.includes(signature.toString("base64"))) throw new Garbage("its entry is not about our signature");
        return material;
      }),
  };
}

function timeWitness(tsaBaseURL: string, dispensable: boolean, options: SigningOptions): Witness {
  const tsa = new TSAWitness({ tsaBaseURL, ...once(options) });
  const what = `The timestamp authority (${hostOf(tsaBaseURL)}) gave no timestamp`;
  // What is not needed is not waited for for long, and once only: another signature would wait as long for nothing.
  const retryMs = dispensable ? Math.min(options.retryMs, dispensableMs) : options.retryMs;
  let isAway = false;
  const testify = (content: SignatureBundle): Promise<VerificationMaterial> =>
    persist("timestamp authority", what, { ...options, retryMs }, async () => {
      const material = await tsa.testify(content);
      const answer = Buffer.from(material.rfc3161Timestamps?.[0]?.signedTimestamp ?? "");
      try {
        RFC3161Timestamp.parse(answer).tstInfo.verify(envelopeOf(content).signatures[0]!.sig);
      } catch (cause) {
        throw new Garbage("its answer is no timestamp of our signature", { cause });
      }
      return material;
    });
  return {
    async testify(content) {
      if (isAway) return {};
      try {
        return await testify(content);
      } catch (error) {
        if (!dispensable || !(error instanceof ServiceError)) throw error;
        if (!isAway) options.warn(`${error.message} The log's time stands in for it, in all that is signed now.`);
        isAway = true;
        return {};
      }
    },
  };
}
