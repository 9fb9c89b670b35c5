/** What a build leaves outside of its own folders, where the next build can find it. */
import { type Dirent, lstatSync, readdirSync, type Stats, statSync } from "node:fs";
import { join, resolve } from "node:path";

/** Folders and what is in them, by name. A file that is looked at by itself is its own only entry. */
type Looked = Map<string, Map<string, string>>;

export interface Snapshot {
  found: Looked;
  /** Whether there was more than time and bounds allowed to look at. */
  cutShort: boolean;
}

// The runner writes its own log here all the time.
const neverLooked = "_diag";

const mostFolders = 20_000;
const longestMs = 3000;

// Of a file's times, the one that no program sets.
const stateIn = ({ size, ctimeMs }: Stats): string => `${size} ${ctimeMs}`;

/** What is in a folder, or a file itself; undefined where it cannot be read. */
function list(
  folder: string,
  skip: ReadonlySet<string>,
): { entries: Map<string, string>; below: string[] } | undefined {
  const entries = new Map<string, string>();
  const below: string[] = [];
  let found: Dirent[];
  try {
    const own = statSync(folder);
    if (!own.isDirectory()) return { entries: new Map([["", stateIn(own)]]), below };
    found = readdirSync(folder, { withFileTypes: true });
  } catch {
    return undefined;
  }
  for (const entry of found) {
    const { name } = entry;
    const path = join(folder, name);
    if (name === neverLooked || skip.has(path)) continue;
    if (entry.isDirectory()) {
      entries.set(name, "folder");
      below.push(path);
      continue;
    }
    const state = stateOf(path);
    if (state !== undefined) entries.set(name, state);
  }
  return { entries, below };
}

/** Undefined for what is gone, and in a folder that may be listed and not entered. */
function stateOf(path: string): string | undefined {
  try {
    const stats = lstatSync(path, { throwIfNoEntry: false });
    return stats && stateIn(stats);
  } catch {
    return undefined;
  }
}

/** What is in folders, the nearest first, as far as time and bounds allow. Those of `skip` are passed over. */
export function snapshot(folders: readonly string[], skip: readonly string[]): Snapshot {
  const found: Looked = new Map();
  const left = new Set(skip);
  const queue = folders.map((folder) => resolve(folder)).filter((folder) => !left.has(folder));
  const until = Date.now() + longestMs;
  for (const folder of queue) {
    if (found.has(folder)) continue;
    if (found.size >= mostFolders || Date.now() > until) return { found, cutShort: true };
    const listed = list(folder, left);
    if (!listed) continue;
    found.set(folder, listed.entries);
    queue.push(...listed.below);
  }
  return { found, cutShort: false };
}

/** Paths that are new or changed since, of those that were looked at. */
export function changedSince(before: Snapshot, skip: readonly string[]): string[] {
  const left = new Set(skip);
  return [...before.found].flatMap(([folder, entries]) => {
    const now = list(folder, left)?.entries ?? new Map<string, string>();
    return [...now].filter(([name, state]) => entries.get(name) !== state).map(([name]) => join(folder, name));
  });
}
