import { createPublicKey, type JsonWebKey, verify } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { getIDToken } from "@actions/core";
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { temporaryFolder } from "../temporary-folder.ts";
import { type Backend, startBackend } from "./backend.ts";
import type { Run } from "./state.ts";
import type { Permissions } from "./tokens.ts";

// The real clients read the environment of the process, so this file has one of its own.
let backend: Backend;
let DefaultArtifactClient: typeof import("@actions/artifact").DefaultArtifactClient;
const sha = "a".repeat(40);

beforeAll(async () => {
  backend = await startBackend({ repository: "octo/lab" });
  // @actions/github takes the API's address when it is loaded.
  process.env.GITHUB_API_URL = backend.url;
  ({ DefaultArtifactClient } = await import("@actions/artifact"));
  vi.spyOn(process.stdout, "write").mockReturnValue(true); // the client prints a line per request
});
afterAll(() => backend.close());
beforeEach(() => {
  for (const name of Object.keys(process.env)) if (/^(ACTIONS|GITHUB)_/.test(name)) delete process.env[name];
});

function newRun(facts: Partial<Parameters<Backend["registerRun"]>[0]> = {}): Run {
  const ref = facts.ref ?? "refs/heads/main";
  const common = { workflow: "CI", path: ".github/workflows/ci.yml", event: "push", sha, headBranch: ref.slice(11) };
  return backend.registerRun({ ...common, ...facts, ref });
}

function enterJob(run: Run, permissions: Permissions = {}): void {
  Object.assign(process.env, backend.jobEnv({ runId: run.id, job: "test", permissions }));
}

function api(path: string, run: Run, permissions: Permissions, init: RequestInit = {}): Promise<Response> {
  const token = backend.jobToken({ runId: run.id, job: "test", permissions });
  return fetch(`${backend.url}${path}`, { ...init, headers: { authorization: `Bearer ${token}` }, redirect: "manual" });
}

async function upload(name: string, content: string): Promise<{ id?: number; digest?: string }> {
  const folder = temporaryFolder();
  writeFileSync(join(folder, "file.txt"), content);
  return new DefaultArtifactClient().uploadArtifact(name, [join(folder, "file.txt")], folder);
}

describe("ID tokens", () => {
  test("verify against the published keys and say what GitHub says", async () => {
    const run = newRun();
    enterJob(run, { "id-token": "write" });
    const token = await getIDToken("sigstore");
    const [header = "", payload = "", signature = ""] = token.split(".");
    const { jwks_uri } = (await (await fetch(`${backend.url}/.well-known/openid-configuration`)).json()) as {
      jwks_uri: string;
    };
    const { keys } = (await (await fetch(jwks_uri)).json()) as { keys: [JsonWebKey] };
    const key = { key: createPublicKey({ key: keys[0], format: "jwk" }), dsaEncoding: "ieee-p1363" as const };
    const holds = (text: string) => verify("sha256", Buffer.from(text), key, Buffer.from(signature, "base64url"));
    expect(holds(`${header}.${payload}`)).toBe(true);
    expect(holds(`${header}.${payload}x`)).toBe(false);
    expect(JSON.parse(Buffer.from(payload, "base64url").toString())).toMatchObject({
      iss: backend.url,
      aud: "sigstore",
      sub: "repo:octo/lab:ref:refs/heads/main",
      repository: "octo/lab",
      sha,
      run_id: String(run.id),
      workflow_ref: "octo/lab/.github/workflows/ci.yml@refs/heads/main",
    });
  });

  test("are not to be had without id-token: write", async () => {
    const run = newRun();
    enterJob(run, { contents: "write" });
    expect(process.env.ACTIONS_ID_TOKEN_REQUEST_URL).toBeUndefined();
    const stolen = { authorization: `Bearer ${process.env.ACTIONS_RUNTIME_TOKEN}` };
    expect((await fetch(`${backend.url}/oidc/token?api-version=2.0`, { headers: stolen })).status).toBe(403);
  });
});

describe("artifacts by the real client", () => {
  test("come back as they went, and stay when their run is over", async () => {
    const first = newRun();
    enterJob(first);
    const { id } = await upload("report", "from the first run");
    const client = new DefaultArtifactClient();
    expect((await client.listArtifacts()).artifacts.map(({ name }) => name)).toEqual(["report"]);
    const here = temporaryFolder();
    const own = await client.getArtifact("report");
    const down = await client.downloadArtifact(own.artifact.id, { path: here, expectedHash: own.artifact.digest! });
    expect(down.digestMismatch).toBe(false);
    expect(readFileSync(join(here, "file.txt"), "utf8")).toBe("from the first run");

    const second = newRun();
    enterJob(second);
    expect((await client.listArtifacts()).artifacts).toEqual([]);
    const token = backend.jobToken({ runId: second.id, job: "test", permissions: { actions: "read" } });
    const findBy = { token, workflowRunId: first.id, repositoryOwner: "octo", repositoryName: "lab" };
    const listed = await client.listArtifacts({ findBy });
    expect(listed.artifacts).toMatchObject([{ name: "report", id }]);
    const there = temporaryFolder();
    await client.downloadArtifact(id!, { findBy, path: there });
    expect(readFileSync(join(there, "file.txt"), "utf8")).toBe("from the first run");
  });

  test("have names that are unique and contents that stay", async () => {
    enterJob(newRun());
    await upload("twice", "one");
    await expect(upload("twice", "two")).rejects.toThrow("409");
  });

  test("show when their bytes were changed", async () => {
    const run = newRun();
    enterJob(run);
    await upload("tampered", "true");
    const artifact = backend.state.artifacts.find(({ runId }) => runId === run.id)!;
    const other = Buffer.from(backend.state.blobs.get(artifact.blob)!.content!);
    other[other.length - 1]! ^= 1;
    const client = new DefaultArtifactClient();
    const { artifact: listed } = await client.getArtifact("tampered");
    backend.state.blobs.get(artifact.blob)!.content = other;
    const options = { path: temporaryFolder(), expectedHash: listed.digest! };
    expect((await client.downloadArtifact(listed.id, options)).digestMismatch).toBe(true);
  });

  test("of another run are out of reach of the runtime token", async () => {
    const [mine, other] = [newRun(), newRun()];
    enterJob(mine);
    const response = await fetch(`${backend.url}/twirp/github.actions.results.api.v1.ArtifactService/ListArtifacts`, {
      method: "POST",
      headers: { authorization: `Bearer ${process.env.ACTIONS_RUNTIME_TOKEN}` },
      body: JSON.stringify({ workflow_run_backend_id: String(other.id), workflow_job_run_backend_id: "x" }),
    });
    expect(response.status).toBe(403);
  });
});

describe("the REST API", () => {
  test("lists artifacts with the facts of their run, by name and by page", async () => {
    const run = newRun({ ref: "refs/heads/topic", sha: "b".repeat(40) });
    enterJob(run);
    for (const name of ["p1", "p2", "p3"]) await upload(name, name);
    const path = `/repos/octo/lab/actions/runs/${run.id}/artifacts`;
    const page = (await (await api(`${path}?per_page=2&page=2`, run, { actions: "read" })).json()) as {
      total_count: number;
      artifacts: object[];
    };
    expect(page.total_count).toBe(3);
    expect(page.artifacts).toHaveLength(1);
    const response = await api("/repos/octo/lab/actions/artifacts?name=p2", run, { actions: "read" });
    expect(await response.json()).toMatchObject({
      total_count: 1,
      artifacts: [
        {
          name: "p2",
          expired: false,
          digest: expect.stringMatching(/^sha256:/),
          workflow_run: { id: run.id, head_branch: "topic", head_sha: "b".repeat(40) },
        },
      ],
    });
  });

  test("says 410 for an expired artifact, and still lists it", async () => {
    const run = newRun();
    enterJob(run);
    const { id } = await upload("old", "old");
    backend.state.artifacts.find((artifact) => artifact.id === id)!.expiresAt = "2020-01-01T00:00:00Z";
    const path = `/repos/octo/lab/actions/artifacts/${id}`;
    expect(await (await api(path, run, { actions: "read" })).json()).toMatchObject({ expired: true });
    expect((await api(`${path}/zip`, run, { actions: "read" })).status).toBe(410);
  });

  test("filters runs", async () => {
    const run = newRun({ ref: "refs/heads/filtered", event: "schedule" });
    newRun({ ref: "refs/heads/filtered" });
    const query = "branch=filtered&event=schedule&status=in_progress";
    const answer = await api(`/repos/octo/lab/actions/runs?${query}`, run, { actions: "read" });
    expect(await answer.json()).toMatchObject({ total_count: 1, workflow_runs: [{ id: run.id, event: "schedule" }] });
    const attempt = await api(`/repos/octo/lab/actions/runs/${run.id}/attempts/1`, run, { actions: "read" });
    expect(await attempt.json()).toMatchObject({ id: run.id, head_branch: "filtered" });
  });

  test.each<[string, Permissions, number]>([
    ["/repos/octo/lab", {}, 200],
    ["/repos/octo/lab/actions/runs", { actions: "read" }, 200],
    ["/repos/octo/lab/actions/runs", { actions: "write" }, 200],
    ["/repos/octo/lab/actions/runs", { contents: "write" }, 403],
    ["/repos/octo/lab/pulls/1", {}, 403],
    ["/repos/octo/lab/pulls/1", { "pull-requests": "read" }, 404],
    ["/repos/octo/other/actions/runs", { actions: "read" }, 404],
  ])("%s with %o answers %i", async (path, permissions, status) => {
    const response = await api(path, newRun(), permissions);
    expect(response.status).toBe(status);
    if (status === 403)
      expect(await response.json()).toMatchObject({ message: "Resource not accessible by integration" });
  });

  test("takes no token it did not issue", async () => {
    const headers = { authorization: "Bearer ghs_made_up" };
    expect((await fetch(`${backend.url}/repos/octo/lab`, { headers })).status).toBe(401);
  });
});

describe("the cache service", () => {
  type Answer = { ok: boolean; code: number; signed_upload_url: string; signed_download_url: string };
  const call = async (run: Run, method: string, body: object): Promise<Answer> => {
    const { ACTIONS_RUNTIME_TOKEN } = backend.jobEnv({ runId: run.id, job: "test", permissions: {} });
    const response = await fetch(`${backend.url}/twirp/github.actions.results.api.v1.CacheService/${method}`, {
      method: "POST",
      headers: { authorization: `Bearer ${ACTIONS_RUNTIME_TOKEN}`, "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    return { ...((await response.json()) as Answer), code: response.status };
  };
  const save = async (run: Run, key: string, content: string) => {
    const entry = { key, version: "v" };
    const { signed_upload_url } = await call(run, "CreateCacheEntry", entry);
    // As the Azure client does with more than one block.
    const blocks = [...content].map((_, index) => Buffer.from(`block-${index}`).toString("base64"));
    for (const [index, id] of blocks.entries())
      await fetch(`${signed_upload_url}&comp=block&blockid=${encodeURIComponent(id)}`, {
        method: "PUT",
        body: content[index]!,
      });
    const list = `<BlockList>${blocks.map((id) => `<Latest>${id}</Latest>`).join("")}</BlockList>`;
    await fetch(`${signed_upload_url}&comp=blocklist`, { method: "PUT", body: list });
    return call(run, "FinalizeCacheEntryUpload", { ...entry, size_bytes: String(content.length) });
  };
  const find = (run: Run, key: string, ...restore_keys: string[]) =>
    call(run, "GetCacheEntryDownloadURL", { key, restore_keys, version: "v" });

  test("gives back what was saved, whole or by range, by key or by prefix", async () => {
    const run = newRun();
    expect(await save(run, "deps-1", "abcdef")).toMatchObject({ ok: true });
    const exact = await find(run, "deps-1");
    expect(await (await fetch(exact.signed_download_url)).text()).toBe("abcdef");
    const range = await fetch(exact.signed_download_url, { headers: { "x-ms-range": "bytes=2-3" } });
    expect([range.status, await range.text()]).toEqual([206, "cd"]);
    expect(await find(run, "deps-2", "deps-")).toMatchObject({ ok: true, matched_key: "deps-1" });
    expect(await find(run, "other")).toMatchObject({ ok: false });
  });

  test("refuses a second entry with the same key, and a wrong size", async () => {
    const run = newRun();
    await save(run, "once", "x");
    expect(await call(run, "CreateCacheEntry", { key: "once", version: "v" })).toMatchObject({ code: 409 });
    await call(run, "CreateCacheEntry", { key: "never-uploaded", version: "v" });
    const early = { key: "never-uploaded", version: "v", size_bytes: "1" };
    expect(await call(run, "FinalizeCacheEntryUpload", early)).toMatchObject({ code: 404 });
  });

  test("keeps branches apart; all of them read the default branch", async () => {
    const [main, topic] = [newRun(), newRun({ ref: "refs/heads/topic" })];
    await save(topic, "scope-topic", "t");
    await save(main, "scope-main", "m");
    expect(await find(main, "scope-topic")).toMatchObject({ ok: false });
    expect(await find(topic, "scope-main")).toMatchObject({ ok: true });
  });

  test("gives no write through a read URL", async () => {
    const run = newRun();
    await save(run, "signed", "s");
    const { signed_download_url } = await find(run, "signed");
    expect((await fetch(signed_download_url, { method: "PUT", body: "evil" })).status).toBe(403);
  });
});
