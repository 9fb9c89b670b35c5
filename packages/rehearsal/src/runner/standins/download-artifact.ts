import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join, matchesGlob, resolve, sep } from "node:path";
import type { JobState } from "../job-state.ts";
import { getBlob, results } from "./results.ts";
import type { StandIn } from "./stand-in.ts";
import { unzip } from "./zip.ts";

interface Found {
  id: string;
  name: string;
  digest: string;
  fetch: () => ReturnType<typeof getBlob>;
}

/** actions/download-artifact v4 and later: of this run by the runtime token, of another by `run-id` and `github-token`. */
export const downloadArtifact: StandIn = {
  inputs: {
    name: "",
    "artifact-ids": "",
    path: "",
    pattern: "",
    "merge-multiple": "false",
    "github-token": "",
    repository: "",
    "run-id": "",
    "skip-decompress": "false",
    "digest-mismatch": "error",
  },
  async main({ input, job, log, warn, output }) {
    const [name, pattern, ids] = [input("name"), input("pattern"), input("artifact-ids")];
    if (name && ids)
      throw new Error("Inputs 'name' and 'artifact-ids' cannot be used together. Please specify only one.");
    const token = input("github-token");
    const all = token ? await ofRun(job, input("run-id") || String(job.runId), token) : await ofThisRun(job);
    const wanted = ids.split(",").map((id) => id.trim());
    const chosen = all.filter((artifact) =>
      name
        ? artifact.name === name
        : ids
          ? wanted.includes(artifact.id)
          : !pattern || matchesGlob(artifact.name, pattern),
    );
    if (name && chosen.length === 0)
      throw new Error(`Unable to download artifact(s): Artifact not found for name: ${name}`);
    if (ids && chosen.length === 0) throw new Error("None of the provided artifact IDs were found");
    const folder = resolve(job.workspace, input("path"));
    const flat = name !== "" || input("merge-multiple") === "true" || (ids !== "" && chosen.length === 1);
    for (const artifact of chosen) {
      const { content, fileName } = await artifact.fetch();
      if (artifact.digest && artifact.digest !== `sha256:${createHash("sha256").update(content).digest("hex")}`) {
        const message = `Artifact ${artifact.name}: the digest of the download differs from ${artifact.digest}.`;
        if (input("digest-mismatch") === "error") throw new Error(message);
        warn(message);
      }
      const to = flat ? folder : join(folder, artifact.name);
      if (fileName || input("skip-decompress") === "true") write(to, fileName ?? `${artifact.name}.zip`, content);
      else for (const file of unzip(content)) write(to, file.name, file.content);
    }
    log(`Downloaded ${chosen.length} artifact(s) to ${folder}.`);
    output("download-path", folder);
  },
};

async function ofThisRun(job: JobState): Promise<Found[]> {
  const { artifacts = [] } = await results(job, "ArtifactService", "ListArtifacts", {});
  return artifacts.map(({ name = "", digest = "", database_id: id = "" }) => ({
    id,
    name,
    digest,
    fetch: async () => getBlob((await results(job, "ArtifactService", "GetSignedArtifactURL", { name })).signed_url!),
  }));
}

async function ofRun(job: JobState, runId: string, token: string): Promise<Found[]> {
  const headers = { authorization: `Bearer ${token}` };
  const url = `${job.backend.url}/repos/${job.backend.repository}/actions/runs/${runId}/artifacts?per_page=100`;
  const response = await fetch(url, { headers });
  const answer = (await response.json()) as { message?: string; artifacts: Record<string, string>[] };
  if (!response.ok) throw new Error(`Unable to list artifacts of run ${runId}: (${response.status}) ${answer.message}`);
  return answer.artifacts.map(({ id, name = "", digest = "", archive_download_url }) => ({
    id: String(id),
    name,
    digest,
    fetch: () => getBlob(archive_download_url!, headers),
  }));
}

/** No entry of an archive is written outside the folder it belongs to. */
function write(folder: string, name: string, content: Buffer): void {
  const file = resolve(folder, name);
  if (!file.startsWith(folder + sep)) throw new Error(`The artifact has an entry outside its folder: ${name}`);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content);
}
