/** What the two builds of a derivation saw, for finding it again in what they made. */
import { availableParallelism } from "node:os";
import type { Derivation } from "@goatnote/nix-store";
import type { Scene, Side } from "../cause/scene.ts";
import { clockShiftMs, type VariationName } from "../vary/variations.ts";
import type { Applied } from "./applied.ts";

const noFacts = (): Side["facts"] => {
  const names =
    "path home tmp user uid group gid hostname kernel umask cpus zone zoneName locale months days clock stack interfaces noise jobs";
  return Object.fromEntries(names.split(" ").map((name) => [name, ""])) as unknown as Side["facts"];
};

const processors = (list: string): string =>
  String(
    list.split(",").reduce((sum, part) => {
      const [from = 0, to = from] = part.split("-").map(Number);
      return sum + to - from + 1;
    }, 0),
  );

/**
 * @param names the variations of the second build
 * @param started of the second build, in milliseconds since 1970, as `ended`
 */
export function sceneOf(
  { facts, kernels, clockOf, changes }: Applied & { clockOf: (derivation: Derivation) => Side["clock"] },
  names: readonly VariationName[],
  derivation: Derivation,
  started: number,
  ended: number,
): Scene {
  const second = (name: VariationName): "first" | "second" =>
    names.includes(name) && changes.has(name) ? "second" : "first";
  const side = (of: typeof second, clock: Side["clock"]): Side => ({
    facts: {
      ...noFacts(),
      path: facts[of("path")].path,
      kernel: kernels[of("kernel")],
      cpus: facts[of("cpus")].cpus ? processors(facts[of("cpus")].cpus) : String(availableParallelism()),
    },
    variables: { NIX_BUILD_CORES: facts[of("parallelism")].cores },
    clock,
  });
  const ahead = names.includes("time") && changes.has("time") ? clockShiftMs : 0;
  const real = { from: started / 1000 - 1, to: ended / 1000 + 1 };
  return {
    first: side(() => "first", clockOf(derivation)),
    second: {
      ...side(second, { from: real.from + ahead / 1000, to: real.to + ahead / 1000 }),
      ...(ahead > 0 && { realClock: real }),
    },
  };
}
