/** Files for the steps that follow, and the runner's list of artifacts. */
import { appendFile, lstat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { dependenciesOf, type FlakeMetadata } from "@goatnote/nix-store";
import type { Facts } from "./report.ts";

/** Paths of what is handed out. */
export interface Files {
  report: string;
  dependencies: string;
  checksums: string;
}

export async function writeFiles(facts: Facts, metadata: FlakeMetadata, folder: string): Promise<Files> {
  const files = {
    report: join(folder, "report.json"),
    dependencies: join(folder, "resolved-dependencies.json"),
    checksums: join(folder, "SHA256SUMS"),
  };
  await writeFile(files.report, `${JSON.stringify(facts, null, 2)}\n`);
  await writeFile(files.dependencies, `${JSON.stringify(dependenciesOf(metadata), null, 2)}\n`);
  await writeFile(files.checksums, facts.results.map((each) => `${each.nar_sha256}  ${each.name}.nar\n`).join(""));
  await noteArtifacts(facts, process.env.GITHUB_ARTIFACTS);
  return files;
}

/** Each result that is one file goes to the runner's list of artifacts. */
async function noteArtifacts({ results }: Facts, file: string | undefined): Promise<void> {
  for (const { store_path: path } of results)
    if (file && (await lstat(path)).isFile()) await appendFile(file, `${path}\n`);
}
