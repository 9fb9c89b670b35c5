/** GitHub's store of attestations. https://docs.github.com/en/rest/repos/attestations */
import { UserError } from "@goatnote/action-io";
import { Garbage, type Patience, persist } from "./persist.ts";

export interface GitHubStore {
  /** Such as `https://api.github.com`. */
  apiUrl: string;
  /** `owner/name`. */
  repository: string;
  token: string;
}

interface Answer {
  status: number;
  headers: Headers;
  json: unknown;
}

/** An answer of the API that is no success. */
class ApiError extends Error {
  override name = "ApiError";
  readonly status: number;
  constructor(status: number, message: string) {
    super(`${status} (${message})`);
    this.status = status;
  }
}

// A page of the list, and a bundle, decompressed.
const maxBytes = 64 * 1024 * 1024;

async function ask({ token }: GitHubStore, method: string, url: string, body?: unknown): Promise<Answer> {
  const response = await fetch(url, {
    method,
    headers: {
      accept: "application/vnd.github+json",
      "x-github-api-version": "2022-11-28",
      "user-agent": "goatnote-slsa-attest",
      ...(token && { authorization: `Bearer ${token}` }),
      ...(body !== undefined && { "content-type": "application/json" }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
    redirect: "error",
  });
  const text = (await bytesOf(response)).toString();
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    if (response.ok) throw new Garbage("its answer is not JSON", { cause });
  }
  if (!response.ok) {
    const { message } = (json ?? {}) as { message?: unknown };
    throw new ApiError(response.status, typeof message === "string" ? message : response.statusText);
  }
  return { status: response.status, headers: response.headers, json };
}

async function bytesOf(response: Response): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of response.body ?? []) {
    size += part.length;
    if (size > maxBytes) throw new UserError(`An answer of GitHub's store is larger than ${maxBytes} bytes.`);
    parts.push(part);
  }
  return Buffer.concat(parts);
}

/** The bundles that the store has about a digest, newest first, over all pages. */
export async function listAttestations(store: GitHubStore, digest: string, patience: Patience): Promise<unknown[]> {
  const { apiUrl, repository } = store;
  const bundles: unknown[] = [];
  let url: string | undefined = `${apiUrl}/repos/${repository}/attestations/${digest}?per_page=100`;
  for (let page = 0; url && page < mostPages; page++) {
    const asked: string = url;
    const { json, headers } = await persist("GitHub", "GitHub's store did not list attestations", patience, () =>
      ask(store, "GET", asked).catch((error) => {
        if (error instanceof ApiError && error.status === 404) return { status: 404, headers: new Headers(), json: {} };
        throw error;
      }),
    );
    const { attestations = [] } = json as { attestations?: { bundle?: unknown; bundle_url?: unknown }[] };
    for (const { bundle, bundle_url } of attestations) {
      if (bundle) bundles.push(bundle);
      else if (typeof bundle_url === "string") bundles.push(await compressedBundle(bundle_url, patience));
    }
    url = nextPage(headers, apiUrl);
  }
  return bundles;
}

const mostPages = 50;

/** The next page, only where it is on the same server: the token goes there. */
function nextPage(headers: Headers, apiUrl: string): string | undefined {
  const next = /<([^>]+)>;\s*rel="next"/.exec(headers.get("link") ?? "")?.[1];
  if (!next) return undefined;
  if (URL.parse(next)?.origin !== new URL(apiUrl).origin)
    throw new UserError("GitHub's store names a next page on another server, which is not asked.");
  return next;
}

/** A bundle behind a signed URL, to which no token goes. */
async function compressedBundle(url: string, patience: Patience): Promise<unknown> {
  const { uncompress } = await import("snappyjs");
  return persist("GitHub", "GitHub's store did not hand over a bundle", patience, async () => {
    const response = await fetch(url, { redirect: "error" });
    if (!response.ok) throw new ApiError(response.status, response.statusText);
    const bytes = await bytesOf(response);
    try {
      const compressed = response.headers.get("content-type")?.includes("snappy");
      return JSON.parse((compressed ? Buffer.from(uncompress(bytes, maxBytes)) : bytes).toString()) as unknown;
    } catch (cause) {
      throw new Garbage("its answer is no bundle", { cause });
    }
  });
}

/** The signed payload, in base64. */
const payloadOf = (bundle: unknown): string | undefined =>
  (bundle as { dsseEnvelope?: { payload?: string } } | null)?.dsseEnvelope?.payload;

/**
 * Stores a bundle, unless one with the same statement is there: a statement names the run attempt, so that is this very one.
 * @param digest of one of its subjects, as `sha256:<hex>`
 * @returns the attestation's id; undefined when it was there already
 */
export async function storeAttestation(
  store: GitHubStore,
  bundle: unknown,
  digest: string,
  patience: Patience,
): Promise<string | undefined> {
  const { apiUrl, repository } = store;
  return persist("GitHub", "GitHub's store did not take the attestation", patience, async () => {
    // Also before the first attempt: an earlier try of this step may have been cut off after it was stored.
    const stored = await listAttestations(store, digest, patience);
    if (stored.some((each) => payloadOf(each) === payloadOf(bundle))) return undefined;
    const { json } = await ask(store, "POST", `${apiUrl}/repos/${repository}/attestations`, { bundle });
    const { id } = json as { id?: unknown };
    if (id === undefined) throw new Garbage("its answer has no id");
    return String(id);
  });
}

/** How a run ended, such as `success`; null while it runs. */
export async function runConclusion(
  store: GitHubStore,
  run: string,
  attempt: string,
  patience: Patience,
): Promise<string | null> {
  const url = `${store.apiUrl}/repos/${store.repository}/actions/runs/${run}/attempts/${attempt}`;
  const { json } = await persist("GitHub", "GitHub did not say how the run ended", patience, () =>
    ask(store, "GET", url),
  );
  const { conclusion } = json as { conclusion?: unknown };
  return typeof conclusion === "string" ? conclusion : null;
}
