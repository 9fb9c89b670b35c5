/** Which published file stands for which file of a build, by their paths alone. */
import { dirname } from "node:path";
import type { Entry } from "@goatnote/build-comparison";

/** A file of a build and its published one; `null` when there is none, `undefined` when several could be meant. */
export type Match = string | null | undefined;

interface Pair {
  built: string;
  published: string;
  /** Names at the end that both paths have. */
  shared: number;
  /** Nothing is left of either path: of the built one beside its root. */
  whole: boolean;
}

/**
 * Pairs files by the longest end that their paths share, each published one with one built file at most. The end has to be all
 * of the published path (`a/tool` for `dist/a/tool`, a flat `tool` for both) or all of the built one below its root
 * (`dist-linux/a/tool` for `a/tool` in `dist`).
 * @param entries of one build, with the folders that were chosen as a whole
 * @param published paths
 */
export function matchPublished(entries: readonly Entry[], published: readonly string[]): Map<string, Match> {
  const folders = new Set(entries.filter(({ type }) => type === "directory").map(({ path }) => path));
  const files = entries.filter(({ type }) => type === "file").map(({ path }) => path);
  const byName = Map.groupBy(published, nameOf);
  const pairs = files.flatMap((built) => {
    const own = partsOf(built).length - partsOf(rootOf(built, folders)).length;
    return (byName.get(nameOf(built)) ?? []).flatMap((each) => pairOf(built, own, each) ?? []);
  });
  const matches = new Map<string, Match>(files.map((path) => [path, null]));
  const taken = new Set<string>();
  const rank = ({ shared, whole }: Pair): number => 2 * shared + (whole ? 1 : 0);
  const ranks = [...Map.groupBy(pairs, rank)].sort(([a], [b]) => b - a);
  for (const [, all] of ranks) {
    const open = all.filter((pair) => matches.get(pair.built) === null && !taken.has(pair.published));
    const [ofBuilt, ofPublished] = [
      Map.groupBy(open, ({ built }) => built),
      Map.groupBy(open, (each) => each.published),
    ];
    for (const { built, published: other } of open) {
      const only = ofBuilt.get(built)!.length === 1 && ofPublished.get(other)!.length === 1;
      matches.set(built, only ? other : undefined);
      taken.add(other);
    }
  }
  return matches;
}

const partsOf = (path: string): string[] => (path === "." ? [] : path.split("/"));
const nameOf = (path: string): string => partsOf(path).at(-1)!;

/** The folder that was chosen as a whole, or the one that a file that was chosen alone is in. */
function rootOf(path: string, folders: ReadonlySet<string>): string {
  let root = dirname(path);
  for (let above = root; above !== "."; above = dirname(above)) if (folders.has(above)) root = above;
  return root;
}

/** @param own how many parts of the built path are below its root */
function pairOf(built: string, own: number, published: string): Pair | undefined {
  const [a, b] = [partsOf(built).reverse(), partsOf(published).reverse()];
  let shared = 0;
  while (shared < Math.min(a.length, b.length) && a[shared] === b[shared]) shared += 1;
  if (shared < b.length && shared < own) return undefined;
  return { built, published, shared, whole: shared === b.length && shared >= own };
}
