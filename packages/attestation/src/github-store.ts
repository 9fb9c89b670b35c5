/** GitHub's store of attestations. https://docs.github.com/en/rest/repos/attestations */
import { ApiError, ask, bytesOf, type GitHubRepository, maxBytes, nextPage } from "./github-api.ts";
import { Garbage, type Patience, persist } from "./persist.ts";

/** The bundles that the store has about a digest, newest first, over all pages. */
export async function listAttestations(
  store: GitHubRepository,
  digest: string,
  patience: Patience,
): Promise<unknown[]> {
  const { apiUrl, repository } = store;
  const bundles: unknown[] = [];
  let url: string | undefined = `${apiUrl}/repos/${repository}/attestations/${digest}?per_page=100`;
  for (let page = 0; url && page < mostPages; page++) {
    const asked: string = url;
    const { json, headers } = await persist("GitHub", "GitHub's store did not list attestations", patience, (signal) =>
      ask(store, "GET", asked, signal).catch((error) => {
        if (error instanceof ApiError && error.status === 404) return { headers: new Headers(), json: {} };
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

/** A bundle behind a signed URL, to which no token goes. */
async function compressedBundle(url: string, patience: Patience): Promise<unknown> {
  const { uncompress } = await import("snappyjs");
  return persist("GitHub", "GitHub's store did not hand over a bundle", patience, async (signal) => {
    const response = await fetch(url, { redirect: "error", signal });
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

/** Whether a bundle was stored, and under which id. */
export interface Stored {
  /** Undefined when it was there already: the store's list does not say ids. */
  id?: string;
}

/**
 * Stores a bundle, unless one that stands for it is there.
 * @param digest of one of its subjects, as `sha256:<hex>`
 * @param standsForIt whether a bundle of the store says the same and is as good
 */
export async function storeAttestation(
  store: GitHubRepository,
  bundle: unknown,
  digest: string,
  standsForIt: (stored: unknown) => boolean,
  patience: Patience,
): Promise<Stored> {
  const { apiUrl, repository } = store;
  const post = async (signal: AbortSignal): Promise<Stored> => {
    const { json } = await ask(store, "POST", `${apiUrl}/repos/${repository}/attestations`, signal, { bundle });
    const { id } = json as { id?: unknown };
    if (id === undefined) throw new Garbage("its answer has no id");
    return { id: String(id) };
  };
  // Also before the first attempt: an earlier try of this step may have been cut off after it was stored.
  const isThere = async (): Promise<Stored | undefined> =>
    (await listAttestations(store, digest, patience)).some(standsForIt) ? {} : undefined;
  return persist("GitHub", "GitHub's store did not take the attestation", patience, post, isThere);
}

/** How a run ended, such as `success`; null while it runs. */
export async function runConclusion(
  store: GitHubRepository,
  run: string,
  attempt: string,
  patience: Patience,
): Promise<string | null> {
  const url = `${store.apiUrl}/repos/${store.repository}/actions/runs/${run}/attempts/${attempt}`;
  const { json } = await persist("GitHub", "GitHub did not say how the run ended", patience, (signal) =>
    ask(store, "GET", url, signal),
  );
  const { conclusion } = json as { conclusion?: unknown };
  return typeof conclusion === "string" ? conclusion : null;
}
