/** What two builds saw, as far as it can be found again in what they made. */
import type { Facts } from "../vary/facts.ts";

/** One of the two. */
export interface Side {
  facts: Omit<Facts, "read" | "listing" | "order" | "mtimes">;
  /** The variables that the two builds have with other values, or only one of them. */
  variables: Record<string, string | undefined>;
  /** What its clock said, seconds since 1970, when it began and ended. */
  clock: { from: number; to: number };
  /** The machine's own clock, where that is another: programs that are linked statically read it all the same. */
  realClock?: { from: number; to: number };
}

export interface Scene {
  first: Side;
  second: Side;
}

/** Names of causes: what, other than the sources, is in the result. */
export const causes = [
  "timestamp",
  "mtime",
  "owner",
  "permissions",
  "build-path",
  "home",
  "temporary-path",
  "user",
  "hostname",
  "kernel",
  "timezone",
  "locale",
  "cpus",
  "parallelism",
  "environment",
  "network",
  "order",
  "address",
  "uuid",
  "random",
  "compression",
  "build-id",
  "digest",
  "missing",
  "metadata",
  "unknown",
] as const;
export type Cause = (typeof causes)[number];
