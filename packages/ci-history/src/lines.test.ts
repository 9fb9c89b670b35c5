import fc from "fast-check";
import { expect, test } from "vitest";
import { readLines } from "./lines.ts";

async function linesOf(bytes: Buffer, cuts: number[], max = 1000): Promise<string[]> {
  async function* chunks() {
    const ends = [...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
    let from = 0;
    for (const end of ends) {
      yield bytes.subarray(from, end);
      from = end;
    }
  }
  return (await Array.fromAsync(readLines(chunks(), max, "h"))).map((line) => line.text);
}

test("lines are the same however the bytes are cut", async () => {
  const text = fc.string({ unit: fc.constantFrom("a", "é", "\n", "\r", "𝄞") });
  await fc.assert(
    fc.asyncProperty(text, fc.array(fc.nat(200)), async (it, cuts) => {
      const expected = it.split("\n");
      if (expected.at(-1) === "") expected.pop();
      expect(await linesOf(Buffer.from(it), cuts)).toEqual(expected);
    }),
    { numRuns: 500 },
  );
});

test("a line longer than the bound is an error that names it", async () => {
  await expect(linesOf(Buffer.from("abc\nabcdefgh\n"), [5, 7], 5)).rejects.toThrow(
    "h:2: the line is longer than 5 bytes",
  );
  expect(await linesOf(Buffer.from("abcde\n"), [], 5)).toEqual(["abcde"]);
});
