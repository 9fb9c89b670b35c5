/**
 * What `npm test` runs: builds the actions, then all tests, or those whose path matches an argument.
 * Ends with the slowest files, the tools that were missing and a line alone, `N passed, N failed, N skipped`.
 *
 *   npm test -- [path ...] [any option of vitest]
 */
import { parseCLI, startVitest, type TestModule } from "vitest/node";
import { build } from "./build.ts";

/** How a test run ended. */
interface Tally {
  passed: number;
  failed: number;
  skipped: number;
  /** Why tests were skipped, as far as they said so. */
  notes: Set<string>;
}

/**
 * Counts tests. A file that cannot be loaded counts as a failed test.
 * @param otherFailures failures outside of any test file: stray errors, the build
 */
function tally(modules: readonly TestModule[], otherFailures: number): Tally {
  const counts: Tally = { passed: 0, failed: otherFailures, skipped: 0, notes: new Set() };
  for (const module of modules) {
    let failed = 0;
    for (const test of module.children.allTests()) {
      const result = test.result();
      if (result.state === "passed") counts.passed++;
      else if (result.state === "failed") failed++;
      else counts.skipped++; // also one that never ran, because the run was stopped
      if (result.state === "skipped" && result.note) counts.notes.add(result.note);
    }
    if (failed === 0 && module.state() === "failed") failed = 1;
    counts.failed += failed;
  }
  return counts;
}

/** The files that took longest, as lines. Files that share a process wait for each other, so the sum is no total. */
function slowest(modules: readonly TestModule[], count: number): string[] {
  return modules
    .map((module) => {
      const { collectDuration, duration } = module.diagnostic();
      return { seconds: (collectDuration + duration) / 1000, file: module.relativeModuleId };
    })
    .sort((a, b) => b.seconds - a.seconds)
    .slice(0, count)
    .map(({ seconds, file }) => `slowest: ${seconds.toFixed(1).padStart(6)} s ${file}`);
}

/** Builds; tests of unbuilt actions would all fail with the same message, so the others still run. */
async function built(): Promise<boolean> {
  try {
    await build();
    return true;
  } catch (error) {
    console.error(`build: ${error instanceof Error ? error.message : error}`);
    return false;
  }
}

const buildable = await built();
const { filter, options } = parseCLI(["vitest", "run", ...process.argv.slice(2)]);
const vitest = await startVitest(filter, { ...options, watch: false });
const modules = vitest.state.getTestModules();
const { passed, failed, skipped, notes } = tally(
  modules,
  vitest.state.getUnhandledErrors().length + (buildable ? 0 : 1),
);
await vitest.close();

for (const line of slowest(modules, 15)) console.log(line);
for (const note of [...notes].sort()) console.log(`skipped: ${note}`);
if (!buildable) console.log("failed: the build; its message is above the tests");
if (passed + failed === (buildable ? 0 : 1)) console.log("failed: no test ran");
console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
process.exitCode = failed > 0 || passed === 0 ? 1 : process.exitCode;
