export type { SerializedBundle } from "@sigstore/bundle";
export type { Support } from "./aging.ts";
export * from "./archive.ts";
export type { Signed } from "./bundle.ts";
export type { Identity } from "./certificate.ts";
export * from "./claims.ts";
export * from "./digest.ts";
export * from "./docker-credentials.ts";
export * from "./github-release.ts";
export * from "./github-store.ts";
export * from "./image-name.ts";
export * from "./persist.ts";
export * from "./policy.ts";
export type { PolicyValues } from "./policy-file.ts";
export * from "./provenance.ts";
export * from "./request.ts";
export * from "./rules.ts";
export * from "./run-artifact.ts";
export * from "./sbom.ts";
export * from "./services.ts";
export type { SigningOptions } from "./sign.ts";
export * from "./statement.ts";
export * from "./subjects.ts";
export * from "./test-result.ts";
export type { Root } from "./trusted-root.ts";
export type { BundleSource, Judgement, Verdict, VerifyOptions } from "./verify.ts";
export * from "./vsa.ts";
export * from "./zip.ts";

/** Sigstore's clients, which take a tenth of a second to load. */
export const loadSigning = () => import("./sign.ts");

/** Sigstore's verifier and the trusted roots. */
export const loadVerification = () => import("./verification.ts");

/** Policies as files, which need a YAML parser. */
export const loadPolicyFile = () => import("./policy-file.ts");

/** A client of image registries. */
export const loadRegistry = () => import("./image-registry.ts");
