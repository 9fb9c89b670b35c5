/** The variations that are asked for, as far as they show in a build. */
import { release } from "node:os";
import { run } from "@goatnote/action-io";
import type { Derivation } from "@goatnote/nix-store";
import { BuildProblem } from "../vary/problem.ts";
import type { VariationReport } from "../vary/rebuild.ts";
import { type VariationName, variationNames } from "../vary/variations.ts";
import { type NixChange, type NixMachine, prepareNix } from "./conditions.ts";
import { type NixFacts, probe, showsEffectInNix } from "./probe.ts";

/** What was varied, and what builds see of it. */
export interface Applied {
  variations: VariationReport[];
  changes: ReadonlyMap<VariationName, NixChange>;
  facts: { first: NixFacts; second: NixFacts };
  kernels: { first: string; second: string };
}
/** Prepares what is asked for, and sees in a build of our own what of it is in effect. */
export async function applyVariations(
  asked: readonly VariationName[],
  surroundings: NixMachine,
  like: Derivation,
): Promise<Applied> {
  const reports = new Map<VariationName, VariationReport>();
  const changes = new Map<VariationName, NixChange>();
  for (const name of variationNames) {
    if (!asked.includes(name)) {
      reports.set(name, { name, status: "not-asked", detail: "" });
      continue;
    }
    const prepared = await prepareNix(name, surroundings);
    if ("change" in prepared) changes.set(name, prepared.change);
    else reports.set(name, { name, ...prepared });
  }
  const { nix } = surroundings;
  const first = await probe(nix, like, []);
  let second = await probe(nix, like, [...changes.values()]).catch((error: unknown) => {
    if (!(error instanceof BuildProblem)) throw error;
    return undefined;
  });
  if (!second) {
    // What Nix cannot build under is found one by one.
    for (const [name, change] of changes) {
      try {
        await probe(nix, like, [change]);
      } catch (error) {
        if (!(error instanceof BuildProblem)) throw error;
        reports.set(name, { name, status: "unavailable", detail: error.message });
        changes.delete(name);
      }
    }
    second = await probe(nix, like, [...changes.values()]);
  }
  for (const name of [...changes.keys()]) {
    const shows = showsEffectInNix(name, first, second);
    const status = shows ? "applied" : "no-effect";
    reports.set(name, {
      name,
      status,
      detail: shows ? told(name, first, second) : "it does not show in what is built",
    });
    if (!shows) changes.delete(name);
  }
  const kernel = changes.has("kernel") ? await run(["setarch", "--uname-2.6", "uname", "-r"]) : undefined;
  return {
    variations: variationNames.map((name) => reports.get(name)!),
    changes,
    facts: { first, second },
    kernels: { first: release(), second: kernel?.stdout.trim() ?? release() },
  };
}

function told(name: VariationName, first: NixFacts, second: NixFacts): string {
  switch (name) {
    case "path":
      return `${first.path} and ${second.path}`;
    case "parallelism":
      return `NIX_BUILD_CORES=${first.cores} and ${second.cores}`;
    case "kernel":
      return "the version of the kernel reads 2.6.x";
    case "cpus":
      return `processors ${first.cpus} and ${second.cpus}`;
    case "file-order":
      return `${first.fileSystem} and ${second.fileSystem}`;
    default:
      return `${Math.round((Number(second.clock) - Number(first.clock)) / 86_400)} days apart`;
  }
}
