/** Manifests of several machines side by side: the same inputs first, then what came out, platform by platform. */
import { compareEntries, type Difference, type Manifest } from "./manifest.ts";

/** One machine's manifest. */
export interface Leg {
  name: string;
  manifest: Manifest;
}

/** All legs of one platform. */
export interface PlatformComparison {
  /** Such as `linux x64`. */
  platform: string;
  legs: string[];
  verdict: "identical" | "different" | "not-checked";
  reason: string;
  /** Against the first leg, by the name of the other. */
  differences: Record<string, Difference[]>;
}

/** What legs of several platforms have in common. It is told, and passes nothing. */
export interface AcrossPlatforms {
  equal: string[];
  different: string[];
}

export interface LegComparison {
  verdict: PlatformComparison["verdict"];
  reason: string;
  platforms: PlatformComparison[];
  across: AcrossPlatforms | null;
}

/**
 * @param minLegs on each platform
 */
export function compareLegs(legs: readonly Leg[], minLegs: number): LegComparison {
  const inputs = otherInputs(legs);
  if (inputs !== undefined) return { verdict: "not-checked", reason: inputs, platforms: [], across: null };
  const groups = Map.groupBy(legs, ({ manifest: { environment } }) => `${environment.platform} ${environment.arch}`);
  const platforms = [...groups]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([platform, own]) => comparePlatform(platform, own, minLegs));
  const worst =
    platforms.find(({ verdict }) => verdict === "different") ??
    platforms.find(({ verdict }) => verdict === "not-checked");
  if (legs.length === 0)
    return { verdict: "not-checked", reason: "There is no manifest.", platforms: [], across: null };
  return {
    verdict: worst?.verdict ?? "identical",
    reason:
      worst === undefined
        ? `No difference found between ${legs.length} machines (${platforms.map(({ platform, legs: { length } }) => `${platform}: ${length}`).join(", ")}).`
        : `${worst.platform}: ${worst.reason}`,
    platforms,
    across: platforms.length > 1 ? acrossPlatforms([...groups.values()].map(([first]) => first!)) : null,
  };
}

/** Why manifests may not be compared: they were made from something else. */
function otherInputs(legs: readonly Leg[]): string | undefined {
  const [first, ...others] = legs;
  for (const key of ["commit", "changes", "script"] as const) {
    const wanted = first?.manifest.inputs[key];
    const other = others.find(({ manifest }) => {
      // A manifest alone knows no script.
      const unknown = key === "script" && (wanted === "" || manifest.inputs.script === "");
      return !unknown && manifest.inputs[key] !== wanted;
    });
    if (!other) continue;
    const what = { commit: "another commit", changes: "other uncommitted changes", script: "another build script" }[
      key
    ];
    return `${first!.name} and ${other.name} were made from different inputs: ${what}.`;
  }
  if (first?.manifest.inputs.commit === "")
    return "No commit is known, so nothing says that the legs were made from the same sources.";
  return undefined;
}

function comparePlatform(platform: string, legs: readonly Leg[], minLegs: number): PlatformComparison {
  const result = { platform, legs: legs.map(({ name }) => name), differences: {} };
  const machines = new Set(legs.map(({ manifest }) => manifest.environment.machine));
  if (legs.length < minLegs)
    return { ...result, verdict: "not-checked", reason: `${legs.length} of at least ${minLegs} legs are there.` };
  const [first, ...others] = legs;
  const differences = Object.fromEntries(
    others.flatMap(({ name, manifest }): [string, Difference[]][] => {
      const found = compareEntries(first!.manifest.entries, manifest.entries);
      return found.length > 0 ? [[name, found]] : [];
    }),
  );
  const [[other, found] = []] = Object.entries(differences);
  if (found) {
    const count = found.length === 1 ? "1 path differs" : `${found.length} paths differ`;
    return { ...result, verdict: "different", reason: `${count} between ${first!.name} and ${other}.`, differences };
  }
  if (machines.size < minLegs)
    return {
      ...result,
      verdict: "not-checked",
      reason: `The legs come from ${machines.size === 1 ? "one machine" : `${machines.size} machines`}, and ${minLegs} are wanted.`,
    };
  if (!first!.manifest.entries.some(({ type }) => type === "file"))
    return { ...result, verdict: "not-checked", reason: "No file is in the manifests, so nothing was compared." };
  return { ...result, verdict: "identical", reason: `No difference found between ${legs.length} machines.` };
}

/** Each path that all platforms have, by whether its content is the same everywhere. */
function acrossPlatforms(legs: readonly Leg[]): AcrossPlatforms {
  const [first, ...others] = legs;
  const differing = new Set(
    others.flatMap(({ manifest }) =>
      compareEntries(first!.manifest.entries, manifest.entries)
        // Windows has no executable bit.
        .filter(({ kind }) => kind !== "executable")
        .map(({ path }) => path),
    ),
  );
  const files = first!.manifest.entries.filter(({ type }) => type === "file").map(({ path }) => path);
  return { equal: files.filter((path) => !differing.has(path)), different: [...differing].sort() };
}
