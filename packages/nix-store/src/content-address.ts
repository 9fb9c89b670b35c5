/** Store paths that say themselves what is in them: `makeStorePath` in https://github.com/NixOS/nix/blob/master/src/libstore/store-dir-config.cc */
import { createHash } from "node:crypto";
import { encodeBase32 } from "./base32.ts";
import { hashHex, parseHash } from "./hashes.ts";
import type { PathInfo } from "./shapes.ts";

/**
 * Whether a path is the one that its own content leads to, so that nobody need vouch for it. True only of `fixed:r:sha256`
 * without a reference to itself, as sources are: there the content is what the NAR hash covers.
 */
export function isOfItsContent({ path, narHash, references, ca }: PathInfo): boolean {
  if (!ca?.startsWith("fixed:r:sha256:") || references.includes(path)) return false;
  if (parseHash(ca.slice("fixed:r:".length)) !== narHash) return false;
  const at = path.lastIndexOf("/");
  const [storeDir, name] = [path.slice(0, at), path.slice(at + 34)];
  const type = ["source", ...[...references].sort()].join(":");
  const digest = createHash("sha256")
    .update(`${type}:sha256:${hashHex(narHash)}:${storeDir}:${name}`)
    .digest();
  // Nix folds the 32 bytes to 20.
  const folded = Buffer.alloc(20);
  for (const [i, byte] of digest.entries()) folded[i % 20]! ^= byte;
  return path === `${storeDir}/${encodeBase32(folded)}-${name}`;
}
