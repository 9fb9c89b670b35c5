import { expect, test } from "vitest";
import { ancestors } from "./ancestors.ts";
import { newRepository, shallowClone } from "./repositories.ts";

test("all commits below the checked-out one, and none beside it", async () => {
  const repo = await newRepository();
  const first = await repo.commit("first");
  await repo.git("checkout", "--quiet", "-b", "side");
  const side = await repo.commit("side");
  await repo.git("checkout", "--quiet", "main");
  const second = await repo.commit("second");
  expect(await ancestors(repo.path)).toEqual(new Set([first, second]));
  await repo.git("merge", "--quiet", "--no-ff", "--no-edit", "side");
  expect(await ancestors(repo.path)).toContain(side);
});

test("a shallow clone does not know them", async () => {
  const origin = await newRepository();
  await origin.commit("first");
  await origin.commit("second");
  expect(await ancestors((await shallowClone(origin, "main")).path)).toBeNull();
});
