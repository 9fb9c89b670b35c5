/**
 * The hand-weighted sum: how likely a change breaks a test, from history and change. It is a rank, not a probability.
 * The signals are those that PyTorch's target determination and the published studies found to carry the most:
 * failures together with the changed files and folders, words shared by path and test, and recent failures.
 */
import type { FileChange } from "@goatnote/ci-history";
import { type Meeting, type Memory, mostFiles, placesOf, type TestMemory } from "./memory.ts";
import { folders, words } from "./words.ts";

/** One reason for a score. */
export interface Signal {
  /** Its part of the score, 0 or more. */
  weight: number;
  /** For the reader, such as "failed in 3 of 4 runs that changed src/a.py". */
  reason: string;
}

/** A test's score (0 or more) and the signals in it, heaviest first. */
export interface Score {
  test: TestMemory;
  score: number;
  signals: Signal[];
}

/** What each signal weighs at its strongest. */
export const weights = {
  togetherFile: 1,
  togetherFolder: 0.5,
  sharedWords: 1,
  nearby: 0.25,
  recentFailures: 0.35,
  lastFailed: 0.25,
};

/** Scores every remembered test against a change. */
export function scoreAll(memory: Memory, changes: readonly FileChange[]): Map<string, Score> {
  const meet = strongestMeetings(memory, changes);
  const shared = sharedWords(memory, changes);
  const near = new Set(changes.flatMap(({ path }) => folders(path)));
  return new Map(
    [...memory.tests.values()].map((test) => {
      const signals = [
        ...together(meet.file.get(test), weights.togetherFile),
        ...together(meet.folder.get(test), weights.togetherFolder),
        ...(shared.get(test) ?? []),
        ...nearby(test, near),
        ...recent(memory, test),
      ].sort((a, b) => b.weight - a.weight);
      const sum = signals.reduce((total, { weight }) => total + weight, 0);
      // Rounded, so that sums in another order give the same rank.
      return [test.id, { test, signals, score: Number(sum.toPrecision(6)) }];
    }),
  );
}

type Met = Meeting & { place: string };

/** For each test the changed file, and the changed folder, that it failed with most. */
function strongestMeetings(
  memory: Memory,
  changes: readonly FileChange[],
): Record<"file" | "folder", Map<TestMemory, Met>> {
  const strongest = { file: new Map<TestMemory, Met>(), folder: new Map<TestMemory, Met>() };
  for (const place of placesOf(changes)) {
    const best = strongest[place.endsWith("/") ? "folder" : "file"];
    for (const [test, meeting] of memory.meetings(place)) {
      if (meeting.share > (best.get(test)?.share ?? 0)) best.set(test, { ...meeting, place });
    }
  }
  return strongest;
}

function together(met: Met | undefined, weight: number): Signal[] {
  if (!met) return [];
  return [
    {
      weight: weight * Math.min(1, met.share),
      reason: `failed in ${met.failures} of ${met.changes} runs that changed ${met.place}`,
    },
  ];
}

interface Likeness {
  similarity: number;
  path: string;
  words: string[];
}

/** The cosine of the words of a test and of a changed path, rare words counting more; for each test its likest path. */
function sharedWords(memory: Memory, changes: readonly FileChange[]): Map<TestMemory, Signal[]> {
  const rarity = (word: string): number =>
    Math.log(1 + memory.tests.size / (memory.testsOfWord.get(word)?.length ?? 1));
  const norm = (all: Iterable<string>): number => Math.hypot(...[...all].map(rarity));
  const norms = new Map<TestMemory, number>();
  const best = new Map<TestMemory, Likeness>();
  for (const { path } of changes.slice(0, mostFiles)) {
    const pathWords = [...words(path)].filter((word) => memory.testsOfWord.has(word));
    const pathNorm = norm(pathWords);
    const found = new Map<TestMemory, { product: number; words: string[] }>();
    for (const word of pathWords) {
      for (const test of memory.testsOfWord.get(word) ?? []) {
        const entry = found.get(test) ?? { product: 0, words: [] };
        found.set(test, entry);
        entry.product += rarity(word) ** 2;
        entry.words.push(word);
      }
    }
    for (const [test, entry] of found) {
      const testNorm = norms.get(test) ?? norm(test.words);
      norms.set(test, testNorm);
      const similarity = entry.product / (pathNorm * testNorm);
      if (similarity > (best.get(test)?.similarity ?? 0)) best.set(test, { similarity, path, words: entry.words });
    }
  }
  return new Map([...best].map(([test, likeness]) => [test, [likenessSignal(likeness)]]));
}

function likenessSignal({ similarity, path, words: common }: Likeness): Signal {
  const named = common
    .slice(0, 3)
    .map((word) => `"${word}"`)
    .join(", ");
  return { weight: weights.sharedWords * similarity, reason: `shares ${named} with ${path}` };
}

/** The deepest folder that test and change share, as a part of the test's own depth. */
function nearby(test: TestMemory, near: ReadonlySet<string>): Signal[] {
  const above = test.file === null ? [] : folders(test.file);
  const at = above.findIndex((folder) => near.has(folder));
  if (at < 0) return [];
  return [
    { weight: (weights.nearby * (above.length - at)) / above.length, reason: `lies near the change, in ${above[at]}` },
  ];
}

function recent(memory: Memory, test: TestMemory): Signal[] {
  const failures = memory.failures(test);
  if (failures < 0.01) return [];
  const weight = (weights.recentFailures * failures) / (failures + 2);
  const signal = { weight, reason: `failed in ${test.failureCount} of ${test.runCount} recorded runs` };
  return test.lastFailed ? [{ weight: weights.lastFailed, reason: "failed in its last run" }, signal] : [signal];
}
