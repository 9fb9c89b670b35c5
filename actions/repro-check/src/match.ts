/** Which published file stands for which file of a build, by their paths alone. */
import { dirname } from "node:path";
import type { Entry } from "@goatnote/build-comparison";

/** A file of a build and its published one; `null` when there is none, `undefined` when several could be meant. */
export type Match = string | null | undefined;

interface File {
  path: string;
  parts: string[];
}

interface Built extends File {
  /** How many parts are below the root. */
  own: number;
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
  const matches = new Map<string, Match>(files.map((path) => [path, null]));
  const taken = new Set<string>();
  /** All of these could stand for all of those: they do where there is one of each, and else nobody knows. */
  const settle = (built: readonly Built[], others: readonly File[]): void => {
    const open = built.filter(({ path }) => matches.get(path) === null);
    const free = others.filter(({ path }) => !taken.has(path));
    if (open.length === 0 || free.length === 0) return;
    for (const { path } of open) matches.set(path, open.length === 1 && free.length === 1 ? free[0]!.path : undefined);
    for (const { path } of free) taken.add(path);
  };

  let built: Built[] = files.map((path) => {
    const parts = partsOf(path);
    return { path, parts, own: parts.length - partsOf(rootOf(path, folders)).length };
  });
  let others: File[] = published.map((path) => ({ path, parts: partsOf(path) }));
  const deepest = built.reduce((most, { parts }) => Math.max(most, parts.length), 0);
  for (let shared = deepest; shared > 0; shared -= 1) {
    built = built.filter(({ path }) => matches.get(path) === null);
    others = others.filter(({ path }) => !taken.has(path));
    const endingAlike = byEnd(others, shared);
    for (const [end, alike] of byEnd(built, shared)) {
      const candidates = endingAlike.get(end) ?? [];
      const below = alike.filter(({ own }) => own <= shared);
      const whole = candidates.filter(({ parts }) => parts.length === shared);
      settle(below, whole);
      settle(below, candidates);
      settle(alike, whole);
    }
  }
  return matches;
}

/** Paths that are so long at least, by so many of their last parts. */
function byEnd<T extends File>(files: readonly T[], count: number): Map<string, T[]> {
  const longEnough = files.filter(({ parts }) => parts.length >= count);
  return Map.groupBy(longEnough, ({ parts }) => parts.slice(-count).join("/"));
}

const partsOf = (path: string): string[] => (path === "." ? [] : path.split("/"));

/** The folder that was chosen as a whole, or the one that a file that was chosen alone is in. */
function rootOf(path: string, folders: ReadonlySet<string>): string {
  let root = dirname(path);
  for (let above = root; above !== "."; above = dirname(above)) if (folders.has(above)) root = above;
  return root;
}
