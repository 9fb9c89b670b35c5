/** What every store of segments can do, and how its history is read. */
import { type Intern, interner } from "./checks.ts";
import type { Run } from "./model.ts";
import { decodeRuns, parseSegmentPath, type SegmentName } from "./segment.ts";

/**
 * A place that holds files by path and never changes one: segments (`v1/…ndjson.zst`, see `segment.ts`), models
 * (`v1/model/<digest>.json`) and what was derived from segments (`v1/state/<digest>.json.zst`). Any number of writers
 * may append at once.
 */
export interface Store {
  /** All paths. */
  list(): Promise<string[]>;
  read(path: string): Promise<Buffer>;
  /** Told which segments will be read, in which order, so that many can be fetched at once; else the newest come first. */
  expect?(paths: readonly string[]): void;
  /** Adds a file whole, or not at all. Where the path is taken, the first bytes stay, whatever the new ones are. */
  append(path: string, bytes: Uint8Array): Promise<"written" | "present">;
  /** True where {@link list} is oldest first, so that a reader may stop early; else a whole month is read at a time. */
  readonly chronological?: boolean;
}

const DERIVED = /^v1\/(?:model\/[0-9a-f]{64}\.json|state\/[0-9a-f]{64}\.json\.zst)$/;

/** The kinds of path that a store holds; every other one is refused. */
export function isStorePath(path: string): boolean {
  return DERIVED.test(path) || parseSegmentPath(path) !== null;
}

// Folders that lead to such a path.
const FOLDER = /^v1(?:\/(?:model|state)|(?:\/fork|\/branch(?:\/[0-9a-f]{16})?)?(?:\/\d{4}(?:\/\d\d)?)?)$/;

/** Whether files of a store can lie in or below this folder, so that no nest of folders makes a listing long. */
export function isStoreFolder(path: string): boolean {
  return FOLDER.test(path);
}

/** How much of a store is read. */
export interface ReadOptions {
  /** Read the newest so many CI runs, each with all its jobs and attempts; all where absent. */
  depth?: number;
  /** Read only what lies in these folders, see {@link SegmentName}; all where absent. */
  folders?: readonly string[];
  /** Runs for which this is false are passed over, and do not count. */
  wanted?: (run: Run) => boolean;
  /** Told of each segment that cannot be read; it is passed over. */
  onUnreadable?: (path: string, error: Error) => void;
}

/**
 * The runs of a store, oldest first by `started_at` (then by run and job, so that the order is always the same).
 * A segment that cannot be read is reported and passed over; a store that cannot be listed is an error. At most twice
 * `depth` CI runs are in memory, and one month where the store has no order.
 */
export async function* readStore(store: Store, options: ReadOptions = {}): AsyncGenerator<Run> {
  const { depth = Number.POSITIVE_INFINITY, folders, wanted = () => true, onUnreadable = () => {} } = options;
  const newest = new NewestRuns(depth);
  const intern = interner();
  const isWithin = (path: string) => folders?.includes(parseSegmentPath(path)?.folder ?? "") ?? true;
  const groups = newestFirst((await store.list()).filter(isWithin), store.chronological ?? false);
  store.expect?.(groups.flat());
  for (const group of groups) {
    if (newest.isFull) break;
    for (const path of group) {
      try {
        newest.add((await readSegment(store, path, intern)).filter(wanted));
      } catch (error) {
        onUnreadable(path, error as Error);
      }
    }
  }
  yield* newest.oldestFirst();
}

async function readSegment(store: Store, path: string, intern: Intern): Promise<Run[]> {
  return decodeRuns(await store.read(path), path, intern);
}

/** Groups of segments, the newest group first, so that a later group holds nothing newer than an earlier one. */
function newestFirst(paths: string[], chronological: boolean): string[][] {
  const named = paths.flatMap((path) => {
    const name = parseSegmentPath(path);
    return name ? [{ path, key: chronological ? name.run : name.month }] : [];
  });
  const groups = new Map<string, string[]>();
  for (const { path, key } of named.reverse()) {
    const group = groups.get(key);
    if (group) group.push(path);
    else groups.set(key, [path]);
  }
  if (chronological) return [...groups.values()];
  return [...groups].sort(([a], [b]) => (a < b ? 1 : -1)).map(([, group]) => group);
}

/** Keeps the newest `depth` CI runs of all that it is given, in any order. */
class NewestRuns {
  readonly #depth: number;
  readonly #runs = new Map<string, Run[]>();

  constructor(depth: number) {
    this.#depth = depth;
  }

  get isFull(): boolean {
    return this.#runs.size >= this.#depth;
  }

  add(jobs: Run[]): void {
    for (const job of jobs) {
      const known = this.#runs.get(job.run_id);
      if (known) known.push(job);
      else this.#runs.set(job.run_id, [job]);
    }
    if (this.#runs.size > 2 * this.#depth) this.#dropOldest();
  }

  #dropOldest(): void {
    const byAge = [...this.#runs].sort(([, a], [, b]) => compare(newestOf(b), newestOf(a)));
    for (const [id] of byAge.slice(this.#depth)) this.#runs.delete(id);
  }

  oldestFirst(): Run[] {
    if (this.#runs.size > this.#depth) this.#dropOldest();
    return [...this.#runs.values()].flat().sort(compareRuns);
  }
}

const newestOf = (jobs: Run[]): string =>
  jobs
    .map((job) => sortable(job.started_at))
    .sort(compare)
    .at(-1)!;

/**
 * Paths in order of age: what was derived, then segments by month, by number of the run, and by path.
 * `chronological` where all runs have numbers, which grow with time on GitHub; ids of others need not.
 */
export function byAge(paths: readonly string[]): { paths: string[]; chronological: boolean } {
  const named = paths.map((path) => ({ path, name: parseSegmentPath(path) }));
  named.sort(
    (a, b) =>
      compare(a.name?.month ?? "", b.name?.month ?? "") ||
      (a.name?.run.length ?? 0) - (b.name?.run.length ?? 0) ||
      compare(a.name?.run ?? "", b.name?.run ?? "") ||
      (a.name?.attempt ?? 0) - (b.name?.attempt ?? 0) ||
      compare(a.path, b.path),
  );
  return {
    paths: named.map(({ path }) => path),
    chronological: named.every(({ name }) => name === null || /^\d+$/.test(name.run)),
  };
}

// "…47Z" sorts after "…47.5Z" as text; without the Z it does not.
const sortable = (instant: string): string => instant.slice(0, -1);

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** Order of runs by start, then by ids so that equal starts have one order too. */
export function compareRuns(a: Run, b: Run): number {
  return (
    compare(sortable(a.started_at), sortable(b.started_at)) ||
    compare(a.run_id, b.run_id) ||
    (a.run_attempt ?? 1) - (b.run_attempt ?? 1) ||
    compare(a.job ?? "", b.job ?? "") ||
    compare(a.variant ?? "", b.variant ?? "")
  );
}
