import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { writeArchive } from "./archive.ts";

test("no bundle is written over another, whatever the subjects' names", async () => {
  const folder = mkdtempSync(join(tmpdir(), "archive-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const names = ["a.2", "x/a", "y/a", "A", "multiple"];
  const attested = names.map((name) => ({
    subjects: [{ name, digest: { sha256: "00" } }],
    bundle: { of: name } as never,
  }));
  const { all, bundles } = await writeArchive(attested, {
    folder,
    kind: "provenance",
    predicateType: "t",
    perSubject: true,
    signer: "s",
    issuer: "i",
    sourceRepository: "https://github.com/octo/app",
    hasLog: true,
    hasTimestamp: true,
  });
  expect(new Set(bundles.map((path) => path.toLowerCase())).size).toBe(bundles.length);
  expect(readFileSync(all, "utf8").trim().split("\n")).toHaveLength(names.length);
  const single = bundles.filter((path) => path.endsWith(".sigstore.json"));
  expect(single.map((path) => (JSON.parse(readFileSync(path, "utf8")) as { of: string }).of)).toEqual(names);
});
