/** Store objects and derivations for tests. */
import type { Derivation, PathInfo } from "@goatnote/nix-store";

export const derivation = (parts: Partial<Derivation>): Derivation => ({
  path: "/nix/store/0123456789abcdfghijklmnpqrsvwxyz-x.drv",
  name: "x",
  system: "x86_64-linux",
  builder: "/bin/sh",
  args: [],
  env: {},
  structuredAttrs: null,
  outputs: { out: { path: null, hash: null, method: null } },
  inputSources: [],
  inputDerivations: {},
  ...parts,
});

export const object = (path: string, references: string[] = [], parts: Partial<PathInfo> = {}): PathInfo => ({
  path,
  narHash: "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
  narSize: 120,
  references,
  deriver: null,
  ca: null,
  signatures: [],
  ...parts,
});
