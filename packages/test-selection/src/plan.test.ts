import { describe, expect, it } from "vitest";
import { choose } from "./choose.ts";
import { learn } from "./past.ts";
import { decodePlan, encodePlan, type PlannedTest, selectionOf } from "./plan.ts";
import { changeOf, projectHistory, wishes } from "./samples.ts";
import { balance } from "./shards.ts";

const plan = choose(await learn(projectHistory(4), null, 0.9), changeOf(["src/beta.py"]), wishes);

describe("the plan file", () => {
  it("reads back what was written", () => {
    expect(decodePlan(encodePlan(plan), "plan.json")).toEqual(plan);
  });

  it.each([
    ["no JSON", "{", "it is not JSON"],
    ["null", "null", "version"],
    ["another version", JSON.stringify({ ...plan, version: 2 }), "version is 2, not 1"],
    ["another run", JSON.stringify({ ...plan, run: "some" }), "neither all nor chosen"],
    ["another mode", JSON.stringify({ ...plan, mode: "guess" }), "`mode` is unknown"],
    ["a test without id", JSON.stringify({ ...plan, tests: [{ ...plan.tests[0], id: 7 }] }), "without id"],
    ["a probability above 1", JSON.stringify({ ...plan, tests: [{ ...plan.tests[0], p_run: 2 }] }), "without id"],
    ["a file without path", JSON.stringify({ ...plan, files: [{}] }), "without path"],
  ])("refuses %s, and names the file", (_, text, problem) => {
    expect(() => decodePlan(text, "plan.json")).toThrow(problem);
    expect(() => decodePlan(text, "plan.json")).toThrow(/^plan\.json is not a plan/);
  });

  it("says in a record how tests were chosen", () => {
    expect(selectionOf(plan, "text")).toMatchObject({
      mode: "select",
      target_recall: 0.9,
      plan_digest: expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
    });
    expect(selectionOf({ ...plan, run: "all" }, "text").mode).toBe("full");
    expect(selectionOf({ ...plan, tests: plan.tests.map((test) => ({ ...test, p_run: 0.5 })) }, "text").mode).toBe(
      "explore",
    );
  });
});

describe("shards", () => {
  it("get even work, the longest files first", () => {
    const tests = [8, 7, 6, 5, 4].map(
      (duration_ms, index) =>
        ({ id: `${index}`, file: `f${index}`, duration_ms: duration_ms * 1000, p_run: 1 }) as PlannedTest,
    );
    balance(tests, [], 2);
    const work = [1, 2].map((shard) =>
      tests.filter((test) => test.shard === shard).reduce((sum, test) => sum + test.duration_ms!, 0),
    );
    expect(work.toSorted()).toEqual([13_000, 17_000]);
  });
});
