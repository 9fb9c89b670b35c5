/** Hands the facts to the steps that follow: files, outputs and the runner's list of artifacts. */
import { appendFile, lstat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { say, setOutputs } from "@goatnote/action-io";
import { dependenciesOf, type FlakeMetadata } from "@goatnote/nix-store";
import type { Facts } from "./report.ts";

/** @param bills paths of the CycloneDX and the SPDX document, or "" */
export async function handOut(
  facts: Facts,
  metadata: FlakeMetadata,
  bills: [string, string],
  folder: string,
): Promise<void> {
  const files = {
    report: join(folder, "report.json"),
    dependencies: join(folder, "resolved-dependencies.json"),
    checksums: join(folder, "SHA256SUMS"),
  };
  await writeFile(files.report, `${JSON.stringify(facts, null, 2)}\n`);
  await writeFile(files.dependencies, `${JSON.stringify(dependenciesOf(metadata), null, 2)}\n`);
  await writeFile(files.checksums, facts.results.map((each) => `${each.nar_sha256}  ${each.name}.nar\n`).join(""));
  setOutputs({
    "store-paths": facts.results.map((each) => each.store_path),
    "drv-paths": [...new Set(facts.results.map((each) => each.derivation))],
    "nar-hash": facts.results[0]?.nar_sha256 ?? "",
    "subject-checksums": files.checksums,
    "closure-digest": facts.closure.digest,
    "closure-size": facts.closure.size,
    "closure-growth": "base" in facts.difference ? facts.difference.sizeAfter - facts.difference.sizeBefore : "",
    "build-seconds": facts.build_seconds.toFixed(1),
    built: facts.built,
    substituted: facts.substituted,
    restored: facts.restored,
    "cache-refused": facts.cache_refused.length,
    "nix-version": facts.nix_version,
    hermetic: facts.hermetic,
    offline: facts.rebuilt?.offline ?? "not-run",
    "sbom-cyclonedx": bills[0],
    "sbom-spdx": bills[1],
    "image-digest": facts.image?.digest ?? "",
    "resolved-dependencies": files.dependencies,
    report: files.report,
  });
  say(`built=${facts.built} substituted=${facts.substituted} restored=${facts.restored} hermetic=${facts.hermetic}`);
  await noteArtifacts(facts, process.env.GITHUB_ARTIFACTS);
}

/** Each result that is one file goes to the runner's list of artifacts. */
async function noteArtifacts({ results }: Facts, file: string | undefined): Promise<void> {
  for (const { store_path: path } of results)
    if (file && (await lstat(path)).isFile()) await appendFile(file, `${path}\n`);
}
