import { expect, test } from "vitest";
import { compare } from "./contest.ts";

const runs = (differences: number[]) => differences.map((difference) => ({ stored: 0.8, trained: 0.8 + difference }));

test("the stored model stays only where it is ahead beyond chance, or too few runs tell", () => {
  const one = compare(runs([-0.3, ...new Array(19).fill(0)]));
  expect(one.trained).toBeLessThan(one.stored!);
  expect([one.keeps_stored, one.difference!.high]).toEqual([false, 0]);
  expect(compare(runs(new Array(20).fill(-0.1))).keeps_stored).toBe(true);
  expect(compare(runs(new Array(20).fill(0.1))).keeps_stored).toBe(false);
  expect(compare(runs(new Array(4).fill(0.1))).keeps_stored).toBe(true);
  expect(compare([])).toEqual({ failing_runs: 0, stored: null, trained: null, difference: null, keeps_stored: true });
});
