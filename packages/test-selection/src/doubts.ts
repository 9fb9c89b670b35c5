/** Reasons not to trust a choice. Any of them runs everything. */
import type { FileChange } from "@goatnote/ci-history";
import { matches } from "./globs.ts";
import { mostFiles } from "./memory.ts";
import type { Past } from "./past.ts";
import { coverageOf, cutFor, failingRunsNeeded, hasDrifted } from "./recall.ts";
import { unitsIn } from "./runners/index.ts";
import type { Runner } from "./runners/runner.ts";
import type { Situation, Wishes } from "./situation.ts";
import { isRunnersOwn, unbuiltFolders } from "./units.ts";

/**
 * The first reason not to trust a choice; null when there is none.
 * @param best of `past`, in the order that the choice goes by
 */
export function findDoubt(
  past: Past,
  best: readonly number[],
  { change, unrecorded, files, runner, tests, sources, sourcesUnknown }: Omit<Situation, "runAll">,
  wishes: Wishes,
): string | null {
  if (change.kind === "unknown") return change.reason;
  if (past.memory.tests.size === 0) return "no full run of the default branch is recorded yet";
  if (unrecorded.kind === "unknown") return unrecorded.reason;
  // Files beyond the bound have no score, so that a large change could hide the file that breaks something.
  if (change.files.length > mostFiles)
    return `the change has ${change.files.length} files, and at most ${mostFiles} are scored`;
  if (runner === null && tests === null) return "neither `runner` nor `tests` tells which tests exist now";
  for (const glob of wishes.runAllWhen) {
    const hit = change.files.find(({ path }) => matches(path, glob));
    if (hit) return `${hit.path} changed, which \`run-all-when\` lists (${glob})`;
  }
  const unseen = missingFile(past, [...change.files, ...unrecorded.files], files, runner);
  if (unseen !== null && tests === null)
    return `${unseen} held tests and is not in the commit, and no commit deleted it`;
  const unknown =
    runner === null
      ? undefined
      : [...past.memory.tests.values()].find(
          (test) => past.memory.isCurrent(test) && !isRunnersOwn(past, test) && test.file === null,
        );
  if (unknown && tests === null)
    return `the file of ${unknown.id} is not known, so ${runner?.name} cannot be told to run it`;
  // Without sources every score is lower than that of a past run which had them, and the cut is of those.
  const { imports, texts } = past.knowingSources;
  if (sources === null ? imports > 0 : sources.texts === null && texts > 0)
    return `what links tests to the change in the sources could not be read: ${sourcesUnknown ?? "nobody looked"}`;
  if (cutFor(wishes.targetRecall, best) === Number.POSITIVE_INFINITY) {
    return "safety nets alone caught the recorded failures, which does not say how likely a test has to be";
  }
  const coverage = coverageOf(wishes.targetRecall, best);
  const budgeted = wishes.timeBudgetMs !== null || wishes.maxFraction !== null;
  if (!budgeted && hasDrifted(wishes.targetRecall, coverage))
    return `the recall of ${wishes.targetRecall} did not hold: of the latest ${coverage.of} red changes ${coverage.caught} would have been noticed, so the past no longer tells`;
  const needed = failingRunsNeeded(wishes.targetRecall);
  if (cutFor(wishes.targetRecall, best) === null && !budgeted) {
    return `a recall of ${wishes.targetRecall} needs ${needed} runs of the default branch in which a known change broke a test, and ${best.length} are recorded`;
  }
  return null;
}

/** A file of tests in the latest run that the commit lacks although nothing deleted it: it is generated, or in a submodule. */
function missingFile(
  past: Past,
  touched: readonly FileChange[],
  files: readonly string[],
  runner: Runner | null,
): string | null {
  if (files.length === 0) return null;
  const deleted = touched.map(({ path }) => (runner === null ? path : runner.unitOf(path)));
  const explained = new Set([...unitsIn(runner, files), ...deleted, ...unbuiltFolders(past, { runner, files })]);
  const lost = [...past.memory.tests.values()].find(
    (test) => test.file !== null && test.lastSeenAt === past.memory.runs && !explained.has(test.file),
  );
  return lost?.file ?? null;
}
