import type { Blobs } from "./blobs.ts";
import { Refusal, type Router } from "./router.ts";
import type { CacheEntry, State } from "./state.ts";

const service = "/twirp/github.actions.results.api.v1.CacheService";

/** Cache service v2 (twirp JSON): entries are immutable per key, version and ref; prefixes find the newest. */
export function cacheRoutes(router: Router, state: State, blobs: Blobs): void {
  const refOf = (runId: number) => state.runs.get(runId)?.ref ?? `refs/heads/${state.defaultBranch}`;
  const readable = (runId: number) => {
    const run = state.runs.get(runId);
    return [refOf(runId), ...(run?.baseRef ? [`refs/heads/${run.baseRef}`] : []), `refs/heads/${state.defaultBranch}`];
  };

  router.on("POST", `${service}/CreateCacheEntry`, "runtime", ({ json, grant }) => {
    const { key, version } = json as { key: string; version: string };
    const ref = refOf(grant.runId);
    if (state.caches.some((entry) => entry.key === key && entry.version === version && entry.ref === ref))
      throw new Refusal(409, "cache entry with the same key, version, and scope already exists", "already_exists");
    const entry = { id: state.nextId(), key, version, ref, blob: blobs.create(), size: 0 };
    state.caches.push({ ...entry, finalized: false, createdAt: entry.id });
    return { json: { ok: true, signed_upload_url: blobs.signed(entry.blob, "w"), message: "" } };
  });

  router.on("POST", `${service}/FinalizeCacheEntryUpload`, "runtime", ({ json, grant }) => {
    const ref = refOf(grant.runId);
    const entry = state.caches.find(
      ({ key, version, ref: owner }) => key === json.key && version === json.version && owner === ref,
    );
    const size = entry && state.blobs.get(entry.blob)?.content?.length;
    if (!entry || size === undefined) throw new Refusal(404, "cache entry not found", "not_found");
    if (Number(json.size_bytes ?? json.sizeBytes) !== size)
      throw new Refusal(400, `cache entry has ${size} bytes, not ${json.size_bytes ?? json.sizeBytes}`);
    Object.assign(entry, { size, finalized: true });
    return { json: { ok: true, entry_id: String(entry.id), message: "" } };
  });

  router.on("POST", `${service}/GetCacheEntryDownloadURL`, "runtime", ({ json, grant }) => {
    const prefixes = [json.key, ...((json.restore_keys ?? json.restoreKeys ?? []) as string[])] as string[];
    const entry = found(state, readable(grant.runId), prefixes, String(json.version));
    if (!entry) return { json: { ok: false, signed_download_url: "", matched_key: "" } };
    return { json: { ok: true, signed_download_url: blobs.signed(entry.blob, "r"), matched_key: entry.key } };
  });
}

/** GitHub's order: per ref, the exact key first, then each key as a prefix, newest first. */
function found(state: State, refs: string[], keys: string[], version: string): CacheEntry | undefined {
  for (const ref of refs) {
    const entries = state.caches
      .filter((entry) => entry.finalized && entry.ref === ref && entry.version === version)
      .sort((a, b) => b.createdAt - a.createdAt);
    const exact = entries.find(({ key }) => key === keys[0]);
    if (exact) return exact;
    for (const prefix of keys) {
      const entry = entries.find(({ key }) => key.startsWith(prefix));
      if (entry) return entry;
    }
  }
  return undefined;
}
