import { describe, expect, test } from "vitest";
import { takeInventory } from "./inventory.ts";
import { derivation, object } from "./samples.ts";

const at = (letter: string, name: string): string => `/nix/store/${letter.repeat(32)}-${name}`;

describe("a component", () => {
  test("of which no derivation is known is named by its path, without the output", () => {
    const root = at("a", "gcc-13.3.0-lib");
    const { components } = takeInventory({ roots: [root], objects: [object(root)], derivations: [], scope: "runtime" });
    expect(components).toMatchObject([
      {
        name: "gcc",
        version: "13.3.0",
        output: "lib",
        purl: `pkg:nix/gcc@13.3.0?output=lib&outputhash=${"a".repeat(32)}`,
      },
    ]);
  });

  test("that is content-addressed is found by its deriver, since the derivation does not know its path", () => {
    const [root, maker] = [at("a", "tool-1.0-dev"), at("b", "tool-1.0.drv")];
    const floating = { path: null, hash: null, method: "nar" };
    const { components } = takeInventory({
      roots: [root],
      objects: [object(root, [], { deriver: maker, ca: "fixed:r:sha256:x" })],
      derivations: [derivation({ path: maker, name: "tool-1.0", outputs: { out: floating, dev: floating } })],
      scope: "runtime",
    });
    expect(components).toMatchObject([
      { name: "tool", version: "1.0", output: "dev", derivation: maker, isFile: false },
    ]);
  });

  test("that several derivations may have made is told by the first of them, whatever the order", () => {
    const root = at("a", "source");
    const made = (letter: string) =>
      derivation({
        path: at(letter, "source.drv"),
        name: "source",
        env: { url: `https://github.com/lab/${letter}/archive/v1.tar.gz` },
        outputs: { out: { path: root, hash: "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", method: "nar" } },
      });
    const purls = [
      [made("b"), made("c")],
      [made("c"), made("b")],
    ].map(
      (derivations) =>
        takeInventory({ roots: [root], objects: [object(root)], derivations, scope: "runtime" }).components[0]?.purl,
    );
    expect(purls).toEqual(["pkg:github/lab/b@v1", "pkg:github/lab/b@v1"]);
  });
});
