import type { JobState } from "../job-state.ts";

type Service = "ArtifactService" | "CacheService";
type Answer = Record<string, string> & { artifacts?: Record<string, string>[]; ok?: boolean };

/** One call of the Results service with the job's runtime token. Artifact calls name the run and job of the token. */
export async function results(job: JobState, service: Service, method: string, fields: object): Promise<Answer> {
  const token = job.service.ACTIONS_RUNTIME_TOKEN!;
  const { scp } = JSON.parse(Buffer.from(token.split(".")[1]!, "base64url").toString()) as { scp: string };
  const [, run, id] = scp.split(" ").at(-1)!.split(":");
  const ids = { workflow_run_backend_id: run, workflow_job_run_backend_id: id };
  const response = await fetch(
    `${job.service.ACTIONS_RESULTS_URL}twirp/github.actions.results.api.v1.${service}/${method}`,
    {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: JSON.stringify({ ...(service === "ArtifactService" ? ids : {}), ...fields }),
    },
  );
  const answer = (await response.json()) as Answer;
  if (!response.ok) throw new Error(`Failed to ${method}: (${response.status}) ${answer.msg}`);
  return answer;
}

/** Puts bytes behind a signed URL. */
export async function putBlob(url: string, content: Buffer, contentType: string): Promise<void> {
  const headers = { "x-ms-blob-type": "BlockBlob", "x-ms-blob-content-type": contentType };
  const response = await fetch(url, { method: "PUT", headers, body: new Uint8Array(content) });
  if (!response.ok) throw new Error(`The upload was refused: ${response.status} ${await response.text()}`);
}

/** The bytes and the suggested file name behind a URL. */
export async function getBlob(url: string, headers: Record<string, string> = {}) {
  const response = await fetch(url, { headers });
  if (!response.ok) throw new Error(`The download was refused: ${response.status} ${await response.text()}`);
  const name = /filename\*=UTF-8''([^;]+)/.exec(response.headers.get("content-disposition") ?? "")?.[1];
  return { content: Buffer.from(await response.arrayBuffer()), fileName: name && decodeURIComponent(name) };
}
