/** The tests that exist now, in the pieces that the runner can be told to run. */
import { parseTestId } from "@goatnote/ci-history";
import type { TestMemory } from "./memory.ts";
import type { Past } from "./past.ts";
import type { PlannedTest } from "./plan.ts";
import { unitsIn } from "./runners/index.ts";
import type { Runner } from "./runners/runner.ts";
import type { Score } from "./score.ts";
import type { Situation } from "./situation.ts";

/** Tests that run or rest together: one test, or all of a file or folder where the runner can only be given those. */
export interface Unit {
  tests: PlannedTest[];
  /** The highest of its tests, see `worth.ts`; a test that no run knows is before all. */
  worth: number;
  durationMs: number;
}

/** A decision, still open, on every test that exists now. */
export function plannedTests(
  past: Past,
  { files, tests, runner }: Omit<Situation, "change">,
  scores: Map<string, Score>,
): PlannedTest[] {
  const tracked = new Set(unitsIn(runner, files));
  const tested = new Set(runner === null ? files : files.filter(runner.isTestFile).map((path) => runner.unitOf(path)));
  /** In a folder without tests only a failed build is one. */
  const isThere = (test: TestMemory, file: string): boolean =>
    tracked.has(file) && (runner?.granularity !== "folder" || tested.has(file) || test.lastFailed);
  const exists = (test: TestMemory): boolean =>
    past.memory.isCurrent(test) && (test.file === null || files.length === 0 || isThere(test, test.file));
  const named = (id: string): string | null => {
    const { file } = parseTestId(id);
    return file !== null && tracked.has(file) ? file : null;
  };
  const ids = tests ?? [...past.memory.tests.values()].filter(exists).map(({ id }) => id);
  return [...new Set(ids)].map((id) => {
    const test = past.memory.tests.get(id);
    const score = test ? (scores.get(id)?.score ?? 0) : null;
    return {
      id,
      file: test?.file ?? named(id),
      score,
      probability: score === null ? null : past.probability(score),
      chosen: false,
      p_run: 0,
      reason: "",
      duration_ms: test?.durationMs ?? null,
    };
  });
}

/** Whether a runner can only be given whole files or folders. */
export const runsTogether = (runner: Runner | null): boolean => runner !== null && runner.granularity !== "test";

/** Groups tests into units. */
export function unitsOf(tests: PlannedTest[], runner: Runner | null, worthOf: (test: PlannedTest) => number): Unit[] {
  const together = runsTogether(runner);
  const groups = Map.groupBy(tests, (test) => (together && test.file !== null ? test.file : test));
  return [...groups.values()].map((group) => ({
    tests: group,
    worth: group.reduce((most, test) => Math.max(most, worthOf(test)), Number.NEGATIVE_INFINITY),
    durationMs: group.reduce((sum, test) => sum + (test.duration_ms ?? 0), 0),
  }));
}

const companion = "runs with ";

/** Whether a test runs only because another of its unit does; that one's reason says why. */
export const isCompanion = ({ reason }: PlannedTest): boolean => reason.startsWith(companion);

/** Chooses a unit. A test without a reason of its own runs because of the first that has one. */
export const take = (unit: Unit, reasonFor: (test: PlannedTest) => string | undefined, p = 1): void => {
  const reasons = unit.tests.map(reasonFor);
  const first = unit.tests[reasons.findIndex((reason) => reason !== undefined)];
  unit.tests.forEach((test, index) => {
    Object.assign(test, {
      chosen: true,
      p_run: p,
      reason: reasons[index] ?? `${companion}${first?.id}, which is in the same file or package`,
    });
  });
};
