/** One call of GitHub's API, with bounds on what it may answer. */
import { UserError } from "@goatnote/action-io";
import { Garbage } from "./persist.ts";

export interface GitHubRepository {
  /** Such as `https://api.github.com`. */
  apiUrl: string;
  /** `owner/name`. */
  repository: string;
  token: string;
}

export interface Answer {
  headers: Headers;
  json: unknown;
}

/** An answer of the API that is no success. */
export class ApiError extends Error {
  override name = "ApiError";
  readonly status: number;
  /** What GitHub calls the first thing that it found wrong, such as `already_exists`. */
  readonly code: string | undefined;
  constructor(status: number, message: string, code?: string) {
    super(`${status} (${message})`);
    this.status = status;
    this.code = code;
  }
}

// A page of a list, and a bundle, decompressed.
export const maxBytes = 64 * 1024 * 1024;

/**
 * Asks GitHub. A redirection is an error: the token does not travel.
 * @param body sent as JSON; bytes are sent as they are
 */
export async function ask(
  { token }: GitHubRepository,
  method: string,
  url: string,
  signal: AbortSignal,
  body?: object | Uint8Array<ArrayBuffer>,
): Promise<Answer> {
  const isBytes = body instanceof Uint8Array;
  const response = await fetch(url, {
    method,
    headers: {
      accept: "application/vnd.github+json",
      "x-github-api-version": "2022-11-28",
      "user-agent": "goatnote-slsa-attest",
      ...(token && { authorization: `Bearer ${token}` }),
      ...(body && { "content-type": isBytes ? "application/octet-stream" : "application/json" }),
    },
    ...(body && { body: isBytes ? body : JSON.stringify(body) }),
    redirect: "error",
    signal,
  });
  const text = (await bytesOf(response)).toString();
  let json: unknown;
  try {
    json = text === "" ? {} : JSON.parse(text);
  } catch (cause) {
    if (response.ok) throw new Garbage("its answer is not JSON", { cause });
  }
  if (!response.ok) {
    const { message, errors } = (json ?? {}) as { message?: unknown; errors?: { code?: string }[] };
    const code = Array.isArray(errors) ? errors[0]?.code : undefined;
    throw new ApiError(response.status, typeof message === "string" ? message : response.statusText, code);
  }
  return { headers: response.headers, json };
}

/** The body of an answer, up to `maxBytes`. */
export async function bytesOf(response: Response): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of response.body ?? []) {
    size += part.length;
    if (size > maxBytes) throw new UserError(`An answer of GitHub is larger than ${maxBytes} bytes.`);
    parts.push(part);
  }
  return Buffer.concat(parts);
}

/**
 * The next page of a list, or undefined.
 * @throws UserError when it is on another server, where the token would go
 */
export function nextPage(headers: Headers, apiUrl: string): string | undefined {
  const next = /<([^>]+)>;\s*rel="next"/.exec(headers.get("link") ?? "")?.[1];
  if (!next) return undefined;
  if (URL.parse(next)?.origin !== new URL(apiUrl).origin)
    throw new UserError("GitHub names a next page on another server, which is not asked.");
  return next;
}
