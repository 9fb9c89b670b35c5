/** What brings a finding about is believed when it happens twice; what follows from something else is told so. */
import { expect, test } from "vitest";
import { settleCauses } from "./cause/refine.ts";
import type { Cause } from "./cause/scene.ts";
import type { Explained } from "./check.ts";
import { findProvokers } from "./provokers.ts";
import type { VariationName } from "./vary/variations.ts";

const all: VariationName[] = ["path", "home", "timezone", "locale"];
const finding = (causes: Cause[], place = ["out"], more: Partial<Explained> = {}): Explained => ({
  place,
  what: "content",
  format: "",
  causes,
  count: 1,
  first: "",
  second: "",
  offset: 0,
  derived: false,
  provokedBy: [],
  always: false,
  sometimes: false,
  ...more,
});
const key = JSON.stringify([["out"], "content"]);

/** Builds in which the finding shows as told, one after the other, or by the variations. */
async function outcome(causes: Cause[], shows: (names: readonly VariationName[], build: number) => boolean) {
  const found = finding(causes);
  let build = 0;
  await findProvokers([found], all, async (names) => new Set(shows(names, build++) ? [key] : []));
  return {
    always: found.always,
    sometimes: found.sometimes,
    by: found.provokedBy,
    causes: found.causes,
    builds: build,
  };
}

test("a variation that brings it about each time is named", async () => {
  expect(await outcome(["unknown"], (names) => names.includes("path"))).toMatchObject({
    by: ["path"],
    sometimes: false,
    causes: ["build-path"],
  });
});

test("what is in every build is told to be", async () => {
  expect(await outcome(["unknown"], () => true)).toMatchObject({ always: true, by: [], causes: ["random"] });
});

test("what only all together bring about is told so", async () => {
  const both = (names: readonly VariationName[]) => names.includes("path") && names.includes("timezone");
  expect(await outcome(["unknown"], both)).toMatchObject({ by: all, sometimes: false });
});

test.each([
  // In which of the builds it shows by chance: none, path+home, timezone+locale, path, home, none again, path again, ...
  ["once without any variation", [0]],
  ["in a half and a quarter of the bisection", [1, 3]],
  ["the second time without any variation", [1, 3, 5, 6]],
  ["in no build again", []],
])("what shows %s is laid on no variation", async (_, builds) => {
  const found = await outcome(["unknown"], (_names, build) => builds.includes(build));
  expect(found).toMatchObject({ always: false, sometimes: true, by: [], causes: ["random"] });
});

test("a number that could be the processors is not, when another variation brings it about", async () => {
  expect(await outcome(["cpus"], (names) => names.includes("path"))).toMatchObject({ causes: ["build-path"] });
  expect(await outcome(["cpus"], () => true)).toMatchObject({ causes: ["random"] });
});

test("what looks like a digest is random, when nothing else differs and every build has another", () => {
  const [lonely, provoked] = [finding(["digest"], ["out"], { always: true }), finding(["digest"], ["out"])];
  settleCauses([lonely]);
  settleCauses([provoked]);
  expect([lonely.causes, provoked.causes]).toEqual([["random"], ["digest"]]);
  const beside = [finding(["digest"], ["sums"], { always: true }), finding(["timestamp"], ["out"], { always: true })];
  settleCauses(beside);
  expect(beside[0]!.causes).toEqual(["digest"]);
});

test("a build id follows from what a variation has given a name", () => {
  const found = [finding(["build-id"], ["a", ".note.gnu.build-id"]), finding(["build-path"], ["a", ".rodata"])];
  settleCauses(found);
  expect(found.map(({ derived }) => derived)).toEqual([true, false]);
});
