/** Every dependency has its reason, and the page about them is of the present versions, with sizes that are about right. */
import { expect, test } from "vitest";
import { shippedDependencies, sizes, unreasoned } from "../../scripts/dependencies.ts";
import { read } from "./pages.ts";

const rows = new Map(
  [...(read("action-docs/dependencies.md").split("## For tests")[0] ?? "").matchAll(/^\| `([^`]+)` \| (.+) \|$/gm)].map(
    ([, name = "", rest = ""]) => [name, rest.split(" | ")],
  ),
);

test("every package has a reason, and every reason a package", () => {
  expect(unreasoned()).toEqual([]);
});

test("the page has the versions of the manifests", () => {
  for (const [name, version] of Object.entries(shippedDependencies())) expect(rows.get(name)?.[0], name).toBe(version);
});

test("the sizes on the page are those of a build, to a quarter and 10 kB", async () => {
  for (const [name, { kilobytes }] of Object.entries(await sizes())) {
    const told = Number(rows.get(name)?.at(-2));
    expect(
      Math.abs(told - kilobytes),
      `${name}: ${told} kB on the page, ${kilobytes} measured; node scripts/dependencies.ts`,
    ).toBeLessThan(10 + kilobytes / 4);
  }
});
