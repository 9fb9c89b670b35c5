import type { Backend } from "../backend.ts";
import { type Claims, certify, fulcioRoutes, rootOf } from "./fulcio.ts";
import { type ServiceKey, serviceKey } from "./keys.ts";
import { TransparencyLog } from "./log.ts";
import { rekorRoutes, rekorTilesRoutes } from "./rekor.ts";
import { timestampRoutes } from "./tsa.ts";

/** A private Sigstore on loopback, which knows the jobs of one back end. */
export interface Sigstore {
  readonly fulcioUrl: string;
  readonly rekorUrl: string;
  /** Rekor v2, a log of its own. */
  readonly rekorTilesUrl: string;
  readonly tsaUrl: string;
  /** What verifiers need: https://github.com/sigstore/protobuf-specs/blob/main/protos/sigstore_trustroot.proto */
  readonly trustedRoot: object;
  /**
   * A certificate, as DER, that this Fulcio would issue for these claims. For tests that play an attacker: also one that
   * was not entered in the certificate log, or in one that nobody knows.
   */
  certify(claims: Claims, publicKey: Buffer, ctLog?: "known" | "none" | "unknown"): Promise<Buffer>;
  readonly log: TransparencyLog;
}

export interface SigstoreOptions {
  /** The first part of its paths, to have several in one back end. `/sigstore` where absent. */
  prefix?: string;
  /** The clock of its services; a test may set it back. */
  clock?: () => Date;
}

// A job's certificate holds for ten minutes, and keys of services from before the first of them.
const start = "2020-01-01T00:00:00Z";

/** Adds Fulcio with its certificate log, Rekor v1 and v2, and a timestamp authority to a back end. */
export async function startSigstore(backend: Backend, options: SigstoreOptions = {}): Promise<Sigstore> {
  const { prefix = "/sigstore", clock = () => new Date() } = options;
  // Half a second to load, which tests of other parts of the back end need not wait for.
  const { initializeCA, initializeCTLog, initializeTSA } = await import("@sigstore/mock");
  // Real authorities write whole seconds, and clients do not read a fraction with fewer than three digits.
  const seconds = () => Math.floor(clock().getTime() / 1000);
  const wholeSecond = () => new Date(seconds() * 1000);
  const clocked = <T extends object>(service: T): T => Object.assign(service, { getCurrentTime: wholeSecond });

  const [ctKey, caKey, tsaKey] = [serviceKey(), serviceKey(), serviceKey()];
  const ctLog = clocked(await initializeCTLog(ctKey));
  const ca = clocked(await initializeCA(caKey, ctLog));
  const others = {
    known: ca,
    // The same key signs, so that its certificates chain to the same root.
    none: clocked(await initializeCA(caKey)),
    unknown: clocked(await initializeCA(caKey, clocked(await initializeCTLog(serviceKey())))),
  };
  const tsa = clocked(await initializeTSA(tsaKey));
  const { hostname } = new URL(backend.url);
  const [log, tiles] = [new TransparencyLog(hostname, `${hostname} - 1`), new TransparencyLog(hostname)];
  const server = backend.serverUrl;

  const at = (service: string) => `${prefix}/${service}`;
  fulcioRoutes(backend.router, at("fulcio"), { ca, issuer: backend.url, server });
  rekorRoutes(backend.router, at("rekor"), log, seconds);
  rekorTilesRoutes(backend.router, at("rekor-tiles"), tiles);
  timestampRoutes(backend.router, at("tsa"), tsa);

  const url = (service: string) => `${backend.url}${at(service)}`;
  const raw = (view: ArrayBufferView) =>
    Buffer.from(view.buffer as ArrayBuffer, view.byteOffset, view.byteLength).toString("base64");
  const authority = (uri: string, commonName: string, certificates: string[]) => ({
    subject: { organization: "sigstore.mock", commonName },
    uri,
    certChain: { certificates: certificates.map((rawBytes) => ({ rawBytes })) },
    validFor: { start },
  });
  return {
    fulcioUrl: url("fulcio"),
    rekorUrl: url("rekor"),
    rekorTilesUrl: url("rekor-tiles"),
    tsaUrl: `${url("tsa")}/api/v1/timestamp`,
    log,
    certify: (claims, publicKey, log = "known") => certify(others[log], claims, publicKey, server),
    trustedRoot: {
      mediaType: "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
      tlogs: [logOf(url("rekor"), log.key), logOf(url("rekor-tiles"), tiles.key)],
      certificateAuthorities: [authority(url("fulcio"), "sigstore", [rootOf(ca).toString("base64")])],
      ctlogs: [logOf(url("ctlog"), ctKey)],
      timestampAuthorities: [authority(url("tsa"), "tsa", [raw(tsa.intCertificate), raw(tsa.rootCertificate)])],
    },
  };
}

function logOf(baseUrl: string, { spki, id }: ServiceKey) {
  return {
    baseUrl,
    hashAlgorithm: "SHA2_256",
    publicKey: {
      rawBytes: spki.toString("base64"),
      keyDetails: "PKIX_ECDSA_P256_SHA_256",
      validFor: { start },
    },
    logId: { keyId: id.toString("base64") },
  };
}
