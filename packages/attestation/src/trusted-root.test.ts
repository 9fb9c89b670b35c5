import seeds from "@sigstore/tuf/seeds.json" with { type: "json" };
import { expect, test } from "vitest";
import { publicGoodRoot } from "./public-good-root.ts";
import { publicRoot, readTrustedRoots } from "./trusted-root.ts";

test("the public root that is built in is the one that Sigstore's own client starts from", () => {
  const { targets } = seeds["https://tuf-repo-cdn.sigstore.dev"];
  expect(publicGoodRoot).toEqual(JSON.parse(Buffer.from(targets["trusted_root.json"], "base64").toString()));
  const { certificateAuthorities, tlogs, ctlogs } = publicRoot().material;
  expect([certificateAuthorities.length, tlogs.length, ctlogs.length]).toEqual([2, 2, 2]);
});

test("one document, or one per line", () => {
  const text = JSON.stringify(publicGoodRoot);
  expect(readTrustedRoots(JSON.stringify(publicGoodRoot, null, 2), "root").map(({ name }) => name)).toEqual(["root"]);
  expect(readTrustedRoots(`${text}\n${text}\n`, "roots").map(({ name }) => name)).toEqual([
    "roots, line 1",
    "roots, line 2",
  ]);
});

test.each([
  ["nothing", ""],
  ["text", "none"],
  ["an empty object", "{}"],
  ["a list", "[]"],
  ["null", "null"],
  ["no authority", JSON.stringify({ ...publicGoodRoot, certificateAuthorities: [] })],
  ["no witness", JSON.stringify({ ...publicGoodRoot, tlogs: [], timestampAuthorities: [] })],
  [
    "an authority whose certificate is none",
    JSON.stringify(publicGoodRoot).replace(/"rawBytes":"MII[^"]*"/, '"rawBytes":"MAA="'),
  ],
  ["an authority without certificates", JSON.stringify({ certificateAuthorities: [{}] })],
  ["a line that is none", `${JSON.stringify(publicGoodRoot)}\nnone`],
])("%s is no trusted root", (_, text) => {
  expect(() => readTrustedRoots(text, "root")).toThrow(/^root.* (is no trusted root|cannot be used)/);
});
