/** Facts about a closure, computed from what the store knows of its paths. */
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

/** Bytes of all NARs. */
export const closureSize = (closure: readonly PathInfo[]): number =>
  closure.reduce((sum, { narSize }) => sum + narSize, 0);

/**
 * How one path refers to another: the shortest chain, both ends included.
 * @returns [] when it does not
 */
export function chainTo(closure: readonly PathInfo[], from: string, to: string): string[] {
  const byPath = new Map(closure.map((info) => [info.path, info]));
  const before = new Map<string, string | null>([[from, null]]);
  for (const path of before.keys()) {
    if (path === to) break;
    for (const next of byPath.get(path)?.references ?? []) if (!before.has(next)) before.set(next, path);
  }
  const chain: string[] = [];
  for (let at: string | null | undefined = before.has(to) ? to : undefined; at; at = before.get(at)) chain.unshift(at);
  return chain;
}

/** The name of a store path without folder and hash, such as `hello-2.12`. */
export const nameOf = (path: string): string => path.slice(path.lastIndexOf("/") + 34);
