/**
 * The hand-weighted sum: how likely a change breaks a test, from history and change. It is a rank, not a probability.
 * The signals are those that PyTorch's target determination and the published studies found to carry the most:
 * failures together with the changed files and folders, words shared by path and test, and recent failures.
 */
import type { FileChange } from "@goatnote/ci-history";
import { type ImportLink, type Likeness, type Links, linksTo, type Nearness, type Together } from "./links.ts";
import type { Memory, TestMemory } from "./memory.ts";
import type { TextLikeness } from "./text-similarity.ts";

/** One reason for a score. */
export interface Signal {
  /** Its part of the score, 0 or more. */
  weight: number;
  /** For the reader, such as "failed in 3 of 4 runs that changed src/a.py". */
  reason: string;
}

/** A test's score and the signals in it, heaviest first. */
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
  imports: 0.5,
  sharedText: 1,
};

/** Scores every remembered test against a change, 0 or more. */
export function scoreAll(
  memory: Memory,
  changes: readonly FileChange[],
  linksOf: (test: TestMemory) => Links = linksTo(memory, changes, null),
): Map<string, Score> {
  return new Map([...memory.tests.values()].map((test) => [test.id, scoreOf(memory, test, linksOf(test))]));
}

/** The sum alone, 0 or more. */
export function sumOf(
  memory: Memory,
  test: TestMemory,
  { file, folder, likeness, nearness, imports, text }: Links,
): number {
  return rounded(
    shareOf(file, weights.togetherFile) +
      shareOf(folder, weights.togetherFolder) +
      weights.sharedWords * (likeness?.similarity ?? 0) +
      weights.nearby * (nearness?.share ?? 0) +
      importWeight(imports) +
      weights.sharedText * (text?.similarity ?? 0) +
      recency(memory, test),
  );
}

function scoreOf(memory: Memory, test: TestMemory, links: Links): Score {
  return {
    test,
    score: sumOf(memory, test, links),
    // In words only where somebody reads them: a history has millions of scores.
    get signals() {
      return signalsOf(memory, test, links);
    },
  };
}

function signalsOf(memory: Memory, test: TestMemory, links: Links): Signal[] {
  return [
    ...together(links.file, weights.togetherFile),
    ...together(links.folder, weights.togetherFolder),
    ...alike(links.likeness),
    ...nearby(links.nearness),
    ...imported(links.imports),
    ...speaking(links.text),
    ...recent(memory, test),
  ].sort((a, b) => b.weight - a.weight);
}

/** To six digits, so that sums in another order give the same rank. */
export function rounded(score: number): number {
  // Less than that is nothing, and its scale would be infinite.
  if (Math.abs(score) < 1e-300) return 0;
  const scale = 10 ** (5 - Math.floor(Math.log10(Math.abs(score))));
  return Math.round(score * scale) / scale;
}

const shareOf = (met: Together | undefined, weight: number): number => weight * Math.min(1, met?.strongest.share ?? 0);

function recency(memory: Memory, test: TestMemory): number {
  const failures = memory.failures(test);
  if (failures < 0.01) return 0;
  return (weights.recentFailures * failures) / (failures + 2) + (test.lastFailed ? weights.lastFailed : 0);
}

function together(met: Together | undefined, weight: number): Signal[] {
  if (!met) return [];
  const { failures, changes, place } = met.strongest;
  return [{ weight: shareOf(met, weight), reason: `failed in ${failures} of ${changes} runs that changed ${place}` }];
}

function alike(likeness: Likeness | undefined): Signal[] {
  if (!likeness) return [];
  const named = likeness.words.slice(0, 3).map((word) => `"${word}"`);
  return [
    { weight: weights.sharedWords * likeness.similarity, reason: `shares ${named.join(", ")} with ${likeness.path}` },
  ];
}

function nearby(nearness: Nearness | undefined): Signal[] {
  if (!nearness) return [];
  return [{ weight: weights.nearby * nearness.share, reason: `lies near the change, in ${nearness.folder}` }];
}

const importWeight = (link: Links["imports"]): number => (link ? weights.imports / Math.max(1, link.distance) : 0);

function imported(link: Links["imports"]): Signal[] {
  if (!link) return [];
  return [{ weight: importWeight(link), reason: importReason(link) }];
}

function speaking(text: Links["text"]): Signal[] {
  if (!text) return [];
  return [{ weight: weights.sharedText * text.similarity, reason: textReason(text) }];
}

/** Such as "speaks of `fit_curve`, as the changed lines do". */
export function textReason({ shared }: TextLikeness): string {
  if (!shared) return "may speak of what changed";
  return `speaks of ${shared.map((name) => `\`${name}\``).join(", ")}, as the changed lines do`;
}

const isModule = /\.(?:[cm]?[jt]sx?|vue|svelte|pyi?|go|java)$|^a file$/;

/** Such as "imports src/a.ts, which changed". */
export function importReason({ distance, changed = "a file", unread }: ImportLink): string {
  if (unread && distance === 1) return "may import what changed: it cannot be read";
  if (unread) return `imports ${changed}, which cannot be read and may import what changed`;
  if (distance === 0) return "is changed itself";
  const verb = isModule.test(changed) ? "imports" : "names";
  return distance === 1
    ? `${verb} ${changed}, which changed`
    : `reaches ${changed}, which changed, through ${distance} imports`;
}

function recent(memory: Memory, test: TestMemory): Signal[] {
  const sum = recency(memory, test);
  if (sum === 0) return [];
  const weight = test.lastFailed ? sum - weights.lastFailed : sum;
  const flaky = test.flakes === 0 ? "" : `, and was flaky ${test.flakes === 1 ? "once" : `${test.flakes} times`}`;
  const signal = { weight, reason: `failed in ${test.failureCount} of ${test.runCount} recorded runs${flaky}` };
  return test.lastFailed ? [{ weight: weights.lastFailed, reason: "failed in its last run" }, signal] : [signal];
}
