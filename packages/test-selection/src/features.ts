/** The numbers that a model sees of a test and a change, as they stood before the run. Counts are logarithms: few failures tell most. */
import type { FileChange } from "@goatnote/ci-history";
import { type Links, linksTo } from "./links.ts";
import { type Memory, mostFiles, type TestMemory, trust } from "./memory.ts";
import { partsOf } from "./words.ts";

/** Names of the features, in order. A model keeps them, so that another version's model is told apart. */
export const featureNames = [
  "fresh failures",
  "decayed failures",
  "failure rate",
  "time since failure",
  "failed last",
  "ever failed",
  "outbreaks",
  "recorded runs",
  "duration",
  "file: largest share",
  "file: sum of shares",
  "file: failures together",
  "folder: largest share",
  "folder: sum of shares",
  "words: largest cosine",
  "words: sum of squares",
  "same stem",
  "nearness",
  "same top folders",
  "edited",
  "files changed",
  "imports known",
  "import nearness",
  "text: cosine",
] as const;

/** Gives the features of any test against one change; 32-bit floats, since examples of them are stored. */
export function featuresOf(
  memory: Memory,
  changes: readonly FileChange[],
  linksOf: (test: TestMemory) => Links = linksTo(memory, changes, null),
): (test: TestMemory) => Float32Array {
  const paths = changes.slice(0, mostFiles).map(({ path }) => path.normalize());
  const changed = new Set(paths);
  const tops = new Set(paths.map((path) => partsOf(path).top));
  const stems = new Set(paths.map((path) => partsOf(path).stem));
  const { log1p } = Math;
  return (test) => {
    const { file, folder, likeness, nearness, imports, text } = linksOf(test);
    const parts = test.file === null ? null : partsOf(test.file);
    const trusted = trust(test);
    const sinceFailure = test.lastFailureAt === null ? 0 : 1 / (1 + memory.runs - test.lastFailureAt);
    return Float32Array.of(
      log1p(5 * memory.freshFailures(test)),
      log1p(5 * memory.failures(test)),
      log1p((100 * trusted * test.failureCount) / (test.runCount + 1)),
      trusted * sinceFailure,
      Number(test.lastFailed),
      trusted * Number(test.failureCount > 0),
      log1p(trusted * test.outbreaks),
      log1p(test.runCount),
      log1p(test.durationMs ?? 0),
      log1p(10 * (file?.strongest.share ?? 0)),
      log1p(10 * (file?.sum ?? 0)),
      log1p(trusted * (file?.failures ?? 0)),
      log1p(10 * (folder?.strongest.share ?? 0)),
      log1p(10 * (folder?.sum ?? 0)),
      likeness?.similarity ?? 0,
      log1p(5 * (likeness?.sum ?? 0)),
      Number(parts !== null && stems.has(parts.stem)),
      nearness?.share ?? 0,
      Number(parts !== null && tops.has(parts.top)),
      Number(test.file !== null && changed.has(test.file)),
      log1p(changes.length),
      Number(imports !== undefined),
      imports ? 1 / Math.max(1, imports.distance) : 0,
      text?.similarity ?? 0,
    );
  };
}
