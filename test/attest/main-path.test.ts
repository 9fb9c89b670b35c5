/** From a file to a signed, stored and verified attestation, with cosign as the judge. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { build } from "../../scripts/build.ts";
import { AttestLab } from "./lab.ts";

beforeAll(async () => {
  await build(); // which may take longer than a test
});

let lab: AttestLab;
beforeEach(async () => {
  lab = await AttestLab.make();
  lab.write({ "dist/app.tar.gz": "built" });
});
afterEach(() => lab.close());

test("what was attested verifies offline, and nothing else does", async () => {
  const signed = await lab.attest({ "subject-path": "dist/app.tar.gz" });
  expect(signed.code, signed.log).toBe(0);
  expect(signed.outputs).toMatchObject({ subjects: "1" });
  expect(readdirSync(join(lab.workspace, "out")).sort()).toEqual([
    "SHA256SUMS",
    "VERIFY.md",
    "app.tar.gz.intoto.jsonl",
    "app.tar.gz.sigstore.json",
    "trusted_root.json",
  ]);
  expect(readFileSync(join(lab.workspace, "out/SHA256SUMS"), "utf8")).toMatch(/^[0-9a-f]{64} {2}app\.tar\.gz\n$/);

  const given = { "subject-path": "dist/app.tar.gz", "bundle-path": "out/*.intoto.jsonl" };
  const verified = await lab.verify(given);
  expect(verified.code, verified.log + verified.summary).toBe(0);
  expect(verified.outputs).toMatchObject({ verified: "1", level: "2" });

  lab.write({ "dist/app.tar.gz": "tampered" });
  const tampered = await lab.verify(given);
  expect(tampered.code).toBe(1);
  expect(tampered.log).toContain("no attestation is about sha256:");
});
