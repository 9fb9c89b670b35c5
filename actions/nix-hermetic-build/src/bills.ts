/** The bills of materials of the results, the same bytes for the same closure. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Derivation, type FlakeMetadata, type KnownPath, type Nix, pathInfo, tryEval } from "@goatnote/nix-store";
import { cyclonedx, type Meta, readMeta, spdx, takeInventory } from "@goatnote/sbom";

/** What the bills are about. */
export interface Bills {
  roots: readonly string[];
  closure: readonly KnownPath[];
  derivations: readonly Derivation[];
  /** Installables, and the path that each made. */
  made: readonly { installable: string; path: string }[];
  scope: "runtime" | "build";
  metadata: FlakeMetadata;
}

/** @returns the paths of the CycloneDX 1.6 and SPDX 2.3 documents */
export async function writeBills(nix: Nix, bills: Bills, folder: string, cwd: string): Promise<[string, string]> {
  const { roots, closure, derivations, scope, metadata } = bills;
  const inventory = takeInventory({
    roots,
    objects: scope === "build" ? await withInputs(nix, closure, derivations) : closure,
    derivations,
    scope,
    meta: await metaOf(nix, bills, cwd),
  });
  // Of the sources and not of the clock; a path without a commit has the time of its newest file.
  const seconds = Number(process.env.SOURCE_DATE_EPOCH || (metadata.revision ? metadata.lastModified : 0) || 0);
  const about = { created: new Date(seconds * 1000), tool: { name: "nix-hermetic-build", version: "1" } };
  const files: [string, string] = [join(folder, "sbom.cdx.json"), join(folder, "sbom.spdx.json")];
  await writeFile(files[0], cyclonedx(inventory, about, "1.6"));
  await writeFile(files[1], spdx(inventory, about, "2.3"));
  return files;
}

async function withInputs(
  nix: Nix,
  closure: readonly KnownPath[],
  derivations: readonly Derivation[],
): Promise<KnownPath[]> {
  const outputs = derivations.flatMap((each) => Object.values(each.outputs).flatMap(({ path }) => path ?? []));
  const known = await pathInfo(nix, [...outputs, ...derivations.flatMap((each) => each.inputSources)]);
  return [...new Map([...closure, ...known].map((info) => [info.path, info])).values()];
}

/** Licences and CPEs, where the flake's package has a `meta`. */
async function metaOf(nix: Nix, { made }: Bills, cwd: string): Promise<Record<string, Meta>> {
  const found: Record<string, Meta> = {};
  for (const { installable, path } of made) {
    const attribute = installable.includes("#") ? `${installable}.meta` : undefined;
    const value = attribute ? await tryEval(nix, attribute, cwd) : undefined;
    if (value !== undefined) found[path] = readMeta(value);
  }
  return found;
}
