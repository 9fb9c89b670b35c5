import type { Derivation, KnownPath } from "@goatnote/nix-store";
import { expect, test } from "vitest";
import { inputsFirst, planFor } from "./graph.ts";

const derivation = (
  name: string,
  inputs: string[],
  output: Partial<Derivation["outputs"][string]> = {},
): Derivation => ({
  path: `/nix/store/${name}.drv`,
  name,
  system: "x86_64-linux",
  builder: "/bin/sh",
  args: [],
  env: {},
  structuredAttrs: null,
  outputs: { out: { path: `/nix/store/${name}`, hash: null, method: null, ...output } },
  inputSources: [],
  inputDerivations: Object.fromEntries(inputs.map((input) => [`/nix/store/${input}.drv`, ["out"]])),
});
const known = (name: string, ultimate: boolean) =>
  new Map([[`/nix/store/${name}`, { path: `/nix/store/${name}`, ultimate } as KnownPath]]);

test("what others need comes first, also where several need the same", () => {
  const all = [derivation("a", ["b", "c"]), derivation("b", ["d"]), derivation("c", ["d"]), derivation("d", [])];
  for (const given of [all, all.toReversed()]) {
    const order = inputsFirst(given).map(({ name }) => name);
    expect(order).toHaveLength(4);
    for (const [before, after] of ["db", "dc", "ba", "ca"])
      expect(order.indexOf(before!)).toBeLessThan(order.indexOf(after!));
  }
});

test.each([
  ["what was built here", derivation("a", []), known("a", true), [], "check"],
  ["what was built elsewhere", derivation("a", []), known("a", false), [], "substituted"],
  ["what was asked for, though built elsewhere", derivation("a", []), known("a", false), ["/nix/store/a.drv"], "check"],
  ["what is not there", derivation("a", []), known("b", true), [], "not-in-store"],
  ["a download", derivation("a", [], { hash: "sha256-x" }), known("a", true), [], "no-need"],
  [
    "a download of which no path is told",
    derivation("a", [], { path: null, hash: "sha256-x" }),
    known("b", true),
    [],
    "no-need",
  ],
  ["what is content-addressed", derivation("a", [], { path: null }), known("b", true), [], "content-addressed"],
])("%s", (_, of, store, roots, plan) => {
  expect(planFor(of, store, roots)).toBe(plan);
});
