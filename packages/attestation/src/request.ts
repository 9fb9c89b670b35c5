/** One request that carries a secret: no redirection takes it elsewhere, and it goes through the proxies of the environment. */
import { HttpClient } from "@actions/http-client";
import { ApiError } from "./github-api.ts";
import { Garbage } from "./persist.ts";

/** What is asked. */
export interface JsonRequest {
  method: "GET" | "POST";
  headers?: Record<string, string>;
  /** Sent as JSON. */
  body?: object;
  /** Milliseconds without a byte after which it is given up. */
  attemptMs: number;
}

/**
 * @returns the JSON object that was answered
 * @throws ApiError for an answer that is no success, such as a redirection; Garbage for one that is no JSON object
 */
export async function requestJson(
  url: string,
  { method, headers, body, attemptMs }: JsonRequest,
): Promise<Record<string, unknown>> {
  const client = new HttpClient("goatnote-slsa-attest", [], { allowRedirects: false, socketTimeout: attemptMs });
  const all = { accept: "application/json", ...(body && { "content-type": "application/json" }), ...headers };
  const response = await client.request(method, url, body ? JSON.stringify(body) : null, all);
  const { statusCode = 0, statusMessage = "", headers: answered } = response.message;
  const json = objectIn(await response.readBody());
  if (statusCode >= 300 && statusCode < 400)
    throw new ApiError(statusCode, `a redirection to ${answered.location}, where the job's token does not go`);
  if (statusCode < 200 || statusCode >= 300)
    throw new ApiError(statusCode, typeof json?.message === "string" ? json.message : statusMessage);
  if (!json) throw new Garbage("its answer is not JSON");
  return json;
}

function objectIn(text: string): Record<string, unknown> | undefined {
  try {
    const value = JSON.parse(text) as unknown;
    return value && typeof value === "object" ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
