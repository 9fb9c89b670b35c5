import type { Plan, PlannedTest } from "@goatnote/test-selection";
import { describe, expect, test } from "vitest";
import { summarise } from "./report.ts";

const planned = (id: string, chosen: boolean): PlannedTest => ({
  id,
  file: null,
  score: 1,
  probability: 0.1,
  chosen,
  p_run: 1,
  reason: "",
  duration_ms: 1000,
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

test("tests beyond the first 200 are counted, and said to be in the plan", () => {
  const tests = Array.from({ length: 250 }, (_, index) => planned(`t${index}`, index < 40));
  const text = summarise(plan({ mode: "select", run: "chosen", tests }));
  expect(text).toContain("and 10 more");
  expect(text.match(/ more/g)).toHaveLength(1);
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
