/** Manifests of several machines side by side: the same inputs first, then what came out, platform by platform. */
import { compareEntries, type Difference, type Entry, type Manifest } from "./manifest.ts";

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
  /** Files that all have with the same content. */
  equal: string[];
  /** Files that all have, with other content. */
  different: string[];
  only_on_some: string[];
  /** For what Nix builds: whether all platforms have the same store paths, which mostly they cannot have; else null. */
  derivations: "same" | "different" | null;
}

export interface LegComparison {
  verdict: PlatformComparison["verdict"];
  reason: string;
  platforms: PlatformComparison[];
  across: AcrossPlatforms | null;
}

/** What has to be there. */
export interface Wanted {
  /** On each platform, each from another machine. */
  minLegs: number;
  /** Platforms, such as `linux` or `linux x64`. */
  platforms?: readonly string[];
  /** Names or patterns of legs that are not there. */
  absent?: readonly string[];
}

export function compareLegs(legs: readonly Leg[], wanted: Wanted): LegComparison {
  const inputs = otherInputs(legs);
  if (inputs !== undefined) return { verdict: "not-checked", reason: inputs, platforms: [], across: null };
  const groups = Map.groupBy(legs, ({ manifest: { environment } }) => `${environment.platform} ${environment.arch}`);
  const platforms = [...groups]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([platform, own]) => comparePlatform(platform, own, wanted.minLegs));
  const found = { platforms, across: platforms.length > 1 ? acrossPlatforms([...groups.values()]) : null };
  const worst = (of: PlatformComparison["verdict"]): LegComparison | undefined => {
    const platform = platforms.find(({ verdict }) => verdict === of);
    return platform && { verdict: of, reason: `${platform.platform}: ${platform.reason}`, ...found };
  };
  const missing = missingIn(legs, platforms, wanted);
  return (
    worst("different") ??
    (missing === undefined ? undefined : { verdict: "not-checked", reason: missing, ...found }) ??
    worst("not-checked") ?? {
      verdict: "identical",
      reason: `No difference found between ${machinesIn(legs)} (${platforms.map(({ platform, legs: { length } }) => `${platform}: ${length}`).join(", ")}).`,
      ...found,
    }
  );
}

/** Which leg is not there. */
function missingIn(
  legs: readonly Leg[],
  found: readonly PlatformComparison[],
  { platforms = [], absent = [] }: Wanted,
): string | undefined {
  const none = platforms.find((name) => !found.some(({ platform }) => `${platform} `.startsWith(`${name} `)));
  if (absent.length > 0) return `A leg is missing: there is no manifest ${absent.join(", ")}.`;
  if (legs.length === 0) return "There is no manifest.";
  return none === undefined ? undefined : `A leg is missing: none is of ${none}.`;
}

/** How many machines made legs, and how many legs when some made several. */
function machinesIn(legs: readonly Leg[]): string {
  const { size } = new Set(legs.map(({ manifest }) => manifest.environment.machine));
  return size === legs.length ? `${size} machines` : `${legs.length} legs of ${size} machines`;
}

/** Why manifests may not be compared: they were made from something else. */
function otherInputs(legs: readonly Leg[]): string | undefined {
  const words = { commit: "another commit", changes: "other uncommitted changes", script: "another build script" };
  for (const key of ["commit", "changes", "script"] as const) {
    // A manifest alone knows no script.
    const [first, ...others] = legs.filter(({ manifest }) => key !== "script" || manifest.inputs.script !== "");
    const other = others.find(({ manifest }) => manifest.inputs[key] !== first!.manifest.inputs[key]);
    if (other) return `${first!.name} and ${other.name} were made from different inputs: ${words[key]}.`;
  }
  if (legs[0]?.manifest.inputs.commit === "")
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
  return { ...result, verdict: "identical", reason: `No difference found between ${machinesIn(legs)}.` };
}

// The name of an object in a Nix store: a hash of what it is made from, then its name.
const storeObject = /^[0-9a-df-np-sv-z]{32}-(?=[^/])/;

/**
 * Files by whether they are the same on all platforms, of each of which one leg stands for the others. What Nix builds has
 * another path in the store on each, since the derivation names the platform; then the hash in the path is passed over.
 */
function acrossPlatforms(platforms: readonly (readonly Leg[])[]): AcrossPlatforms {
  const firsts = platforms.map(([leg]) => leg!.manifest.entries);
  const ofNix = firsts.every((entries) => entries.length > 0 && entries.every(({ path }) => storeObject.test(path)));
  const nameOf = ({ path }: Entry): string => (ofNix ? path.replace(storeObject, "") : path);
  const files = firsts.map(
    (entries) =>
      new Map(entries.flatMap((each) => (each.type === "file" ? [[nameOf(each), each.sha256] as const] : []))),
  );
  const [first, ...others] = files as [Map<string, string>, ...Map<string, string>[]];
  const all = [...new Set(files.flatMap((each) => [...each.keys()]))].sort();
  const everywhere = all.filter((path) => files.every((each) => each.has(path)));
  // Windows has no executable bit, so content alone counts.
  const equal = everywhere.filter((path) => others.every((each) => each.get(path) === first.get(path)));
  const objects = firsts.map((entries) => [...new Set(entries.map(({ path }) => path.split("/")[0]!))].sort().join());
  const derivations = new Set(objects).size === 1 ? "same" : "different";
  return {
    equal,
    different: everywhere.filter((path) => !equal.includes(path)),
    only_on_some: all.filter((path) => !everywhere.includes(path)),
    derivations: ofNix ? derivations : null,
  };
}
