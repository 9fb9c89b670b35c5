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
  const ids = idsIn(token);
  const own = { ...ids, name };
  const hash = `sha256:${createHash("sha256").update(archive).digest("hex")}`;
  const ours = { ...own, size: String(archive.length), hash };
  const call = async (method: string, body: object, signal: AbortSignal): Promise<Record<string, unknown>> => {
    const endpoint = new URL(`${service}/${method}`, url.endsWith("/") ? url : `${url}/`).href;
    const { json } = await ask({ apiUrl: url, repository: "", token }, "POST", endpoint, signal, body);
    return json as Record<string, unknown>;
  };
  const change = async (method: string, body: object, signal: AbortSignal): Promise<Record<string, unknown>> => {
    const answer = await call(method, body, signal);
    if (answer.ok !== true) throw new Garbage("its answer is not ok");
    return answer;
  };
  /** The artifact of this name, once it is whole. */
  const whole = async (signal: AbortSignal) => {
    const { artifacts } = await call("ListArtifacts", { ...ids, name_filter: name }, signal);
    const listed = (artifacts ?? []) as { name?: string; digest?: string; database_id?: string }[];
    return listed.find((artifact) => artifact.name === name);
  };
  const discard = (signal: AbortSignal): Promise<boolean> =>
    change("DeleteArtifact", own, signal).then(
      () => true,
      (error: unknown) => {
        if (error instanceof ApiError && error.status < 500) return false;
        throw error;
      },
    );
  const create = async (signal: AbortSignal, tried: number): Promise<Record<string, unknown>> => {
    const make = () => change("CreateArtifact", { ...own, mime_type: "application/zip", version: 7 }, signal);
    try {
      return await make();
    } catch (error) {
      if (!(error instanceof ApiError && error.status === 409)) throw error;
      // An attempt whose answer was lost began one, which nobody will finish.
      if (tried > 1 && !(await whole(signal)) && (await discard(signal))) return make();
      throw new UserError(`This run has an artifact ${name} already. Name another in \`artifact-name\`.`);
    }
  };
  const finish = async (signal: AbortSignal, tried: number): Promise<string> => {
    try {
      return String((await change("FinalizeArtifact", ours, signal)).artifact_id);
    } catch (error) {
      const done = tried > 1 && error instanceof ApiError ? await whole(signal) : undefined;
      if (done?.digest !== hash) throw error;
      return String(done.database_id);
    }
  };
  const { signed_upload_url } = await persist("GitHub", what, patience, create);
  await put(String(signed_upload_url), archive, what, patience);
  return persist("GitHub", what, patience, finish);
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
