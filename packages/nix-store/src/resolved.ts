/** The locked inputs as in-toto resource descriptors: https://github.com/in-toto/attestation/blob/main/spec/v1/resource_descriptor.md */
import type { FlakeMetadata } from "./flake.ts";
import { hashHex } from "./hashes.ts";

interface ResourceDescriptor {
  name: string;
  uri: string;
  digest: Record<string, string>;
}

/** Each input by the SHA-256 of its NAR and its revision. The flake itself is the source that a provenance names anyway. */
export function dependenciesOf({ inputs }: Pick<FlakeMetadata, "inputs">): ResourceDescriptor[] {
  return inputs
    .filter(({ own, narHash }) => !own && narHash !== null)
    .map(({ name, url, narHash, revision }) => ({
      name,
      uri: url,
      digest: {
        "nix-nar-sha256": hashHex(narHash!),
        ...(revision && /^[0-9a-f]{40}$/.test(revision) && { gitCommit: revision }),
      },
    }));
}
