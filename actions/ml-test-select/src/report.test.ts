import { type Plan, type PlannedTest, runners } from "@goatnote/test-selection";
import { describe, expect, test } from "vitest";
import { summarise as summariseFor } from "./report.ts";

const planned = (id: string, chosen: boolean): PlannedTest => ({
  id,
  file: null,
  score: 1,
  probability: 0.1,
  chosen,
  p_run: 1,
  reason: "",
  duration_ms: 1000,
  place: 0,
});

const plan = (change: Partial<Plan>): Plan => ({
  version: 1,
  mode: "observe",
  run: "all",
  reason: "1 of 2 tests would run.",
  runner: null,
  base: null,
  head: null,
  seed: "",
  target_recall: 0.95,
  confidence: 0.95,
  coverage: { caught: 50, of: 50 },
  model: { kind: "logistic", ece: null, reliability: [] },
  history: { runs: 100, failing_runs: 60 },
  tree: null,
  import_distances: null,
  text_similarities: null,
  shards: 1,
  tests: [planned("a", true), planned("b", false)],
  files: [],
  ...change,
});

const summarise = (plan: Plan): string => summariseFor(plan, null);

describe("where the runner is given files", () => {
  const inFile = (file: string, id: string, chosen: boolean, reason: string): PlannedTest => ({
    ...planned(id, chosen),
    file,
    reason,
  });
  const companions = [
    inFile("a.test.ts", "a|1", true, "runs with a|2, which is in the same file or package"),
    inFile("a.test.ts", "a|2", true, "imports a.ts"),
  ];

  test("a file is one row, with the reason of the test that made it run", () => {
    const tests = [...companions, inFile("b.test.ts", "b|1", false, "rests: b"), planned("c", false)];
    const text = summariseFor(plan({ mode: "select", run: "chosen", tests }), runners.vitest);
    expect(text).toContain("Why these 2 tests");
    expect(text).toContain(
      "| file | tests | why |\n| --- | --- | --- |\n| <code>a.test.ts</code> | 2 | imports a.ts |\n\n",
    );
    expect(text).toContain("| <code>b.test.ts</code> | 1 | rests: b |\n| <code>c</code> | 1 |  |\n");
  });
  test("files beyond the first 200 are counted", () => {
    const tests = Array.from({ length: 450 }, (_, index) =>
      inFile(`${Math.floor(index / 2)}.test.ts`, `t${index}`, true, "new"),
    );
    const text = summariseFor(plan({ mode: "select", run: "chosen", tests }), runners.vitest);
    expect(text).toContain("| and 25 more |  | in <code>test-plan.json</code>, an artifact of this run |");
  });
  test("packages are called so, and single tests have no such column", () => {
    const of = (runner: "go-test" | "pytest"): string =>
      summariseFor(plan({ mode: "select", run: "chosen", tests: companions }), runners[runner]);
    expect(of("go-test")).toContain("| package | tests | why |");
    expect(of("pytest")).toContain("| test | why |\n| --- | --- |\n| <code>a&#124;1</code> | runs with a&#124;2");
  });
});

test("tests beyond the first 200 are counted, and said to be in the plan", () => {
  const tests = Array.from({ length: 250 }, (_, index) => planned(`t${index}`, index < 40));
  const text = summarise(plan({ mode: "select", run: "chosen", tests }));
  expect(text).toContain("and 10 more");
  expect(text.match(/ more/g)).toHaveLength(1);
});

test("so are edited test files beyond the first 20", () => {
  const files = Array.from({ length: 23 }, (_, index) => ({ path: `${index}.py`, reason: "the change edits it" }));
  const text = summarise(plan({ mode: "select", run: "chosen", files }));
  expect(text).toContain("<code>19.py</code> (the change edits it) and 3 more\n");
});

describe("what observe says of switching", () => {
  test("for it, where the stated recall has held", () => {
    expect(summarise(plan({}))).toMatch(/50 would have been noticed: a recall from 93 % to 100 % .*`mode: select`/);
  });
  test("against it, where it has not", () => {
    expect(summarise(plan({ coverage: { caught: 40, of: 50 } }))).toContain("Stay with `mode: observe`");
  });
  test("nothing, where all run because of a doubt, or in another mode", () => {
    const doubt = plan({ confidence: 1, tests: [planned("a", true)] });
    for (const text of [summarise(doubt), summarise(plan({ mode: "select", run: "chosen" }))]) {
      expect(text).toContain("50 would have been noticed");
      expect(text).not.toMatch(/`mode: (select|observe)`/);
    }
  });
});
