/** A short run of every fuzz target, always the same one, and that the fuzzing sees what it is for. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { describe, expect, onTestFinished, test } from "vitest";
import { parse } from "yaml";
import { random as randomNumbers } from "../packages/boosted-trees/src/random.ts";
import { mutate } from "./fuzz/mutate.ts";
import { isRefusal, type Target, targets } from "./fuzz/targets.ts";
import { fuzz, fuzzFor, shard } from "./fuzz.ts";

// No seed of these can be read: what they hold would have to be signed.
const neverRead = ["bundle", "certificate"];

test.each(Object.entries(targets))("%s refuses in words what it cannot read", async (name, target) => {
  const { finding, read } = await fuzz(target, 1, (inputs) => inputs >= 150);
  expect(finding && { input: finding.input.toString("latin1").slice(0, 500), error: finding.error }).toBeUndefined();
  expect(read > 0, "no input was read, so only the first check of the parser was tried").toBe(
    !neverRead.includes(name),
  );
});

test("the workflows fuzz all targets, and have time for each", () => {
  const count = Object.keys(targets).length;
  const jobOf = (name: string) =>
    parse(readFileSync(join(import.meta.dirname, "../.github/workflows", name), "utf8")).jobs.fuzz;
  const scriptOf = (job: { steps: { run?: string }[] }) =>
    job.steps.find(({ run }) => run?.includes("npm run fuzz"))!.run;
  const [byDay, byNight] = [jobOf("ci.yml"), jobOf("nightly.yml")];
  expect(scriptOf(byDay)).toMatch(/ all --minutes 1$/);
  expect(count).toBeLessThan(byDay["timeout-minutes"]);
  const { shard } = byNight.strategy.matrix;
  expect(scriptOf(byNight)).toMatch(new RegExp(` all --minutes 60 --shard "\\$SHARD/${shard.length}"$`));
  expect(shard).toEqual(Array.from(shard, (_, i) => i + 1));
  expect(Math.ceil(count / shard.length) * 60).toBeLessThan(byNight["timeout-minutes"]);
  // GitHub ends a job after six hours.
  expect(byNight["timeout-minutes"]).toBeLessThan(360);
});

describe("the fuzzing", () => {
  const seeds = () => [Buffer.from('{"a":{"b":[1,2]},"c":"text"}')];
  const find = (read: Target["read"]) => fuzz({ seeds, read }, 7, (inputs) => inputs >= 5000);

  test("finds a parser that trips over a missing part", async () => {
    const { finding } = await find((input) => {
      try {
        return (JSON.parse(input.toString()) as { a: { b: number[] } }).a.b.length;
      } catch (error) {
        if (error instanceof SyntaxError) throw new Error("It is not JSON.");
        throw error;
      }
    });
    expect(finding?.error).toBeInstanceOf(TypeError);
  });

  test("is not content with JavaScript's own errors and system's codes, and is with ours", async () => {
    expect((await find((input) => JSON.parse(input.toString()))).finding?.error).toBeInstanceOf(SyntaxError);
    expect(isRefusal(Object.assign(new Error("x"), { code: "ENOENT" }))).toBe(false);
    expect(isRefusal(new Error("It is empty."))).toBe(true);
    expect(isRefusal(new Error("x".repeat(10_000)))).toBe(false);
    expect(
      (
        await find(() => {
          throw new Error("It is empty.");
        })
      ).finding,
    ).toBeUndefined();
  });

  test("finds an input on which a parser never ends, and one that it trips over, from another thread", async () => {
    const folder = mkdtempSync(join(tmpdir(), "fuzz-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const from = join(folder, "targets.mjs");
    writeFileSync(
      from,
      `const seeds = () => [Buffer.from("fine"), Buffer.from("bad")];
       const isBad = (input) => input.toString() === "bad";
       export const targets = {
         endless: { seeds, read: (input) => { while (isBad(input)); } },
         trips: { seeds, read: (input) => { if (isBad(input)) null.x; } },
       };`,
    );
    const options = { patience: 1500, from: pathToFileURL(from).href };
    const endless = await fuzzFor("endless", 1, 5, options);
    expect([endless.inputs, Buffer.from(endless.finding!.input).toString()]).toEqual([2, "bad"]);
    expect((endless.finding!.error as Error).message).toMatch(/^had no end in \d+ s$/);
    const { inputs, finding } = await fuzzFor("trips", 1, 5, options);
    expect([inputs, Buffer.from(finding!.input).toString()]).toEqual([1, "bad"]);
    expect(finding!.error).toBeInstanceOf(TypeError);
  });

  test("has shards that together are all targets, each once", () => {
    const names = Object.keys(targets);
    const shards = Array.from({ length: 7 }, (_, i) => shard(names, i + 1, 7));
    expect(shards.flat().toSorted()).toEqual(names.toSorted());
    expect(shards.every((each) => each.length >= Math.floor(names.length / 7))).toBe(true);
  });

  test("gives the same inputs for the same seed", () => {
    const inputs = (seed: number) => {
      const random = randomNumbers(seed);
      return Array.from({ length: 50 }, () => mutate(seeds(), random).toString("hex"));
    };
    expect(inputs(3)).toEqual(inputs(3));
    expect(inputs(3)).not.toEqual(inputs(4));
  });
});
