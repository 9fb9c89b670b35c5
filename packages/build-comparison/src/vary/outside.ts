/** What a build leaves outside of its own folders, where the next build can find it. */
import { lstatSync, readdirSync, type Stats, statSync } from "node:fs";
import { join } from "node:path";

/** Folders and what is in them, by name: size and time of files. A file that is looked at by itself is its own only entry. */
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

const stateOf = (stats: Stats): string =>
  stats.isDirectory() ? "folder" : `${stats.size} ${stats.mtimeMs} ${stats.ctimeMs}`;

/** What is in a folder, or a file itself; undefined where it cannot be read. */
function list(
  folder: string,
  skip: ReadonlySet<string>,
): { entries: Map<string, string>; below: string[] } | undefined {
  const entries = new Map<string, string>();
  const below: string[] = [];
  try {
    const own = statSync(folder);
    if (!own.isDirectory()) return { entries: new Map([["", stateOf(own)]]), below };
    for (const name of readdirSync(folder)) {
      if (name === neverLooked) continue;
      const path = join(folder, name);
      const stats = skip.has(path) ? undefined : lstatSync(path, { throwIfNoEntry: false });
      if (!stats) continue;
      entries.set(name, stateOf(stats));
      if (stats.isDirectory()) below.push(path);
    }
  } catch {
    return undefined;
  }
  return { entries, below };
}

/** What is in folders, the nearest first, as far as time and bounds allow. Those of `skip` are passed over. */
export function snapshot(folders: readonly string[], skip: readonly string[]): Snapshot {
  const found: Looked = new Map();
  const left = new Set(skip);
  const queue = folders.filter((folder) => !left.has(folder));
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
