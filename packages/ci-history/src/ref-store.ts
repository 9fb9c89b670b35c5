/**
 * A store in a ref of a git repository, one file per path: no server, no checkout, any number of writers.
 *
 * An append is a commit whose only parent is the tip, pushed on the condition that the ref still is at that tip; where
 * another writer was faster, the files are put on the new tip. So each push is a fast-forward: no commit that someone
 * reads is taken away, and a host that forbids forced pushes agrees. Readers fetch one commit whatever its past.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { HistoryError } from "./checks.ts";
import { type PushOutcome, writeFailure } from "./ref-store-answers.ts";
import { type Git, type NewFile, RefRepository } from "./ref-store-repository.ts";
import { parseSegmentPath } from "./segment.ts";
import { byAge, isStorePath, type Store } from "./store.ts";

/** Where a ref store is. */
export interface RefStoreOptions {
  /** What git fetches from and pushes to; without credentials. */
  url: string;
  /** A full name, such as `refs/telemetry/v1` or `refs/heads/telemetry`. */
  ref: string;
  /** How often an append is tried while other writers are faster; 40 where absent. */
  attempts?: number;
  /** Told of each push that is tried, from 1. */
  onAttempt?: (attempt: number) => void;
}

/** A store that takes several files at once. */
export interface RefStore extends Store {
  /** Adds files in one commit, all or none; what is present stays as it is. The answers are in the order of the files. */
  appendAll(files: readonly NewFile[]): Promise<("written" | "present")[]>;
}

/** The ref of a repository's history. `git clone` does not fetch it, and no rule for branches applies to it. */
export const HISTORY_REF = "refs/telemetry/v1";

// Segments that are fetched with the one that is asked for, in the order in which they are read.
const READ_AHEAD = 256;
const MOST_FAULTS = 3;
const FAULT_WAIT_MS = 250;
const MOST_DOUBLINGS = 4;
const LONGEST_WAIT_MS = 30_000;

/** The store at `ref` of the repository at `url`; a ref that is not there is an empty store. Errors are {@link HistoryError}s. */
export function refStore(git: Git, options: RefStoreOptions): RefStore {
  const repository = new RefRepository(git, options.url, options.ref);
  const reader = new RefReader(repository);
  const writer = new RefWriter(repository, options);
  // The private repository serves one question at a time.
  let last: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const result = last.then(work);
    last = result.catch(() => {});
    return result;
  };
  return {
    get chronological() {
      return reader.chronological;
    },
    list: () => inTurn(() => reader.list()),
    read: (path) => inTurn(() => reader.read(checked(path))),
    expect: (paths) => reader.expect(paths),
    append: async (path, bytes) => (await inTurn(() => writer.append([{ path: checked(path), bytes }])))[0]!,
    appendAll: (files) => inTurn(() => writer.append(files.map(({ path, bytes }) => ({ path: checked(path), bytes })))),
  };
}

function checked(path: string): string {
  if (isStorePath(path)) return path;
  throw new HistoryError(`${JSON.stringify(path)} is no path of a store.`);
}

class RefReader {
  readonly #repository: RefRepository;
  #blobs: Map<string, string> | undefined;
  /** Segments in the order in which they will be read. */
  #expected: string[] = [];
  #read = new Map<string, Buffer | HistoryError>();
  chronological = false;

  constructor(repository: RefRepository) {
    this.#repository = repository;
  }

  async list(): Promise<string[]> {
    const tip = await this.#repository.fetchTip();
    const files = tip === null ? [] : await this.#repository.files(tip);
    if (tip !== null) await this.#repository.noteMissing(tip);
    this.#blobs = new Map(files.map(({ path, blob }) => [path, blob]));
    const { paths, chronological } = byAge([...this.#blobs.keys()]);
    this.chronological = chronological;
    this.expect(paths.toReversed());
    this.#read.clear();
    return paths;
  }

  expect(paths: readonly string[]): void {
    this.#expected = paths.filter((path) => parseSegmentPath(path) !== null);
  }

  async read(path: string): Promise<Buffer> {
    if (!this.#blobs?.has(path)) await this.list();
    const blob = this.#blobs!.get(path);
    if (blob === undefined) throw new HistoryError(`${path}: the store has no such file.`);
    if (!this.#read.has(blob)) this.#read = await this.#repository.contents(this.#ahead(path));
    const content = this.#read.get(blob);
    this.#read.delete(blob);
    if (content instanceof Buffer) return content;
    const reason = content instanceof HistoryError ? content.message : null;
    throw new HistoryError(`${path}: ${reason ?? "the host does not give its content."}`);
  }

  /** The blob of the path, and those of the segments that will be read after it. */
  #ahead(path: string): string[] {
    const from = this.#expected.indexOf(path);
    const paths = from < 0 ? [path] : this.#expected.slice(from, from + READ_AHEAD);
    return [...new Set(paths.flatMap((each) => this.#blobs!.get(each) ?? []))];
  }
}

class RefWriter {
  readonly #repository: RefRepository;
  readonly #options: RefStoreOptions;

  constructor(repository: RefRepository, options: RefStoreOptions) {
    this.#repository = repository;
    this.#options = options;
  }

  async append(files: readonly NewFile[]): Promise<("written" | "present")[]> {
    const { ref, attempts = 40, onAttempt = () => {} } = this.#options;
    let faults = 0;
    for (let attempt = 1; ; attempt += 1) {
      const start = performance.now();
      // What cannot be read now may be read in a moment.
      const result = await this.#try(files, () => onAttempt(attempt)).catch((error: Error) => {
        if (faults + 1 === MOST_FAULTS) throw error;
        return { written: new Set<NewFile>(), outcome: { kind: "failed", reason: error.message } as const };
      });
      const { written, outcome } = result;
      if (outcome.kind === "done") return files.map((file) => (written.has(file) ? "written" : "present"));
      if (outcome.kind === "failed") faults += 1;
      const isHopeless = outcome.kind === "denied" || outcome.kind === "refused" || faults === MOST_FAULTS;
      if (isHopeless || attempt === attempts) throw writeFailure(ref, outcome, attempt);
      // As stations on one wire do it: random, so that writers that met once do not meet again, and the more time the
      // more often they met, counted in the time that a try takes here.
      const slot = Math.max(performance.now() - start, outcome.kind === "failed" ? FAULT_WAIT_MS : 0);
      await sleep(Math.random() * Math.min(LONGEST_WAIT_MS, slot * 2 ** Math.min(attempt, MOST_DOUBLINGS)));
    }
  }

  /** One fetch, one commit, one push; no push where nothing is missing. */
  async #try(files: readonly NewFile[], onPush: () => void): Promise<{ written: Set<NewFile>; outcome: PushOutcome }> {
    const tip = await this.#repository.fetchTip();
    const paths = new Set(files.map(({ path }) => path));
    const there = tip === null ? [] : await this.#repository.filesAt(tip, [...paths]);
    for (const { path } of there) paths.delete(path);
    // Of two files with one path the first is kept, as in every store.
    const missing = files.filter(({ path }) => paths.delete(path));
    const written = new Set(missing);
    if (missing.length === 0) return { written, outcome: { kind: "done" } };
    onPush();
    const commit = await this.#repository.commit(tip, missing, Math.floor(Date.now() / 1000));
    return { written, outcome: await this.#repository.push(tip, commit) };
  }
}
