/** Facts about a closure, computed from what the store knows of its paths. */
import { createHash } from "node:crypto";
import type { PathInfo } from "./shapes.ts";

/**
 * One digest for all of a closure: SHA-256 of the lines `<path> <narHash>`, sorted. Equal NAR hashes of a top-level path alone
 * say nothing about what it refers to.
 * @returns `sha256:<hex>`
 */
export function closureDigest(closure: readonly PathInfo[]): string {
  const lines = closure.map(({ path, narHash }) => `${path} ${narHash}\n`).sort();
  return `sha256:${createHash("sha256").update(lines.join("")).digest("hex")}`;
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
