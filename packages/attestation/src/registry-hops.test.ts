import { describe, expect, test } from "vitest";
import { hopGuard } from "./registry-hops.ts";

const uploads = "https://ghcr.io/v2/octo/app/blobs/uploads/";
const manifest = "https://ghcr.io/v2/octo/app/manifests/sha256:00";

/** Asks for the addresses in their order. */
function go(registry: string, ...addresses: string[]): () => void {
  const guard = hopGuard({ registry, path: "octo/app" });
  return () => {
    for (const address of addresses) guard(new URL(address));
  };
}

test.each([
  ["a token service elsewhere", ["https://auth.example/token?scope=a", manifest, "https://cdn.example/blob"]],
  ["one that is asked in two ways", ["https://auth.example/token", "https://auth.example/token?scope=a", manifest]],
  ["no token service", [manifest, "https://cdn.example/blob"]],
])("%s", (_, addresses) => {
  expect(go("ghcr.io", uploads, ...addresses)).not.toThrow();
});

describe("refused is", () => {
  test.each([
    [
      "a token service that is not encrypted",
      ["http://auth.example/token"],
      "http://auth.example, which is not encrypted",
    ],
    ["one on this machine, of a registry elsewhere", ["http://127.0.0.1:80/token"], "http://127.0.0.1, which is"],
    ["a blob that would go in the clear", [manifest, "http://ghcr.io/upload"], "http://ghcr.io, which is"],
    [
      "a token service that redirects",
      ["https://auth.example/token", "https://evil.example/token"],
      "https://auth.example/token of the registry ghcr.io redirects to https://evil.example",
    ],
  ])("%s", (_, addresses, message) => {
    expect(go("ghcr.io", uploads, ...addresses)).toThrow(message);
  });
});

test("without a login there is no token service", () => {
  expect(go("ghcr.io", manifest, "https://ghcr.io/v2/octo/app/blobs/a", uploads)).not.toThrow();
});

test("on this machine, http serves both, and nobody else", () => {
  const [first, token] = ["http://127.0.0.1:5000/v2/octo/app/blobs/uploads/", "http://localhost:5001/token"];
  expect(go("127.0.0.1:5000", first, token)).not.toThrow();
  expect(go("127.0.0.1:5000", first, "http://auth.example/token")).toThrow("not encrypted");
});
