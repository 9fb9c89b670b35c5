/** What changed between two closures, package by package, by the rules of `nix store diff-closures`. */
import { nameOf } from "./closure.ts";
import { parseName } from "./drv-name.ts";
import type { PathInfo } from "./shapes.ts";

type Sized = Pick<PathInfo, "path" | "narSize">;

/** One package whose versions or bytes differ. */
export interface PackageChange {
  name: string;
  /** Versions that only the former closure has, sorted; "" is a name without a version. */
  removed: string[];
  /** Versions that only the latter one has. */
  added: string[];
  /** Whether the former and the latter closure have the package at all. */
  before: boolean;
  after: boolean;
  /** By how many bytes of NARs the package grew. */
  growth: number;
}

export interface ClosureDifference {
  /** The largest change of size first. */
  packages: PackageChange[];
  /** Bytes of all NARs. */
  sizeBefore: number;
  sizeAfter: number;
  /** Paths that only the latter closure has and whose package has the versions and the size that it had: built otherwise. */
  rebuilt: number;
}

interface Package {
  versions: Set<string>;
  size: number;
}

/**
 * Nix takes a word at the end for the name of an output, whose package it belongs to (`getClosureInfo` in
 * https://github.com/NixOS/nix/blob/master/src/nix/diff-closures.cc).
 */
const withoutOutput = (name: string): string => /^(.*)-(?:[a-z]+|lib32|lib64)$/.exec(name)?.[1] ?? name;
const packageOf = (path: string) => parseName(withoutOutput(nameOf(path)));

function byPackage(closure: readonly Sized[]): Map<string, Package> {
  const packages = new Map<string, Package>();
  for (const { path, narSize } of closure) {
    const { name, version } = packageOf(path);
    const known = packages.get(name) ?? { versions: new Set(), size: 0 };
    known.versions.add(version ?? "");
    known.size += narSize;
    packages.set(name, known);
  }
  return packages;
}

const total = (closure: readonly Sized[]): number => closure.reduce((sum, { narSize }) => sum + narSize, 0);
const only = (own: Package | undefined, other: Package | undefined): string[] =>
  [...(own?.versions ?? [])].filter((version) => !other?.versions.has(version)).sort();

/** Compares two closures, each of which has every path once. */
export function compareClosures(before: readonly Sized[], after: readonly Sized[]): ClosureDifference {
  const [former, latter] = [byPackage(before), byPackage(after)];
  const packages = [...new Set([...former.keys(), ...latter.keys()])].flatMap((name): PackageChange[] => {
    const [old, fresh] = [former.get(name), latter.get(name)];
    const growth = (fresh?.size ?? 0) - (old?.size ?? 0);
    const [removed, added] = [only(old, fresh), only(fresh, old)];
    if (growth === 0 && removed.length === 0 && added.length === 0) return [];
    return [{ name, removed, added, before: old !== undefined, after: fresh !== undefined, growth }];
  });
  packages.sort((a, b) => Math.abs(b.growth) - Math.abs(a.growth) || (a.name < b.name ? -1 : 1));
  const changed = new Set(packages.map(({ name }) => name));
  const had = new Set(before.map(({ path }) => path));
  const rebuilt = after.filter(({ path }) => !had.has(path) && !changed.has(packageOf(path).name)).length;
  return { packages, sizeBefore: total(before), sizeAfter: total(after), rebuilt };
}
