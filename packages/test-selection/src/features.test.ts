import { expect, it } from "vitest";
import { featureNames, featuresOf } from "./features.ts";
import { learn } from "./past.ts";
import { projectHistory } from "./samples.ts";

const { memory } = await learn(projectHistory(3));
const features = featuresOf(memory, [{ path: "src/beta.py", added: 1, deleted: 0 }]);
const of = (name: string, feature: (typeof featureNames)[number]): number =>
  features(memory.tests.get(`tests/test_${name}.py||test_one`)!)[featureNames.indexOf(feature)]!;

it("has a number for every name, and each is finite", () => {
  for (const test of memory.tests.values()) {
    expect(features(test)).toHaveLength(featureNames.length);
    expect(features(test).every(Number.isFinite)).toBe(true);
  }
});

it("links the changed module to its own tests and to no others", () => {
  for (const feature of [
    "file: largest share",
    "file: failures together",
    "words: largest cosine",
    "same stem",
  ] as const) {
    expect(of("beta", feature)).toBeGreaterThan(0);
    expect(of("alpha", feature)).toBe(0);
  }
});

it("knows how long ago a test failed", () => {
  expect(of("delta", "time since failure")).toBeGreaterThan(of("alpha", "time since failure"));
  expect(of("delta", "fresh failures")).toBeGreaterThan(of("alpha", "fresh failures"));
});
