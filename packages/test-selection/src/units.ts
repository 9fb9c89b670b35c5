/** The tests that exist now, in the pieces that the runner can be told to run. */
import { parseTestId } from "@goatnote/ci-history";
import type { TestMemory } from "./memory.ts";
import type { Past } from "./past.ts";
import type { PlannedTest } from "./plan.ts";
import { compiledIn, unitsIn } from "./runners/index.ts";
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
  const unbuilt = new Set(unbuiltFolders(past, { runner, files }));
  const exists = (test: TestMemory): boolean =>
    past.memory.isCurrent(test) &&
    !isRunnersOwn(past, test) &&
    (test.file === null || files.length === 0 || tracked.has(test.file) || unbuilt.has(test.file));
  const named = (id: string): string | null => {
    const { file } = parseTestId(id);
    return file !== null && tracked.has(file) ? file : null;
  };
  const ids = tests ?? [...past.memory.tests.values()].filter(exists).map(({ id }) => id);
  const places = new Map([...past.memory.tests.keys()].map((id, place) => [id, place]));
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
      place: places.get(id) ?? null,
    };
  });
}

// A folder without tests reports nothing once it builds; so many runs without it say that it does.
const runsUntilBuilt = 5;

/** Folders without tests that lately did not build. */
export function unbuiltFolders(past: Past, { runner, files }: Pick<Situation, "runner" | "files">): string[] {
  const tested = new Set(unitsIn(runner, files));
  const untested = new Set(compiledIn(runner, files).filter((folder) => !tested.has(folder)));
  if (untested.size === 0) return [];
  const failed = [...past.memory.tests.values()].filter(
    (test) =>
      test.file !== null && untested.has(test.file) && test.lastFailed && past.memory.wasSeen(test, runsUntilBuilt),
  );
  return [...new Set(failed.map((test) => test.file!))];
}

// As vitest's reports name a file that failed as a whole, without saying where it is: a history may have it so.
const wholeFile = /\.(?:test|spec)\.[cm]?[jt]sx?$/;

/** Whether it is no test but an error of the runner itself, of a run before the latest. */
export const isRunnersOwn = (past: Past, { id, ...test }: TestMemory): boolean => {
  if (test.file !== null || past.memory.wasSeen(test)) return false;
  const { name } = parseTestId(id);
  return id === "pytest||internal" || name === "(no name)" || (id.startsWith("||") && wholeFile.test(name));
};

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
