import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

// Files share a process, which starts fast; tests that change its directory, umask, environment or signals are named *.fork.test.ts
// and get one each. Never threads: they would all be in one large process, and to start a program takes tens of milliseconds of one
// of a gigabyte, and we start some ten thousand.
const include = ["packages/**/*.test.ts", "actions/**/*.test.ts", "scripts/**/*.test.ts", "test/**/*.test.ts"];
const exclude = ["**/node_modules/**", "build/**", "dist/**"];

/** What takes a minute or so, as `npm test` says at its end: begun last, one of them would run alone while processors rest. */
const longest = [
  "test/loop/pytest.test.ts",
  "test/sops/matrix.test.ts",
  "test/sops/source-leaks.test.ts",
  "packages/ci-history/src/ref-store.test.ts",
  "test/attest/attest.test.ts",
  "test/own-workflows.test.ts",
  "scripts/publish.test.ts",
  "test/loop/train.test.ts",
];

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
    maxWorkers: Math.min(availableParallelism() + 2, 12),
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        extends: true,
        test: { name: "shared", include, exclude: [...exclude, "**/*.fork.test.ts"], pool: "forks", isolate: false },
      },
      {
        extends: true,
        test: {
          name: "alone",
          include: include.map((glob) => glob.replace("*.test.ts", "*.fork.test.ts")),
          exclude,
          pool: "forks",
        },
      },
    ],
  },
});
