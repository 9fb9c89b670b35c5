/** What the bytes alone do not tell, told by which variation brings a finding about. */
import type { VariationName } from "../vary/variations.ts";
import type { Finding } from "./explain.ts";
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

// A number or a short word may stand for these by chance, so the variation has to agree.
const needsVariation: Partial<Record<Cause, readonly VariationName[]>> = {
  cpus: ["cpus", "parallelism"],
  user: ["user"],
};

/**
 * @param causes as the bytes tell them
 * @param always whether it differs under equal conditions too, if only sometimes
 */
export function refineCauses(causes: readonly Cause[], provokedBy: readonly VariationName[], always: boolean): Cause[] {
  const [only, ...others] = provokedBy;
  const denied = (cause: Cause): boolean =>
    needsVariation[cause] !== undefined &&
    (always || only !== undefined) &&
    !provokedBy.some((name) => needsVariation[cause]!.includes(name));
  const refined = causes.map((told): Cause => {
    const cause = denied(told) ? "unknown" : told;
    if (cause === "unknown" && always) return "random";
    if (only === undefined || others.length > 0) return cause;
    return cause === "unknown" || meansMore[cause]?.includes(only) ? causeOf[only] : cause;
  });
  return [...new Set(refined)];
}

const follows = (causes: readonly Cause[]): boolean =>
  causes.every((cause) => cause === "digest" || cause === "build-id");

/**
 * What looks like a digest or is a build id follows from something else: from what is beside it in the same container, once
 * that has a name. Where nothing else differs at all, and builds differ by themselves, it is random.
 */
export function settleCauses(
  findings: readonly (Pick<Finding, "place" | "causes" | "derived"> & { always: boolean; sometimes: boolean })[],
): void {
  const origins = findings.filter(({ causes, derived }) => !derived && !follows(causes));
  for (const finding of findings) {
    if (finding.derived || !follows(finding.causes)) continue;
    const container = finding.place.slice(0, Math.max(1, finding.place.length - 1));
    const beside = origins.filter(({ place }) => container.every((part, i) => place[i] === part));
    if (beside.some(({ causes }) => !causes.includes("unknown"))) finding.derived = true;
    else if (origins.length === 0 && (finding.always || finding.sometimes)) finding.causes = ["random"];
  }
}
