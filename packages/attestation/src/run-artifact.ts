/**
 * Files as an artifact of the run, as one ZIP archive, by the requests that `@actions/artifact` makes (a test holds the two
 * against each other). That library brings Azure's client, with more code than all of signing.
 */
import { createHash } from "node:crypto";
import { registerSecret, UserError } from "@goatnote/action-io";
import { ApiError, ask, bytesOf } from "./github-api.ts";
import { Garbage, type Patience, persist } from "./persist.ts";

/** What the runner hands to the job. */
export interface ArtifactService {
  /** `ACTIONS_RESULTS_URL`. */
  url: string;
  /** `ACTIONS_RUNTIME_TOKEN`. */
  token: string;
}

const service = "twirp/github.actions.results.api.v1.ArtifactService";

/**
 * Uploads a ZIP archive as an artifact of this run. Needs no permission.
 * @returns the artifact's id
 * @throws UserError when the run has an artifact of this name; ServiceError when GitHub does not take it
 */
export async function uploadArtifact(
  { url, token }: ArtifactService,
  name: string,
  archive: Uint8Array<ArrayBuffer>,
  patience: Patience,
): Promise<string> {
  const what = `GitHub did not take the artifact ${name}`;
  const own = { ...idsIn(token), name };
  const call = (method: string, body: object): Promise<Record<string, unknown>> =>
    persist("GitHub", what, patience, async (signal) => {
      const endpoint = new URL(`${service}/${method}`, url.endsWith("/") ? url : `${url}/`).href;
      const { json } = await ask({ apiUrl: url, repository: "", token }, "POST", endpoint, signal, body);
      const answer = json as Record<string, unknown>;
      if (answer.ok !== true) throw new Garbage("its answer is not ok");
      return answer;
    }).catch((error: unknown) => {
      const { cause } = error as { cause?: unknown };
      if (!(cause instanceof ApiError && cause.status === 409)) throw error;
      throw new UserError(`This run has an artifact ${name} already. Name another in \`artifact-name\`.`);
    });

  const created = await call("CreateArtifact", { ...own, mime_type: "application/zip", version: 7 });
  await put(String(created.signed_upload_url), archive, what, patience);
  const hash = `sha256:${createHash("sha256").update(archive).digest("hex")}`;
  const finished = await call("FinalizeArtifact", { ...own, size: String(archive.length), hash });
  return String(finished.artifact_id);
}

/** The job's token says which run and job it is of, in the scope `Actions.Results:<run>:<job>`. */
function idsIn(token: string): Record<string, string> {
  try {
    const { scp } = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString()) as { scp?: string };
    const [, run, job] = /(?:^| )Actions\.Results:([^: ]+):([^: ]+)(?: |$)/.exec(scp ?? "") ?? [];
    if (run && job) return { workflow_run_backend_id: run, workflow_job_run_backend_id: job };
  } catch {
    // Said below.
  }
  throw new UserError("The runner's token does not say which run this is, so no artifact can be uploaded.");
}

/** https://learn.microsoft.com/rest/api/storageservices/put-blob: the URL is signed, and no token goes there. */
async function put(url: string, body: Uint8Array<ArrayBuffer>, what: string, patience: Patience): Promise<void> {
  const signed = URL.parse(url);
  if (!signed) throw new UserError(`${what}: it named no place for it.`);
  registerSecret(signed.searchParams.get("sig") ?? "");
  const type = "application/zip";
  const headers = { "x-ms-blob-type": "BlockBlob", "x-ms-blob-content-type": type, "content-type": type };
  await persist("GitHub", what, patience, async (signal) => {
    const response = await fetch(signed, { method: "PUT", headers, body, redirect: "error", signal });
    await bytesOf(response);
    if (!response.ok) throw new ApiError(response.status, response.statusText);
  });
}
