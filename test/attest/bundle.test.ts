/** What slsa-attest ships: how much, each library once, and nothing loaded before it is needed. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, expect, onTestFinished, test } from "vitest";
import { build } from "../../scripts/build.ts";
import { runEntry } from "../loop/entry.ts";

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

test.each([
  ["slsa-attest", /\/api\/v2\/signingCert|TLOG_INCLUSION_PROOF_ERROR|OCI-Subject/],
  ["slsa-attest/verify", /\/api\/v2\/signingCert|OCI-Subject/],
])("%s loads nothing that its inputs do not ask for", async (entry, unwanted) => {
  const workspace = mkdtempSync(join(tmpdir(), "loads-"));
  onTestFinished(() => rmSync(workspace, { recursive: true }));
  for (const beside of ["_temp", "_home"])
    onTestFinished(() => rmSync(`${workspace}${beside}`, { recursive: true, force: true }));
  const env = { NODE_V8_COVERAGE: join(workspace, "coverage") };
  const ended = await runEntry(join(folder, ".."), entry, { "subject-path": "none" }, workspace, env);
  expect(ended.code, ended.log).toBe(1);
  const loaded = readdirSync(env.NODE_V8_COVERAGE).flatMap((file) => {
    const { result } = JSON.parse(readFileSync(join(env.NODE_V8_COVERAGE, file), "utf8")) as {
      result: { url: string }[];
    };
    return result.map(({ url }) => url);
  });
  const ours = loaded.filter((url) => url.includes("/slsa-attest/bundle/"));
  expect(ours.length).toBeGreaterThan(0);
  for (const url of ours) expect(readFileSync(fileURLToPath(url), "utf8")).not.toMatch(unwanted);
});
