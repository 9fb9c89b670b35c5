/** Small histories for tests. */
import { type Execution, type Run, testId } from "@goatnote/ci-history";
import { runners } from "./runners/index.ts";
import { replayWishes } from "./selector-tally.ts";
import type { Situation, Wishes } from "./situation.ts";

export const idOf = (file: string, name: string): string => testId({ file, name });

/** A passing execution of `name` in `file`, or what `more` says. */
export function execution(file: string, name: string, more: Partial<Execution> = {}): Execution {
  return { id: idOf(file, name), file, status: "pass", duration_ms: 100, ...more };
}

let count = 0;

/** A full run of the default branch. */
export function fullRun(changed: string[], tests: Execution[], more: Partial<Run> = {}): Run {
  count += 1;
  return {
    run_id: String(count),
    sha: count.toString(16).padStart(40, "0"),
    started_at: new Date(Date.UTC(2026, 0, 1) + count * 60_000).toISOString(),
    author: null,
    changes: changed.map((path) => ({ path, added: 1, deleted: 1 })),
    tests,
    trust: "push",
    default_branch: true,
    ...more,
  };
}

export const modules = ["alpha", "beta", "gamma", "delta"];
export const projectFiles = modules.flatMap((name) => [`src/${name}.py`, `tests/test_${name}.py`]);

/** A project of four modules with two tests each: a run that changed `changed` and broke the tests of `broken`. */
export function projectRun(changed: string | null, broken: string | null, more: Partial<Run> = {}): Run {
  const tests = modules.flatMap((name) =>
    ["one", "two"].map((test) =>
      execution(`tests/test_${name}.py`, `test_${test}`, { status: name === broken ? "fail" : "pass" }),
    ),
  );
  return fullRun(changed === null ? ["README.md"] : [`src/${changed}.py`], tests, more);
}

/** `rounds` times: each module breaks its tests and is mended. */
export const projectHistory = (rounds: number): Run[] => [
  projectRun(null, null),
  ...Array.from({ length: rounds }, () =>
    modules.flatMap((name) => [projectRun(name, name), projectRun(name, null)]),
  ).flat(),
];

export const wishes: Wishes = { ...replayWishes(0.9), seed: "seed" };

/** A pull request that changes `paths`. */
export function changeOf(paths: string[], more: Partial<Situation> = {}): Situation {
  return {
    change: {
      kind: "known",
      base: "a".repeat(40),
      head: "b".repeat(40),
      files: paths.map((path) => ({ path, added: 1, deleted: 0 })),
    },
    unrecorded: { kind: "known", files: [] },
    runAll: null,
    files: projectFiles,
    tests: null,
    runner: runners.pytest,
    sources: null,
    companions: null,
    ...more,
  };
}
