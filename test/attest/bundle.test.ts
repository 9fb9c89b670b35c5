/** What slsa-attest ships: how much, each library once, and nothing loaded before it is needed. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { build } from "../../scripts/build.ts";

let folder: string;
beforeAll(async () => {
  folder = join(await build(), "slsa-attest");
});
const bundled = () => readdirSync(join(folder, "bundle")).map((name) => join(folder, "bundle", name));

test("the bundle is below 2 MB", () => {
  expect(bundled().reduce((sum, file) => sum + statSync(file).size, 0)).toBeLessThan(2_000_000);
});

test("each package of Sigstore is in it once", () => {
  const packages = [
    ...readFileSync(join(folder, "licences.txt"), "utf8").matchAll(/^(@sigstore\/\S+) \d+\.\d+\.\d+$/gm),
  ];
  expect(packages.map(([, name]) => name)).toEqual(
    ["bundle", "core", "oci", "protobuf-specs", "sign", "verify"].map((name) => `@sigstore/${name}`),
  );
});

test.each([
  ["signs", "TLOG_CREATE_ENTRY_ERROR"],
  ["verifies", "TLOG_INCLUSION_PROOF_ERROR"],
  ["talks to registries", "OCI-Subject"],
])("what %s is in one part, which is not loaded at the start", (_, words) => {
  const parts = bundled().filter((file) => file.endsWith(".js") && readFileSync(file, "utf8").includes(words));
  expect(parts).toHaveLength(1);
  expect(parts[0]).not.toMatch(/[\\/]index\.js$/);
});
