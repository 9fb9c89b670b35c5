export { decodeBase32, encodeBase32 } from "./base32.ts";
export * from "./build.ts";
export * from "./derivations.ts";
export * from "./errors.ts";
export * from "./hashes.ts";
export * from "./nar.ts";
export * from "./nix.ts";
export * from "./path-info.ts";
export type * from "./shapes.ts";
