import type { Run } from "@goatnote/ci-history";
import { replay, replayWishes } from "@goatnote/test-selection";
import { expect, test } from "vitest";
import { summariseReplay } from "./replay-report.ts";

/** Runs of two tests, oldest first; each of the given ones failed. */
const history = (length: number, red: readonly number[]): Run[] =>
  Array.from({ length }, (_, index) => ({
    run_id: String(index + 1),
    sha: null,
    started_at: new Date(Date.UTC(2026, 0, 1 + index)).toISOString(),
    author: null,
    changes: [{ path: "src/a.py", added: 1, deleted: 0 }],
    tests: ["a", "b"].map((name) => ({
      id: `test_${name}.py`,
      file: `test_${name}.py`,
      status: name === "a" && red.includes(index) ? "fail" : "pass",
      duration_ms: 10,
    })),
  }));

const summary = async (red: readonly number[]): Promise<string> =>
  summariseReplay(
    await replay(history(20, red), { evaluateFrom: 0.4, budgets: [0.1, 0.5], wishes: replayWishes(0.95) }),
  );

test("without a red change there is nothing to compare, and no table of zeros", async () => {
  const text = await summary([]);
  expect(text).toContain("Nothing failed");
  expect(text).not.toContain("|");
});

test("with one, the orders stand side by side", async () => {
  const text = await summary([15]);
  expect(text).toContain("1 of 1 red changes would have stayed red");
  expect(text).toContain("| <code>model</code> |");
});
