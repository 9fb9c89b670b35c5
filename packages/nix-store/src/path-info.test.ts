import { expect, test } from "vitest";
import { NixError } from "./errors.ts";
import { parsePathInfo } from "./path-info.ts";

// The real output of three generations is read in test/nix/store.fork.test.ts.
test.each<[string, unknown]>([
  ["a list of many words", Array.from({ length: 5000 }, () => "a")],
  ["a long text", "a".repeat(100_000)],
])("a path that is %s is refused in few words", (_, path) => {
  let refused: unknown;
  try {
    parsePathInfo(JSON.stringify([{ path, narSize: 1 }]), "/nix/store");
  } catch (error) {
    refused = error;
  }
  expect(refused).toBeInstanceOf(NixError);
  expect((refused as Error).message).toMatch(/^nix path-info says of a.{0,299} nothing that is known here/);
});
