import fc from "fast-check";
import { expect, test } from "vitest";
import { findCulprits } from "./groups.ts";

const all = Array.from({ length: 16 }, (_, i) => i);

test("whoever has the effect alone is found, and nobody else", async () => {
  await fc.assert(
    fc.asyncProperty(fc.subarray(all, { minLength: 1 }), async (guilty) => {
      const found = await findCulprits(all, async (some) => some.some((each) => guilty.includes(each)));
      expect(found).toEqual({ alone: guilty, together: [] });
    }),
  );
});

test("one of sixteen takes eight tries", async () => {
  for (const guilty of all) {
    let tries = 0;
    await findCulprits(all, async (some) => {
      tries += 1;
      return some.includes(guilty);
    });
    expect(tries).toBe(8);
  }
});

test("what has the effect only together is told as such", async () => {
  const both = async (some: readonly number[]): Promise<boolean> => some.includes(3) && some.includes(12);
  expect(await findCulprits(all, both)).toEqual({ alone: [], together: all });
  const near = async (some: readonly number[]): Promise<boolean> => some.includes(2) && some.includes(3);
  expect(await findCulprits(all, near)).toEqual({ alone: [], together: [2, 3] });
});

test("nothing is tried where nothing was changed", async () => {
  expect(await findCulprits([], async () => true)).toEqual({ alone: [], together: [] });
});
