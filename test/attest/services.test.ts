/** What becomes of lost answers, of services that stay away, and of certificates that run out meanwhile. */
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  attachToRelease,
  encodeStatement,
  loadSigning,
  loadVerification,
  type SerializedBundle,
  storeAttestation,
  uploadArtifact,
} from "@goatnote/attestation";
import { type Backend, Refusal, type Run, type Sigstore, startBackend, startSigstore } from "@goatnote/rehearsal";
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { standsFor } from "../../packages/attestation/src/stands-for.ts";

const repository = "octo/app";
const permissions = { "id-token": "write", attestations: "write", contents: "write" } as const;
const digest = `sha256:${"a".repeat(64)}`;
const payload = encodeStatement([{ name: "app", digest: { sha256: "a".repeat(64) } }], "https://example.org/x", {});
const quick = { retryMs: 5_000, attemptMs: 2_000 };

let backend: Backend;
let sigstore: Sigstore;
beforeEach(async () => {
  backend = await startBackend({ repository });
  sigstore = await startSigstore(backend);
});
afterEach(() => backend.close());

function register(ref: string): Run {
  const [path, sha] = [".github/workflows/release.yml", "a1".repeat(20)];
  return backend.registerRun({ workflow: "Release", path, event: "push", ref, sha, headBranch: "main" });
}
const target = (run: Run) => ({
  apiUrl: backend.url,
  repository,
  token: backend.jobToken({ runId: run.id, job: "attest", permissions }),
});

async function signerOf(run: Run, warnings: string[] = [], said: string[] = [], patience = quick) {
  const env = backend.jobEnv({ runId: run.id, job: "attest", permissions });
  const { statementSigner } = await loadSigning();
  const { fulcioUrl, rekorUrl, tsaUrl } = sigstore;
  const getToken = async () => {
    const headers = { authorization: `Bearer ${env.ACTIONS_ID_TOKEN_REQUEST_TOKEN}` };
    const response = await fetch(`${env.ACTIONS_ID_TOKEN_REQUEST_URL}&audience=sigstore`, { headers });
    return ((await response.json()) as { value: string }).value;
  };
  return statementSigner({
    services: { name: "loopback", fulcioUrl, rekorUrl, tsaUrl },
    getToken,
    ...patience,
    warn: (line) => warnings.push(line),
    say: (line) => said.push(line),
  });
}
async function rootsOf() {
  const { readTrustedRoots } = await loadVerification();
  return readTrustedRoots(JSON.stringify(sigstore.trustedRoot), "root");
}

describe("patience", () => {
  test("each question has all of it, however long others took", async () => {
    const sign = await signerOf(register("refs/heads/main"), [], [], { retryMs: 1_500, attemptMs: 2_000 });
    for (let statement = 0; statement < 4; statement++) {
      let asked = 0;
      backend.router.intercept((path) => {
        if (path.includes("/rekor/") && asked++ === 0) throw new Refusal(503, "overloaded");
        return undefined;
      });
      await sign(Buffer.from(payload.toString().replace("{}", `{"n":${statement}}`)));
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  });

  test("a timestamp authority that is away is asked once, and not for every statement", async () => {
    const warnings: string[] = [];
    const sign = await signerOf(register("refs/heads/main"), warnings, [], { retryMs: 700, attemptMs: 2_000 });
    let asked = 0;
    backend.router.intercept((path) => {
      if (!path.includes("/tsa/")) return undefined;
      asked++;
      throw new Refusal(503, "overloaded");
    });
    await sign(payload);
    const first = asked;
    for (let statement = 0; statement < 3; statement++) await sign(payload);
    expect(asked).toBe(first);
    expect(warnings).toEqual([expect.stringContaining("The log's time stands in for it")]);
  });

  test("a certificate that runs out while the log is awaited is replaced, and the signature verifies", async () => {
    const said: string[] = [];
    const sign = await signerOf(register("refs/heads/main"), [], said, { retryMs: 20 * 60_000, attemptMs: 60_000 });
    vi.useFakeTimers({ toFake: ["Date"] });
    onTestFinished(() => void vi.useRealTimers());
    let asked = 0;
    backend.router.intercept((path) => {
      if (!path.includes("/rekor/") || asked++ > 0) return undefined;
      vi.setSystemTime(Date.now() + 11 * 60_000);
      throw new Refusal(503, "overloaded");
    });
    const bundle = await sign(payload);
    const { verifyBundle } = await loadVerification();
    expect(verifyBundle(bundle, await rootsOf()).identity.sourceRef).toBe("refs/heads/main");
    expect(said.join("\n")).toContain("The certificate ran out");
  });
});

describe("GitHub's store", () => {
  const stored = () => backend.state.attestations.length;
  async function store(run: Run, bundle: SerializedBundle) {
    const roots = await rootsOf();
    return storeAttestation(target(run), bundle, digest, (each) => standsFor(each, bundle, roots), quick);
  }

  test("gets the same statement again when another ref's job signed it, and not when the same one did", async () => {
    const [main, tag] = [register("refs/heads/main"), register("refs/tags/v1")];
    const signMain = await signerOf(main);
    expect((await store(main, await signMain(payload))).id).toBeDefined();
    expect(await store(tag, await (await signerOf(tag))(payload))).toMatchObject({ id: expect.any(String) });
    expect(await store(main, await signMain(payload))).toEqual({});
    expect(stored()).toBe(2);
  });

  test.each([
    ["with a trusted root", true],
    ["without one", false],
  ])("a signature that is none does not stand for another (%s)", async (_, known) => {
    const run = register("refs/heads/main");
    const bundle = await (await signerOf(run))(payload);
    const junk = JSON.parse(JSON.stringify(bundle)) as {
      dsseEnvelope: { payload: string; signatures: { sig: string }[] };
    };
    const other = await (await signerOf(run))(payload);
    junk.dsseEnvelope.signatures[0]!.sig = other.dsseEnvelope!.signatures[0]!.sig;
    const roots = known ? await rootsOf() : [];
    expect([standsFor(junk, bundle, roots), standsFor(other, bundle, roots)]).toEqual([false, true]);
    backend.state.attestations.push({ id: 1, bundle: junk, digests: [digest] });
    await store(run, bundle);
    expect(stored()).toBe(2);
  });

  test("does not get it twice when its answer was lost", async () => {
    const run = register("refs/heads/main");
    const bundle = await (await signerOf(run))(payload);
    let lost = 0;
    backend.router.loseAnswers((path, method) => method === "POST" && path.endsWith("/attestations") && lost++ === 0);
    expect(await store(run, bundle)).toEqual({});
    expect(stored()).toBe(1);
  });
});

describe("a release", () => {
  const [old, name] = ["old", "app.intoto.jsonl"];
  const asset = (content: string, more: object = {}) => ({
    id: 1,
    name,
    digest: `sha256:${createHash("sha256").update(content).digest("hex")}`,
    content: Buffer.from(content),
    ...more,
  });
  function prepare(assets: ReturnType<typeof asset>[], draft = true) {
    const folder = mkdtempSync(join(tmpdir(), "release-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    writeFileSync(join(folder, name), "new");
    backend.state.releases.push({ id: 7, tag_name: "v1", draft, immutable: false, assets });
    const release = target(register("refs/tags/v1"));
    return () => attachToRelease(release, "v1", [join(folder, name)], quick);
  }
  const assets = () => backend.state.releases[0]!.assets.map((each) => [each.name, each.content.toString()]);
  const isAsset = (path: string) => path.includes("/assets");

  test.each(["POST", "DELETE", "PATCH"])("is as it should be when the answer to %s was lost", async (method) => {
    const attach = prepare(method === "POST" ? [] : [asset(old)]);
    let lost = 0;
    backend.router.loseAnswers((path, asked) => asked === method && isAsset(path) && lost++ === 0);
    expect(await attach()).toEqual([name]);
    expect(lost).toBeGreaterThan(0);
    expect(assets()).toEqual([[name, "new"]]);
    expect(await attach()).toEqual([]);
  });

  test("keeps a draft's asset when the new one is not taken", async () => {
    const attach = prepare([asset(old)]);
    backend.router.intercept((path) => {
      if (path.startsWith("/uploads/")) throw new Refusal(403, "no");
      return undefined;
    });
    await expect(attach()).rejects.toThrow(`GitHub did not take ${name} for the release v1: it answered 403 (no)`);
    expect(assets()).toEqual([[name, old]]);
  });

  test("what a cut-off run left waiting is replaced", async () => {
    const attach = prepare([asset(old), asset("cut off", { id: 2, name: `${name}.new` })]);
    expect(await attach()).toEqual([name]);
    expect(assets()).toEqual([[name, "new"]]);
  });

  test.each([
    ["an asset changes, at first", "/releases/assets/", 1],
    ["one is uploaded, at first", "/uploads/", 1],
  ])("nothing is left waiting when GitHub fails as %s", async (_, part, nth) => {
    for (const draft of [true, false])
      for (const state of ["uploaded", "starter"]) {
        backend.state.releases = [];
        const attach = prepare([asset("cut off", { id: 2, name: `${name}.new`, state })], draft);
        let [asked, taken] = [0, [] as string[]];
        backend.router.intercept((path) => {
          if (path.includes(part) && ++asked === nth) throw new Refusal(502, "no");
          taken = assets().map((each) => each.join(" is "));
          return undefined;
        });
        expect(await attach()).toEqual([name]);
        expect(asked).toBeGreaterThanOrEqual(nth);
        // What waits under another name is never shown under this one.
        expect(taken).not.toContain(`${name} is cut off`);
        expect(assets()).toContainEqual([name, "new"]);
        if (draft) expect(assets()).toHaveLength(1);
        expect(await attach()).toEqual([]);
      }
  });

  test("what GitHub did not finish storing is replaced in a published release too, and nothing else is", async () => {
    const attach = prepare([asset("", { state: "starter" })], false);
    expect(await attach()).toEqual([name]);
    expect(assets()).toEqual([[name, "new"]]);
    backend.state.releases[0]!.assets = [asset(old)];
    await expect(attach()).rejects.toThrow("What is published is not replaced");
  });

  test("is given up with the last answer when uploads fail", async () => {
    const attach = prepare([]);
    backend.router.intercept((path) => {
      if (path.startsWith("/uploads/")) return new Promise(() => {});
      return undefined;
    });
    await expect(attach()).rejects.toThrow(/did not take .*: no answer within 2 s/);
  });
});

describe("an artifact of the run", () => {
  const upload = (run: Run, name = "attestations") => {
    const { ACTIONS_RESULTS_URL: url = "", ACTIONS_RUNTIME_TOKEN: token = "" } = backend.jobEnv({
      runId: run.id,
      job: "attest",
      permissions,
    });
    return uploadArtifact({ url, token }, name, new Uint8Array(Buffer.from("zip")), quick);
  };

  test.each(["CreateArtifact", "FinalizeArtifact"])("is there once when the answer to %s was lost", async (method) => {
    const run = register("refs/heads/main");
    let lost = 0;
    backend.router.loseAnswers((path) => path.endsWith(`/${method}`) && lost++ === 0);
    // It may take what is finished for finished.
    let finished = 0;
    backend.router.intercept((path) => {
      if (path.endsWith("/FinalizeArtifact") && finished++ > 0) throw new Refusal(409, "it is finalized");
      return undefined;
    });
    const id = await upload(run);
    expect(backend.state.artifacts).toMatchObject([{ id: Number(id), name: "attestations", finalized: true }]);
  });

  test("of an earlier step is not replaced, also when an answer was lost", async () => {
    const run = register("refs/heads/main");
    await upload(run);
    const before = structuredClone(backend.state.artifacts);
    let lost = 0;
    backend.router.loseAnswers((path) => path.endsWith("/CreateArtifact") && lost++ === 0);
    await expect(upload(run)).rejects.toThrow("This run has an artifact attestations already");
    expect(backend.state.artifacts).toEqual(before);
  });
});
