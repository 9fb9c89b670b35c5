/** All that a run found, in the one shape of the report. */
import { closureDigest, closureSize, hashHex, type KnownPath, type Nix, nameOf } from "@goatnote/nix-store";
import { fromCache } from "./cache.ts";
import type { Difference } from "./difference.ts";
import type { Probed } from "./hermetic.ts";
import type { Facts } from "./report.ts";
import type { Cached, Made, Proof } from "./run.ts";

export function factsOf(found: {
  nix: Nix;
  made: Made;
  proof: Proof;
  probed: Probed;
  closure: readonly KnownPath[];
  difference: Difference;
  image: Facts["image"];
  cache: Cached;
}): Facts {
  const { nix, made, proof, probed, closure, cache } = found;
  const { runs, results, outputs } = made;
  const byPath = new Map(closure.map((info) => [info.path, info]));
  const derivationOf = new Map(
    results.flatMap(({ derivation, outputs: all }) => Object.values(all).map((path) => [path, derivation])),
  );
  const notAgain = proof.again?.fixed ?? [];
  return {
    nix_version: nix.version,
    results: outputs.map((path) => ({
      name: nameOf(path),
      store_path: path,
      derivation: derivationOf.get(path)!,
      nar_sha256: hashHex(byPath.get(path)!.narHash),
      nar_size: byPath.get(path)!.narSize,
    })),
    hermetic: proof.reasons.length === 0,
    hermetic_reasons: proof.reasons,
    not_tried: `${probed.untried}${notAgain.length > 0 ? `a second build of ${notAgain.join(", ")}, fixed by hash; ` : ""}`,
    fixed_outputs: proof.fixed,
    rebuilt: proof.again && {
      derivations: proof.again.derivations,
      offline: proof.again.offline,
      network: proof.again.network,
    },
    closure: {
      digest: closureDigest(closure),
      size: closureSize(closure),
      paths: closure.map(({ path, narSize }) => ({ path, nar_size: narSize })),
    },
    difference: found.difference,
    built: distinct(runs.flatMap((each) => each.built.map(({ derivation }) => derivation))),
    substituted: distinct(runs.flatMap((each) => each.substituted.map(({ path }) => path))),
    restored: distinct(fromCache(runs).map(({ path }) => path)),
    build_seconds: runs.reduce((sum, each) => sum + each.seconds, 0),
    cache: cache.note,
    cache_refused: cache.restored?.refused ?? [],
    image: found.image,
  };
}

const distinct = (all: readonly string[]): number => new Set(all).size;
