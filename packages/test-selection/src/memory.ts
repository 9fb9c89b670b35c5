/**
 * What the past says, folded run by run in order of time, so that a score never sees the future.
 * Counts decay with every observed run.
 */
import type { FileChange, Run } from "@goatnote/ci-history";
import { outcomes } from "./outcomes.ts";
import { folders, words } from "./words.ts";

const halfLife = 60;
const slow = 0.5 ** (1 / halfLife);
// What is left after one run of the count that forgets fast.
const fast = 0.9;
// A change of more files says little about any one of them, and would make the memory grow without bound.
export const mostFiles = 300;

/** A count of which `factor` is left after every observed run. */
class Decaying {
  private value = 0;
  private at = 0;
  private readonly factor: number;
  constructor(factor: number) {
    this.factor = factor;
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
  words: Set<string>;
  /** The number of the run in which it was seen last. */
  lastSeenAt: number;
  lastFailed: boolean;
  failures: Decaying;
  freshFailures: Decaying;
  failureCount: number;
  /** How often it began to fail. */
  outbreaks: number;
  /** The number of the run in which it failed last; null when it never did. */
  lastFailureAt: number | null;
  runCount: number;
  /** Milliseconds, a running mean that follows the last ten runs; null where no run states one. */
  durationMs: number | null;
}

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

  /** Takes in a run that is newer than all before it. */
  observe(run: Run): void {
    this.runs += 1;
    const failed: TestMemory[] = [];
    const results = outcomes(run);
    // After a failure the runner may have stopped, so such a file does not show which tests it no longer has.
    const cut = new Set(
      [...results.values()].flatMap((outcome) => (outcome.failed && outcome.file !== null ? outcome.file : [])),
    );
    for (const { id, file, failed: isFailure, durationMs } of results.values()) {
      const test = this.tests.get(id) ?? this.remember(id, file);
      test.lastSeenAt = this.runs;
      if (file !== null && run.report_complete !== false && !cut.has(file)) this.shownAt.set(file, this.runs);
      test.file = file;
      test.runCount += 1;
      if (isFailure && !test.lastFailed) test.outbreaks += 1;
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
    for (const place of placesOf(run.changes)) this.observePlace(place, failed);
  }

  /** Decayed failures of a test. */
  failures(test: TestMemory): number {
    return test.failures.read(this.runs);
  }

  /** Failures of a test that decay fast. */
  freshFailures(test: TestMemory): number {
    return test.freshFailures.read(this.runs);
  }

  /** How the changes of a file (`a/b.py`) or folder (`a/`) and failures of tests met. */
  meetings(place: string): Map<TestMemory, Meeting> {
    const memory = this.places.get(place);
    const result = new Map<TestMemory, Meeting>();
    if (!memory) return result;
    // One more change that broke nothing: a first meeting is a hint, not a certainty.
    const changes = memory.changes.read(this.runs) + 1;
    for (const [test, { decayed, count }] of memory.failures) {
      result.set(test, { share: decayed.read(this.runs) / changes, failures: count, changes: memory.changeCount });
    }
    return result;
  }

  /** False for a test that its file had once and has no longer: the file was reported later, without it. */
  isCurrent(test: TestMemory): boolean {
    return test.file === null || test.lastSeenAt >= (this.shownAt.get(test.file) ?? 0);
  }

  private remember(id: string, file: string | null): TestMemory {
    const own = words(`${file ?? ""} ${id}`);
    const test = {
      id,
      file,
      words: own,
      lastSeenAt: 0,
      lastFailed: false,
      failures: new Decaying(slow),
      freshFailures: new Decaying(fast),
      failureCount: 0,
      outbreaks: 0,
      lastFailureAt: null,
      runCount: 0,
      durationMs: null,
    };
    this.tests.set(id, test);
    for (const word of own) {
      const having = this.testsOfWord.get(word) ?? [];
      this.testsOfWord.set(word, having);
      having.push(test);
    }
    return test;
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

/** The files of a change and, with a slash at the end, the folders above them; each once, bounded. */
export function placesOf(changes: readonly FileChange[]): Set<string> {
  const paths = changes.slice(0, mostFiles).map(({ path }) => path.normalize());
  return new Set(paths.flatMap((path) => [path, ...folders(path).map((folder) => `${folder}/`)]));
}
