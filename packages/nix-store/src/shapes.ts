/** What Nix knows of a valid store object, the same for every generation of `nix path-info --json`. */
export interface PathInfo {
  /** Absolute, with the store directory. */
  path: string;
  /** SHA-256 of the NAR as `sha256-<base64>`. */
  narHash: string;
  /** Bytes of the NAR. */
  narSize: number;
  /** Absolute paths, sorted; a path that refers to itself is among them. */
  references: string[];
  /** The derivation that made it, absolute; null for sources and where it is not known. */
  deriver: string | null;
  /** The content address in Nix's text form (`fixed:r:sha256:…`, `text:sha256:…`); null for input-addressed objects. */
  ca: string | null;
  /** `<key name>:<base64>` each. */
  signatures: string[];
}

/** One output of a derivation. */
export interface DerivationOutput {
  /** Present where every build may give another content (`__impure`). */
  impure?: true;
  /** Absolute; null where only a build tells it (content-addressed, impure). */
  path: string | null;
  /** For fixed outputs: the hash as `<algorithm>-<base64>`. */
  hash: string | null;
  /** How a fixed or content-addressed output is hashed (`flat`, `nar`, `text`, `git`); null for input-addressed ones. */
  method: string | null;
}

/** A derivation, the same for all shapes of `nix derivation show`. */
export interface Derivation {
  /** Absolute, ends in `.drv`. */
  path: string;
  name: string;
  system: string;
  builder: string;
  args: string[];
  env: Record<string, string>;
  /** The attributes of a derivation with `__structuredAttrs`, else null. */
  structuredAttrs: Record<string, unknown> | null;
  outputs: Record<string, DerivationOutput>;
  /** Absolute, sorted. */
  inputSources: string[];
  /** Derivation, absolute, to the names of its outputs that are used. */
  inputDerivations: Record<string, string[]>;
}
