/** What the bytes alone do not tell, told by which variation brings a finding about. */
import type { VariationName } from "../vary/variations.ts";
import type { Cause } from "./scene.ts";

const causeOf: Record<VariationName, Cause> = {
  path: "build-path",
  home: "home",
  user: "user",
  timezone: "timezone",
  locale: "locale",
  umask: "permissions",
  time: "timestamp",
  hostname: "hostname",
  kernel: "kernel",
  cpus: "cpus",
  aslr: "address",
  "file-order": "order",
  mtimes: "mtime",
  environment: "environment",
  parallelism: "parallelism",
  network: "network",
};

// A stored time that only a time zone changes is a local time; an order that only these change is theirs.
const meansMore: Partial<Record<Cause, readonly VariationName[]>> = {
  mtime: ["timezone"],
  order: ["locale", "parallelism", "cpus", "environment"],
};

/**
 * @param causes as the bytes tell them
 * @param always whether two builds under equal conditions differ in this
 */
export function refineCauses(causes: readonly Cause[], provokedBy: readonly VariationName[], always: boolean): Cause[] {
  const [only, ...others] = provokedBy;
  const refined = causes.map((cause): Cause => {
    if (cause === "unknown" && always) return "random";
    if (only === undefined || others.length > 0) return cause;
    return cause === "unknown" || meansMore[cause]?.includes(only) ? causeOf[only] : cause;
  });
  return [...new Set(refined)];
}
