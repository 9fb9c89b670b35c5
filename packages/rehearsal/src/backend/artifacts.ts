import { createHash } from "node:crypto";
import type { Blobs } from "./blobs.ts";
import { Refusal, type Router } from "./router.ts";
import type { Artifact, State } from "./state.ts";

const service = "/twirp/github.actions.results.api.v1.ArtifactService";
const day = 24 * 60 * 60 * 1000;

/** Artifact service v4 (twirp JSON). Names are unique per run and contents immutable; a token sees its own run only. */
export function artifactRoutes(router: Router, state: State, blobs: Blobs): void {
  const own = (runId: number) => state.artifacts.filter((artifact) => artifact.runId === runId);
  const named = (runId: number, name: unknown) => {
    const artifact = own(runId).find((candidate) => candidate.name === name);
    if (!artifact) throw new Refusal(404, `artifact ${name} not found`, "not_found");
    return artifact;
  };
  const on = (method: string, answer: (json: Record<string, unknown>, runId: number) => unknown) =>
    router.on("POST", `${service}/${method}`, "runtime", ({ json, grant }) => {
      if (String(json.workflow_run_backend_id ?? json.workflowRunBackendId) !== String(grant.runId))
        throw new Refusal(403, "the token does not belong to this run", "permission_denied");
      return { json: answer(json, grant.runId) };
    });

  on("CreateArtifact", (json, runId) => {
    const name = String(json.name);
    if (own(runId).some((artifact) => artifact.name === name))
      throw new Refusal(
        409,
        "an artifact with this name already exists on the workflow run: it cannot be overwritten",
        "already_exists",
      );
    const mimeType = String(json.mime_type ?? json.mimeType ?? "application/zip");
    const blob = blobs.create(mimeType);
    if (mimeType !== "application/zip") state.blobs.get(blob)!.fileName = name;
    const expires = json.expires_at ?? json.expiresAt;
    state.artifacts.push({
      id: state.nextId(),
      runId,
      jobKey: String(json.workflow_job_run_backend_id ?? json.workflowJobRunBackendId),
      name,
      blob,
      size: 0,
      digest: "",
      createdAt: new Date().toISOString(),
      expiresAt: typeof expires === "string" ? expires : new Date(Date.now() + 90 * day).toISOString(),
      finalized: false,
    });
    return { ok: true, signed_upload_url: blobs.signed(blob, "w") };
  });

  on("FinalizeArtifact", (json, runId) => {
    const artifact = named(runId, json.name);
    const content = state.blobs.get(artifact.blob)?.content;
    if (!content) throw new Refusal(400, "the artifact was finalized before its bytes were uploaded");
    const digest = `sha256:${createHash("sha256").update(content).digest("hex")}`;
    if (Number(json.size) !== content.length || (json.hash && json.hash !== digest))
      throw new Refusal(
        400,
        `the artifact has ${content.length} bytes and ${digest}, not ${json.size} and ${json.hash}`,
      );
    Object.assign(artifact, { size: content.length, digest, finalized: true });
    return { ok: true, artifact_id: String(artifact.id) };
  });

  on("ListArtifacts", (json, runId) => {
    const name = json.name_filter ?? json.nameFilter;
    const id = json.id_filter ?? json.idFilter;
    const artifacts = own(runId)
      .filter(({ finalized }) => finalized)
      .filter(
        (artifact) =>
          (name === undefined || artifact.name === name) && (id === undefined || artifact.id === Number(id)),
      );
    return { artifacts: artifacts.map(listed) };
  });

  on("GetSignedArtifactURL", (json, runId) => {
    const artifact = named(runId, json.name);
    if (!artifact.finalized) throw new Refusal(404, `artifact ${artifact.name} is not finalized`, "not_found");
    if (isExpired(artifact)) throw new Refusal(410, `artifact ${artifact.name} has expired`, "not_found");
    return { signed_url: blobs.signed(artifact.blob, "r") };
  });

  on("DeleteArtifact", (json, runId) => {
    const artifact = named(runId, json.name);
    state.artifacts.splice(state.artifacts.indexOf(artifact), 1);
    state.blobs.delete(artifact.blob);
    return { ok: true, artifact_id: String(artifact.id) };
  });
}

/** Past its retention: still listed, no longer to be had. */
export function isExpired(artifact: Artifact): boolean {
  return Date.parse(artifact.expiresAt) <= Date.now();
}

function listed(artifact: Artifact) {
  return {
    workflow_run_backend_id: String(artifact.runId),
    workflow_job_run_backend_id: artifact.jobKey,
    database_id: String(artifact.id),
    name: artifact.name,
    size: String(artifact.size),
    created_at: artifact.createdAt,
    digest: artifact.digest,
  };
}
