import { createHash } from "node:crypto";
import type { PathInfo } from "./shapes.ts";

/**
 * The digest of a closure: equal only when every object in it is, where the hash of the top alone may hide another
 * dependency below the same path.
 * @returns `sha256:<hex>` over the lines `<path> <narHash>`, in the order of the paths' code units, each ended by a line feed
 */
export function closureDigest(objects: readonly Pick<PathInfo, "path" | "narHash">[]): string {
  const lines = new Set(objects.map(({ path, narHash }) => `${path} ${narHash}\n`));
  return `sha256:${createHash("sha256")
    .update([...lines].sort().join(""))
    .digest("hex")}`;
}
