import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { notDescribed, readSbom } from "./sbom.ts";

const hex = (text: string, algorithm = "sha256"): string => createHash(algorithm).update(text).digest("hex");
const subject = (name: string) => ({ name, digest: { sha256: hex(name) } });
const names = async (document: object, subjects: string[], local = true) => {
  const digestOf = async ({ name }: { name: string }, algorithm: string) => (local ? hex(name, algorithm) : undefined);
  return (await notDescribed(readSbom(document, "sbom.json"), subjects.map(subject), digestOf))?.map(
    ({ name }) => name,
  );
};
const cyclonedx = (component: object) => ({ bomFormat: "CycloneDX", specVersion: "1.6", metadata: { component } });
const hashes = (name: string, alg = "SHA-256", algorithm = "sha256") => ({
  hashes: [{ alg, content: hex(name, algorithm) }],
});
const spdx = (...described: string[]) => ({
  spdxVersion: "SPDX-2.3",
  SPDXID: "SPDXRef-DOCUMENT",
  documentDescribes: described,
  packages: described.map((name) => ({
    SPDXID: name,
    checksums: [{ algorithm: "SHA256", checksumValue: hex(name) }],
  })),
});

test("an SBOM of one artifact does not describe another beside it", async () => {
  expect(await names(cyclonedx(hashes("a")), ["a", "b"])).toEqual(["b"]);
  expect(await names(cyclonedx({ components: [hashes("a"), hashes("b")] }), ["a", "b"])).toEqual([]);
  expect(await names(spdx("a"), ["a", "b"])).toEqual(["b"]);
  expect(await names(spdx("a", "b"), ["a", "b"])).toEqual([]);
});

test.each([
  ["SHA-512", "sha512"],
  ["SHA3-256", "sha3-256"],
  ["SHA-1", "sha1"],
])("an artifact is hashed by the algorithm that the SBOM states: %s", async (alg, algorithm) => {
  const sbom = cyclonedx(hashes("a", alg, algorithm));
  expect(await names(sbom, ["a"])).toEqual([]);
  expect(await names(sbom, ["b"])).toEqual(["b"]);
  // What is not here cannot be hashed, so nothing says that it is described.
  expect(await names(sbom, ["a"], false)).toEqual(["a"]);
});

test("a digest that can be forged does not count beside one that cannot", async () => {
  const [weak] = hashes("b", "SHA-1", "sha1").hashes;
  const [strong] = hashes("a").hashes;
  expect(await names(cyclonedx({ hashes: [strong, weak] }), ["a", "b"])).toEqual(["b"]);
});

test("one that states no digest, or none that is known here, is about anything", async () => {
  expect(await names(cyclonedx({}), ["a"])).toBeUndefined();
  expect(await names(cyclonedx({ hashes: [{ alg: "BLAKE3", content: "00" }] }), ["a"])).toBeUndefined();
});
