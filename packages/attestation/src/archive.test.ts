import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { writeArchive } from "./archive.ts";
import { attestedSample, sampleOptions } from "./archive-samples.ts";

test("a second archive in a folder keeps the checksums of the first", async () => {
  const folder = mkdtempSync(join(tmpdir(), "archive-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const sums = () => readFileSync(join(folder, "SHA256SUMS"), "utf8");
  await writeArchive([attestedSample("a")], { ...sampleOptions, folder });
  await writeArchive([attestedSample("b")], { ...sampleOptions, folder });
  expect(sums()).toBe("00  a\n00  b\n");
  await writeArchive([attestedSample("b")], { ...sampleOptions, folder, kind: "sbom" });
  expect(sums()).toBe("00  a\n00  b\n");
});

test("each kind keeps the root that it was signed under", async () => {
  const folder = mkdtempSync(join(tmpdir(), "archive-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const write = (kind: string, trustedRoot: string) =>
    writeArchive([attestedSample("a")], { ...sampleOptions, predicateType: kind, kind, folder, trustedRoot });
  const text = (name: string) => readFileSync(join(folder, name), "utf8");
  await write("provenance", "one");
  await write("sbom", "two");
  await write("test-result", "one");
  expect([text("trusted_root.json"), text("trusted_root.sbom.json")]).toEqual(["one", "two"]);
  expect(text("VERIFY.md")).toContain("--trusted-root trusted_root.json");
  expect(text("VERIFY.sbom.md")).toContain("--trusted-root trusted_root.sbom.json");
  expect(text("VERIFY.test-result.md")).toContain("--trusted-root trusted_root.json");
});

test("VERIFY.md says how to get a root that is not there, and which issuer is another than GitHub's", async () => {
  const folder = mkdtempSync(join(tmpdir(), "archive-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const text = async (more: object) => {
    const subjects = [{ name: "a", digest: { sha256: "00" } }];
    await writeArchive([{ subjects, bundle: {} as never }], { ...sampleOptions, folder, ...more });
    return readFileSync(join(folder, "VERIFY.md"), "utf8");
  };
  const issuer = "https://token.actions.githubusercontent.com";
  const unknown = await text({ issuer });
  expect(unknown).toContain("`gh attestation trusted-root` prints it");
  expect(unknown).toContain("--trusted-root trusted_root.json");
  expect(unknown).not.toMatch(/custom-trusted-root|cert-oidc-issuer/);
  const known = await text({ issuer: "https://token.octo.ghe.com", trustedRoot: "{}" });
  expect(known).not.toContain("`gh attestation trusted-root` prints it");
  expect(known).toContain("--custom-trusted-root trusted_root.json");
  expect(known).toContain("--cert-oidc-issuer 'https://token.octo.ghe.com'");
});

test("no bundle is written over another, whatever the subjects' names", async () => {
  const folder = mkdtempSync(join(tmpdir(), "archive-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const names = ["a.2", "x/a", "y/a", "A", "multiple"];
  const attested = names.map((name) => ({
    subjects: [{ name, digest: { sha256: "00" } }],
    bundle: { of: name } as never,
  }));
  const { all, bundles } = await writeArchive(attested, { ...sampleOptions, folder });
  expect(new Set(bundles.map((path) => path.toLowerCase())).size).toBe(bundles.length);
  expect(readFileSync(all, "utf8").trim().split("\n")).toHaveLength(names.length);
  const single = bundles.filter((path) => path.endsWith(".sigstore.json"));
  expect(single.map((path) => (JSON.parse(readFileSync(path, "utf8")) as { of: string }).of)).toEqual(names);
});
