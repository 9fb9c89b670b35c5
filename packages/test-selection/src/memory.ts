/**
 * What the past says, folded run by run in order of time, so that a score never sees the future.
 * Counts decay with every observed run.
 */
import type { FileChange, Run } from "@goatnote/ci-history";
import { outcomes } from "./outcomes.ts";
import { partsOf, words } from "./words.ts";
import type { Order } from "./worth.ts";

const halfLife = 60;
const slow = 0.5 ** (1 / halfLife);
// What is left after one run of the count that forgets fast.
const fast = 0.9;
// A change of more files says little about any one of them, and would make the memory grow without bound.
export const mostFiles = 300;

// A run that breaks more tests than that broke the build: it links every test to every file, which says nothing.
const mostLinked = 1000;

/** A count of which `factor` is left after every observed run. */
class Decaying {
  private value: number;
  private at: number;
  private readonly factor: number;
  constructor(factor: number, [value, at]: [number, number] = [0, 0]) {
    this.factor = factor;
    this.value = value;
    this.at = at;
  }
  get state(): [number, number] {
    return [this.value, this.at];
  }
  add(now: number): void {
    this.value = this.read(now) + 1;
    this.at = now;
  }
  read(now: number): number {
    return this.value * this.factor ** (now - this.at);
  }
}

/** What is remembered of one test. */
export interface TestMemory {
  id: string;
  file: string | null;
  /** The file it had when it was first seen, which its words are of. */
  firstFile: string | null;
  words: Set<string>;
  /** The number of the run in which it was seen last. */
  lastSeenAt: number;
  lastFailed: boolean;
  failures: Decaying;
  freshFailures: Decaying;
  failureCount: number;
  /** How often it began to fail. */
  outbreaks: number;
  /** How often a failure of it was shown to be none of the change's: it passed when the same commit was run again. */
  flakes: number;
  /** How many of these are no failures of a run, since its job itself tried again. */
  retries: number;
  /** The number of the run in which it failed last; null when it never did. */
  lastFailureAt: number | null;
  runCount: number;
  /** Milliseconds, a running mean that follows the last ten runs; null where no run states one. */
  durationMs: number | null;
}

/**
 * How likely a failure of the test is the change's, above 0 to 1: of the times that it began to fail, those that no rerun
 * has cleared, with half a one more on both sides, so that nothing is certain. 1 for a test that was never seen to be flaky.
 */
export function trust({ outbreaks, flakes, retries }: Pick<TestMemory, "outbreaks" | "flakes" | "retries">): number {
  if (flakes === 0) return 1;
  const times = outbreaks + retries;
  return (Math.max(0, times - flakes) + 0.5) / (times + 0.5);
}

const wordsOf = (id: string, firstFile: string | null): Set<string> => words(`${firstFile ?? ""} ${id}`);

/** How often a file or folder changed, and which tests failed then. */
interface PlaceMemory {
  changes: Decaying;
  changeCount: number;
  failures: Map<TestMemory, { decayed: Decaying; count: number }>;
}

/** How a place and a test met: `share` of the place's changes that made the test fail, decayed; 0 when never. */
export interface Meeting {
  share: number;
  failures: number;
  changes: number;
}

export class Memory {
  readonly tests = new Map<string, TestMemory>();
  /** The tests whose path or name has a word. */
  readonly testsOfWord = new Map<string, TestMemory[]>();
  /** Observed runs. */
  runs = 0;
  private readonly places = new Map<string, PlaceMemory>();
  /** The number of the latest run that shows which tests a file has. */
  private readonly shownAt = new Map<string, number>();

  /** Says what a test usually takes, in milliseconds, or by `file-time` all of its file; null where no run says. */
  durationBy(order: Order): (test: TestMemory) => number | null {
    if (order !== "file-time") return ({ durationMs }) => durationMs;
    const ofFiles = new Map<string, number>();
    for (const test of this.tests.values())
      if (test.file !== null && test.durationMs !== null && this.isCurrent(test))
        ofFiles.set(test.file, (ofFiles.get(test.file) ?? 0) + test.durationMs);
    return ({ file, durationMs }) => (file === null ? undefined : ofFiles.get(file)) ?? durationMs;
  }

  /** Takes in a run that is newer than all before it. */
  observe(run: Run): void {
    this.runs += 1;
    const failed: TestMemory[] = [];
    const results = outcomes(run);
    // After a failure the runner may have stopped, so such a file does not show which tests it no longer has.
    const cut = new Set<string | null>();
    for (const outcome of results.values()) if (outcome.failed) cut.add(outcome.file);
    let shown: string | null = null;
    for (const { id, file, failed: isFailure, flaky, durationMs } of results.values()) {
      const test = this.tests.get(id) ?? this.remember(id, file);
      test.lastSeenAt = this.runs;
      // Tests of a file come together, so most of them need not say it again.
      if (file !== null && file !== shown && run.report_complete !== false && !cut.has(file)) {
        this.shownAt.set(file, this.runs);
        shown = file;
      }
      test.file = file;
      test.runCount += 1;
      if (isFailure && !test.lastFailed) test.outbreaks += 1;
      if (flaky) {
        test.flakes += 1;
        test.retries += 1;
      }
      test.lastFailed = isFailure;
      if (durationMs !== null)
        test.durationMs = test.durationMs === null ? durationMs : test.durationMs * 0.9 + durationMs * 0.1;
      if (!isFailure) continue;
      test.failures.add(this.runs);
      test.freshFailures.add(this.runs);
      test.lastFailureAt = this.runs;
      test.failureCount += 1;
      failed.push(test);
    }
    const linked = failed.length > mostLinked ? [] : failed;
    for (const place of placesOf(run.changes)) this.observePlace(place, linked);
  }

  /** Notes that a rerun has shown failures of these tests to be none of the change's. */
  clear(ids: readonly string[]): void {
    for (const id of ids) this.tests.get(id)!.flakes += 1;
  }

  /** Decayed failures of a test, as far as they are to be trusted. */
  failures(test: TestMemory): number {
    return trust(test) * test.failures.read(this.runs);
  }

  /** Failures of a test that decay fast, as far as they are to be trusted. */
  freshFailures(test: TestMemory): number {
    return trust(test) * test.freshFailures.read(this.runs);
  }

  /** How the changes of a file (`a/b.py`) or folder (`a/`) and failures of tests met. */
  meetings(place: string): Map<TestMemory, Meeting> {
    const memory = this.places.get(place);
    const result = new Map<TestMemory, Meeting>();
    if (!memory) return result;
    // One more change that broke nothing: a first meeting is a hint, not a certainty.
    const changes = memory.changes.read(this.runs) + 1;
    for (const [test, { decayed, count }] of memory.failures) {
      result.set(test, {
        share: (trust(test) * decayed.read(this.runs)) / changes,
        failures: count,
        changes: memory.changeCount,
      });
    }
    return result;
  }

  /** False for a test that its file had once and has no longer: the file was reported later, without it. */
  isCurrent(test: TestMemory): boolean {
    return test.file === null || test.lastSeenAt >= (this.shownAt.get(test.file) ?? 0);
  }

  /** Whether one of the latest runs had the test; the latest alone, if no number is given. */
  wasSeen(test: Pick<TestMemory, "lastSeenAt">, runs = 1): boolean {
    return test.lastSeenAt > this.runs - runs;
  }

  get state(): MemoryState {
    const numbers = new Map([...this.tests.values()].map((test, number) => [test, number]));
    return {
      runs: this.runs,
      tests: [...this.tests.values()].map(({ words: _, failures, freshFailures, ...test }) => ({
        ...test,
        failures: failures.state,
        freshFailures: freshFailures.state,
      })),
      places: [...this.places].map(([name, { changes, changeCount, failures }]) => [
        name,
        changes.state,
        changeCount,
        [...failures].map(([test, { decayed, count }]) => [numbers.get(test)!, decayed.state, count]),
      ]),
      shownAt: [...this.shownAt],
    };
  }

  /** The memory that had this state. */
  static from({ runs, tests, places, shownAt }: MemoryState): Memory {
    const memory = new Memory();
    memory.runs = runs;
    const known = tests.map(({ failures, freshFailures, ...test }) => ({
      ...test,
      words: wordsOf(test.id, test.firstFile),
      failures: new Decaying(slow, failures),
      freshFailures: new Decaying(fast, freshFailures),
    }));
    for (const test of known) memory.add(test);
    for (const [name, changes, changeCount, failures] of places)
      memory.places.set(name, {
        changes: new Decaying(slow, changes),
        changeCount,
        failures: new Map(
          failures.map(([number, decayed, count]) => [known[number]!, { decayed: new Decaying(slow, decayed), count }]),
        ),
      });
    for (const [file, run] of shownAt) memory.shownAt.set(file, run);
    return memory;
  }

  private remember(id: string, file: string | null): TestMemory {
    const test: TestMemory = {
      id,
      file,
      firstFile: file,
      words: wordsOf(id, file),
      lastSeenAt: 0,
      lastFailed: false,
      failures: new Decaying(slow),
      freshFailures: new Decaying(fast),
      failureCount: 0,
      outbreaks: 0,
      flakes: 0,
      retries: 0,
      lastFailureAt: null,
      runCount: 0,
      durationMs: null,
    };
    this.add(test);
    return test;
  }

  private add(test: TestMemory): void {
    this.tests.set(test.id, test);
    for (const word of test.words) {
      const having = this.testsOfWord.get(word) ?? [];
      this.testsOfWord.set(word, having);
      having.push(test);
    }
  }

  private observePlace(name: string, failed: TestMemory[]): void {
    const place = this.places.get(name) ?? { changes: new Decaying(slow), changeCount: 0, failures: new Map() };
    this.places.set(name, place);
    place.changes.add(this.runs);
    place.changeCount += 1;
    for (const test of failed) {
      const meeting = place.failures.get(test) ?? { decayed: new Decaying(slow), count: 0 };
      place.failures.set(test, meeting);
      meeting.decayed.add(this.runs);
      meeting.count += 1;
    }
  }
}

/** What a {@link Memory} holds, as JSON: counts that decay are value and run, and places name tests by their number in `tests`. */
export interface MemoryState {
  runs: number;
  tests: StoredTest[];
  /** Name, decayed changes, changes, and of each test that failed then its number, decayed failures and failures. */
  places: [string, [number, number], number, [number, [number, number], number][]][];
  shownAt: [string, number][];
}

type StoredTest = Omit<TestMemory, "words" | "failures" | "freshFailures"> & {
  failures: [number, number];
  freshFailures: [number, number];
};

/** The files of a change and, with a slash at the end, the folders above them; each once, bounded. */
export function placesOf(changes: readonly FileChange[]): Set<string> {
  const paths = changes.slice(0, mostFiles).map(({ path }) => path.normalize());
  return new Set(paths.flatMap((path) => [path, ...partsOf(path).folders.map((folder) => `${folder}/`)]));
}
