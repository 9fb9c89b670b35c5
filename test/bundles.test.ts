/** What every job that uses an action has to download: all of it stays below 10 MB, and each action holds its own part alone. */
import { globSync, statSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { build } from "../scripts/build.ts";

const built = await build();
const bytesOf = (glob: string): number =>
  globSync(glob, { cwd: built })
    .map((file) => statSync(join(built, file)))
    .filter((entry) => entry.isFile())
    .reduce((sum, { size }) => sum + size, 0);

test("all actions together have less than 10 MB", () => {
  const bytes = bytesOf("*/**");
  expect(bytes).toBeGreaterThan(1_000_000);
  expect(bytes).toBeLessThan(10_000_000);
});

test("nothing is published that only tests need", () => {
  const files = globSync("**/*", { cwd: built });
  expect(files).not.toEqual([]);
  expect(files.filter((file) => /\.test\.|\.map$|rehearsal|node_modules|(^|[\\/])\.git/.test(file))).toEqual([]);
});
