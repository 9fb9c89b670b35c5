import { availableParallelism } from "node:os";
import { join } from "node:path";
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

// Unit tests share processes, which start fast; what changes the directory, umask, environment or signals of its process is named
// *.fork.test.ts. Those and what is in test/, which starts programs by the hundred, get a process for each file: to start a program
// takes the longer the larger the process is that starts it, up to tens of milliseconds. Never threads, which make one large one.
const units = ["packages", "actions", "scripts"].map((folder) => `${folder}/**/*.test.ts`);
const forks = units.map((glob) => glob.replace("*.test.ts", "*.fork.test.ts"));
const exclude = ["**/node_modules/**", "build/**", "dist/**"];

/** What takes a minute or so, as `npm test` says at its end: begun last, one of them would run alone while processors rest. */
const longest = [
  "test/attest/attest.test.ts",
  "test/sops/source-leaks.test.ts",
  "test/reproducibility/zoo.fork.test.ts",
  "test/loop/pytest.test.ts",
  "test/reproducibility/unable.fork.test.ts",
  "test/reproducibility/nix-zoo.fork.test.ts",
  "test/nix/action.fork.test.ts",
  "test/sops/matrix.test.ts",
  "test/own-workflows.test.ts",
  "packages/test-selection/src/stored-past.test.ts",
  "packages/ci-history/src/ref-store.test.ts",
  "scripts/publish.test.ts",
];

// What each of some two hundred workers loads, and the programs of TypeScript that tests start, are compiled once: a fifth of a
// worker's start and two thirds of a program's. Node notices what has changed since.
process.env.NODE_COMPILE_CACHE ??= join(import.meta.dirname, "build/compile-cache");

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification): number => {
      const at = longest.findIndex((name) => moduleId.endsWith(name));
      return at === -1 ? longest.length : at;
    };
    return (await super.sort(files)).sort((a, b) => place(a) - place(b));
  }
}

export default defineConfig({
  test: {
    testTimeout: 180_000,
    hookTimeout: 300_000,
    // A worker waits a good part of its time, for other programs and for what is tried again; on a large machine the number of
    // programs that they start is what counts.
    maxWorkers: Math.min(availableParallelism() + 3, 12),
    sequence: { sequencer: LongestFirst },
    pool: "forks",
    projects: [
      {
        extends: true,
        test: { name: "shared", include: units, exclude: [...exclude, "**/*.fork.test.ts"], isolate: false },
      },
      { extends: true, test: { name: "alone", include: [...forks, "test/**/*.test.ts"], exclude } },
    ],
  },
});
