import { createHash } from "node:crypto";
import { existsSync, readFileSync, statSync } from "node:fs";
import { basename, dirname, relative, resolve, sep } from "node:path";
import { zip } from "@goatnote/attestation";
import { findFiles, fixedPart } from "../globs.ts";
import { putBlob, results } from "./results.ts";
import type { StandIn } from "./stand-in.ts";

/** actions/upload-artifact v4 and later. */
export const uploadArtifact: StandIn = {
  inputs: {
    name: "artifact",
    path: "",
    "if-no-files-found": "warn",
    "retention-days": "",
    "compression-level": "6",
    overwrite: "false",
    "include-hidden-files": "false",
    archive: "true",
  },
  async main({ input, job, log, warn, output }) {
    const { files, root } = find(input("path"), job.workspace, input("include-hidden-files") === "true");
    if (files.length === 0) {
      const message = `No files were found with the provided path: ${input("path")}. No artifacts will be uploaded.`;
      if (input("if-no-files-found") === "error") throw new Error(message);
      return input("if-no-files-found") === "warn" ? warn(message) : log(message);
    }
    const single = input("archive") === "false";
    if (single && files.length > 1)
      throw new Error("When 'archive' is set to false, only a single file can be uploaded.");
    const name = single ? basename(files[0]!) : input("name");
    const type = single ? "application/octet-stream" : "application/zip";
    const content = single
      ? readFileSync(files[0]!)
      : zip(files.map((file) => ({ name: relative(root, file).replaceAll(sep, "/"), content: readFileSync(file) })));
    if (input("overwrite") === "true")
      await results(job, "ArtifactService", "DeleteArtifact", { name }).catch(() => {});
    const days = Number(input("retention-days"));
    const expires = days > 0 ? { expires_at: new Date(Date.now() + days * 86_400_000).toISOString() } : {};
    const request = { name, version: 7, mime_type: type, ...expires };
    const { signed_upload_url } = await results(job, "ArtifactService", "CreateArtifact", request);
    await putBlob(signed_upload_url!, content, type);
    const digest = createHash("sha256").update(content).digest("hex");
    const { artifact_id } = await results(job, "ArtifactService", "FinalizeArtifact", {
      name,
      size: String(content.length),
      hash: `sha256:${digest}`,
    });
    log(
      `Artifact ${name} has been successfully uploaded! Final size is ${content.length} bytes, ${files.length} files.`,
    );
    output("artifact-id", artifact_id!);
    output("artifact-digest", digest);
    const run = `${job.backend.serverUrl}/${job.backend.repository}/actions/runs/${job.runId}`;
    output("artifact-url", `${run}/artifacts/${artifact_id}`);
  },
};

/** The files that the path input names, and the folder that their names in the archive start from. */
function find(input: string, workspace: string, hidden: boolean): { files: string[]; root: string } {
  const lines = input
    .split("\n")
    .map((line) => line.trim())
    .filter(Boolean);
  const visible = (file: string) =>
    !relative(workspace, file)
      .split(sep)
      .some((part) => /^\.[^.]/.test(part));
  const files = findFiles(lines, workspace).filter((file) => hidden || visible(file));
  const searched = lines.filter((line) => !line.startsWith("!")).map((line) => fixedPart(resolve(workspace, line)));
  const [only] = searched;
  const oneFile = searched.length === 1 && existsSync(only!) && statSync(only!).isFile();
  const root = oneFile ? dirname(only!) : searched.length === 1 ? only! : commonFolder(searched);
  return { files, root };
}

function commonFolder(paths: string[]): string {
  const split = paths.map((path) => path.split(sep));
  const first = split[0] ?? [];
  const differing = first.findIndex((part, index) => split.some((path) => path[index] !== part));
  const shared = first.slice(0, differing < 0 ? first.length : differing).join(sep) || sep;
  return existsSync(shared) && statSync(shared).isFile() ? dirname(shared) : shared;
}
