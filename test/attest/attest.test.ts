/** slsa-attest as a step: what it attests, what it says when it cannot, and what it never says. */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { Statement } from "@goatnote/attestation";
import { encodeSegment } from "@goatnote/ci-history";
import { Refusal } from "@goatnote/rehearsal";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { parseDigest } from "../../packages/attestation/src/digest.ts";
import { forgeLayout } from "../../packages/attestation/src/forge-layout.ts";
import { build } from "../../scripts/build.ts";
import { AttestLab, type LabOptions } from "./lab.ts";

beforeAll(async () => {
  await build(); // which may take longer than a test
});

let lab: AttestLab;
async function open(options: LabOptions = {}): Promise<void> {
  lab = await AttestLab.make(options);
  lab.write({ "dist/app.tar.gz": "built", "dist/tool.whl": "wheel" });
}
afterEach(() => lab.close());

const read = (path: string): string => readFileSync(join(lab.workspace, path), "utf8");
const statements = (path: string): Statement[] =>
  read(path)
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { dsseEnvelope: { payload: string } })
    .map(({ dsseEnvelope }) => JSON.parse(Buffer.from(dsseEnvelope.payload, "base64").toString()) as Statement);
const names = (path = "out/multiple.intoto.jsonl"): string[][] =>
  statements(path).map(({ subject }) => subject.map(({ name }) => name));

describe("subjects", () => {
  test("patterns, exclusions and folders of a monorepo", async () => {
    await open();
    lab.write({ "packages/a/dist/index.js": "a", "packages/b/dist/index.js": "b", "packages/b/dist/x.map": "" });
    const collided = await lab.attest({ "subject-path": "packages/*/dist/*.js" });
    expect(collided.code).toBe(1);
    expect(collided.log).toContain('Two different artifacts have the name "index.js". Set `subject-base`');
    expect(existsSync(join(lab.workspace, "out"))).toBe(false);

    const signed = await lab.attest({ "subject-path": "packages/**\n!packages/**/*.map", "subject-base": "packages" });
    expect(signed.code, signed.log).toBe(0);
    expect(names()).toEqual([["a/dist/index.js", "b/dist/index.js"]]);
  });

  test("checksums and a digest by name, beside files", async () => {
    await open();
    const hex = "ab".repeat(32);
    lab.write({ SUMS: `${hex}  far.tar.gz\n${"cd".repeat(64)} *deep/far.zip\n\\${hex}  with\\\\slash\n` });
    const signed = await lab.attest({
      "subject-path": "dist/*.whl",
      "subject-checksums": "SUMS",
      "subject-digest": `sha256:${hex}`,
      "subject-name": "ghcr.io/octo/app",
    });
    expect(signed.code, signed.log).toBe(0);
    expect(statements("out/multiple.intoto.jsonl")[0]?.subject).toEqual(
      expect.arrayContaining([
        { name: "far.tar.gz", digest: { sha256: hex } },
        { name: "deep/far.zip", digest: { sha512: "cd".repeat(64) } },
        { name: "with\\slash", digest: { sha256: hex } },
        { name: "ghcr.io/octo/app", digest: { sha256: hex } },
      ]),
    );
  });

  test("an image in an OCI layout, and what earlier steps declared", async () => {
    await open();
    const { files, digest } = forgeLayout();
    lab.write(Object.fromEntries(Object.entries(files).map(([name, content]) => [`image/${name}`, content])));
    const image = await lab.attest({ "subject-path": "image" });
    expect(image.code, image.log).toBe(0);
    expect(statements("out/image.intoto.jsonl")[0]?.subject).toEqual([{ name: "image", digest: parseDigest(digest) }]);
    const verified = await lab.verify({ "subject-path": "image", "bundle-path": "out/*.jsonl" });
    expect(verified.code, verified.log).toBe(0);
    expect(verified.log).toContain("is the folder of an OCI image layout");
    lab.write({ "list.json": JSON.stringify({ version: 1, subjects: [{ name: "declared", digest, kind: "file" }] }) });
    const declared = await lab.attest({}, { GITHUB_ARTIFACTS_LIST: join(lab.workspace, "list.json") });
    expect(declared.code, declared.log).toBe(0);
    expect(names("out/declared.intoto.jsonl")).toEqual([["declared"]]);
  });

  test.each([
    ["nothing is named", {}, "There is nothing to attest"],
    ["a pattern matches nothing", { "subject-path": "dist/*.rpm" }, 'No file matches "dist/*.rpm"'],
    ["a folder is named", { "subject-path": "dist" }, 'Name the files in it, such as "dist/**"'],
    ["a checksum file is none", { "subject-checksums": "dist/app.tar.gz" }, "dist/app.tar.gz, line 1, is no checksum"],
    ["a digest is cut short", { "subject-digest": "sha256:abc", "subject-name": "x" }, "is no digest"],
    ["a digest has no name", { "subject-digest": `sha256:${"a".repeat(64)}` }, "`subject-name` is needed"],
  ])("an error when %s", async (_, inputs, message) => {
    await open();
    const ended = await lab.attest(inputs);
    expect(ended.code).toBe(1);
    expect(ended.log).toContain(message);
    expect(existsSync(join(lab.workspace, "out"))).toBe(false);
  });

  test("more than one statement may hold, in several bundles", async () => {
    await open();
    const sums = Array.from({ length: 2050 }, (_, i) => `${i.toString(16).padStart(64, "0")}  file-${i}\n`);
    lab.write({ SUMS: sums.join("") });
    const signed = await lab.attest({ "subject-checksums": "SUMS" });
    expect(signed.code, signed.log).toBe(0);
    expect(names().map((of) => of.length)).toEqual([1024, 1024, 2]);
    const { lines } = JSON.parse(read("out/multiple.index.json")) as { lines: Record<string, number> };
    expect(Object.keys(lines)).toHaveLength(2050);
    for (const [line, statement] of statements("out/multiple.intoto.jsonl").entries())
      expect(lines[`sha256:${statement.subject[0]?.digest.sha256}`]).toBe(line + 1);
    const verified = await lab.verify({ "subject-checksums": "SUMS", "bundle-path": "out/multiple.intoto.jsonl" });
    expect([verified.code, verified.outputs.verified], verified.log).toEqual([0, "2050"]);
  });

  test("one bundle for each subject", async () => {
    await open();
    const signed = await lab.attest({ "subject-path": "dist/*", bundle: "per-subject" });
    expect(signed.code, signed.log).toBe(0);
    expect(names()).toEqual([["app.tar.gz"], ["tool.whl"]]);
    expect(names("out/tool.whl.intoto.jsonl")).toEqual([["tool.whl"]]);
    // Beside the artifacts, each is found by itself.
    lab.write(
      Object.fromEntries(
        ["app.tar.gz", "tool.whl"].map((n) => [`dist/${n}.sigstore.json`, read(`out/${n}.sigstore.json`)]),
      ),
    );
    const verified = await lab.verify({ "subject-path": "dist/*\n!dist/*.json" });
    expect([verified.code, verified.outputs.verified], verified.log).toEqual([0, "2"]);
  });
});

describe("what is said", () => {
  test("provenance, from the token's claims", async () => {
    await open();
    lab.write({ "deps.json": JSON.stringify([{ uri: "git+https://example.org/x", digest: { sha256: "00" } }]) });
    const signed = await lab.attest({ "subject-path": "dist/app.tar.gz", "resolved-dependencies": "deps.json" });
    expect(signed.code, signed.log).toBe(0);
    const url = `${lab.backend.serverUrl}/octo/app`;
    expect(statements("out/app.tar.gz.intoto.jsonl")[0]).toMatchObject({
      predicateType: "https://slsa.dev/provenance/v1",
      predicate: {
        buildDefinition: {
          buildType: "https://actions.github.io/buildtypes/workflow/v1",
          externalParameters: {
            workflow: { ref: "refs/tags/v1.2.3", repository: url, path: ".github/workflows/release.yml" },
          },
          resolvedDependencies: [
            { uri: `git+${url}@refs/tags/v1.2.3`, digest: { gitCommit: lab.run.sha } },
            { uri: "git+https://example.org/x", digest: { sha256: "00" } },
          ],
        },
        runDetails: {
          builder: { id: lab.signer },
          metadata: { invocationId: `${url}/actions/runs/${lab.run.id}/attempts/1` },
        },
      },
    });
  });

  test("inputs of a manual run, with the build type that has them", async () => {
    await open({ run: { event: "workflow_dispatch", ref: "refs/heads/main" } });
    lab.write({ "event.json": JSON.stringify({ inputs: { debug: "true", empty: "" } }) });
    const inputs = { "subject-path": "dist/app.tar.gz", "include-inputs": "true" };
    const signed = await lab.attest(inputs, { GITHUB_EVENT_PATH: join(lab.workspace, "event.json") });
    expect(signed.code, signed.log).toBe(0);
    expect(statements("out/app.tar.gz.intoto.jsonl")[0]?.predicate).toMatchObject({
      buildDefinition: {
        buildType: "https://slsa-framework.github.io/github-actions-buildtypes/workflow/v1",
        externalParameters: { inputs: { debug: "true" } },
      },
    });
    const verified = await lab.verify({ "subject-path": "dist/app.tar.gz", "bundle-path": "out/*.jsonl" });
    expect(verified.code, verified.log).toBe(0);
  });

  test("nothing for an event that the build type forbids", async () => {
    await open({ run: { event: "schedule" } });
    const ended = await lab.attest({ "subject-path": "dist/app.tar.gz" });
    expect(ended.code).toBe(1);
    expect(ended.log).toContain("Provenance is not defined for the event schedule");
    expect(lab.sigstore.log.size).toBe(0);
  });

  const hex = "586a866f990ab55e36decfffc2011f172e4452d5141c939a5436baffba11111d"; // of `built`
  test.each([
    [
      "CycloneDX",
      {
        bomFormat: "CycloneDX",
        specVersion: "1.6",
        metadata: { component: { hashes: [{ alg: "SHA-256", content: hex }] } },
      },
      "https://cyclonedx.org/bom",
    ],
    ["CycloneDX that states no digest", { bomFormat: "CycloneDX", specVersion: "1.6" }, "https://cyclonedx.org/bom"],
    [
      "SPDX 2.3",
      {
        spdxVersion: "SPDX-2.3",
        SPDXID: "SPDXRef-DOCUMENT",
        documentDescribes: ["a"],
        packages: [{ SPDXID: "a", checksums: [{ algorithm: "SHA256", checksumValue: hex }] }],
      },
      "https://spdx.dev/Document/v2.3",
    ],
    [
      "SPDX 3",
      {
        "@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld",
        "@graph": [
          { type: "CreationInfo", specVersion: "3.0.1" },
          { type: "SpdxDocument", rootElement: ["p"] },
          { type: "software_Package", spdxId: "p", verifiedUsing: [{ algorithm: "sha256", hashValue: hex }] },
        ],
      },
      "https://spdx.dev/Document/v3.0.1",
    ],
  ])("an SBOM as %s", async (_, sbom, type) => {
    await open();
    lab.write({ "sbom.json": JSON.stringify(sbom) });
    const inputs = { predicate: "sbom", "sbom-path": "sbom.json" };
    const signed = await lab.attest({ ...inputs, "subject-path": "dist/app.tar.gz" });
    expect(signed.code, signed.log).toBe(0);
    expect(statements("out/app.tar.gz.sbom.intoto.jsonl")[0]).toMatchObject({ predicateType: type, predicate: sbom });
    const given = { "subject-path": "dist/app.tar.gz", "bundle-path": "out/*.jsonl" };
    expect((await lab.verify({ ...given, "predicate-type": type })).code).toBe(0);
    expect((await lab.verify(given)).log).toContain("predicate type: wanted https://slsa.dev/provenance/v1");

    const other = await lab.attest({ ...inputs, "subject-path": "dist/tool.whl" });
    if (JSON.stringify(sbom).includes(hex)) expect(other.log).toContain("is about something else");
    else expect(other.log).toContain("states no digest of what it describes");
  });

  test("of each artifact, by whatever digest the SBOM states", async () => {
    await open();
    const component = (file: string, alg: string) => ({
      type: "file",
      name: file,
      hashes: [{ alg, content: createHash(alg.replace("-", "").toLowerCase()).update(read(file)).digest("hex") }],
    });
    const sbom = (...components: object[]) =>
      JSON.stringify({
        bomFormat: "CycloneDX",
        specVersion: "1.6",
        metadata: { component: { type: "application", name: "app", components } },
      });
    lab.write({
      "one.json": sbom(component("dist/app.tar.gz", "SHA-256")),
      "strong.json": sbom(component("dist/app.tar.gz", "SHA-512")),
      "both.json": sbom(component("dist/app.tar.gz", "SHA-256"), component("dist/tool.whl", "SHA-512")),
    });
    const attest = (subject: string, file: string) =>
      lab.attest({ predicate: "sbom", "sbom-path": file, "subject-path": subject, "output-dir": `out/${file}` });
    const one = await attest("dist/*", "one.json");
    expect(one.code, one.log).toBe(1);
    expect(one.log).toContain('is about something else than "tool.whl": it describes sha256:');
    expect((await attest("dist/tool.whl", "strong.json")).log).toContain("is about something else");
    for (const [subject, file] of [
      ["dist/app.tar.gz", "strong.json"],
      ["dist/*", "both.json"],
    ] as const) {
      const signed = await attest(subject, file);
      expect(signed.code, signed.log).toBe(0);
      expect(signed.log).not.toContain("not compared");
    }
    // What is no file here is known by its one digest only.
    lab.write({ SUMS: `${createHash("sha256").update("built").digest("hex")}  app.tar.gz\n` });
    const inputs = { predicate: "sbom", "sbom-path": "strong.json", "subject-checksums": "SUMS" };
    expect((await lab.attest(inputs)).log).toContain("is about something else");
  });

  test("results of tests, with what rested and at what recall", async () => {
    await open();
    const plan = {
      version: 1,
      mode: "select",
      run: "chosen",
      reason: "r",
      runner: null,
      base: null,
      head: null,
      seed: "s",
      target_recall: 0.95,
      confidence: 0.96,
      model: { kind: "logistic" },
      history: { runs: 40, failing_runs: 20 },
      shards: 1,
      tests: [],
      files: [],
    };
    lab.write({ "plan.json": JSON.stringify(plan) });
    const digest = createHash("sha256").update(read("plan.json")).digest("hex");
    const test = (id: string, status: string) => ({ id: `t.py||${id}`, file: "t.py", status, duration_ms: 1 });
    const record = (sha: string) =>
      encodeSegment({
        run_id: "1",
        sha,
        started_at: new Date().toISOString(),
        author: null,
        changes: [],
        selection: { mode: "select", plan_digest: `sha256:${digest}`, target_recall: 0.95 },
        tests: [
          test("good", "pass"),
          test("flaky", "fail"),
          test("flaky", "pass"),
          test("rested", "not_run"),
          test("off", "skip"),
        ],
      } as never);
    lab.write({ segment: record(lab.run.sha), stale: record("b2".repeat(20)) });
    const inputs = {
      predicate: "test-result",
      segment: "segment",
      plan: "plan.json",
      "subject-path": "dist/app.tar.gz",
    };
    const signed = await lab.attest(inputs);
    expect(signed.code, signed.log).toBe(0);
    expect(statements("out/app.tar.gz.test-result.intoto.jsonl")[0]).toMatchObject({
      predicateType: "https://in-toto.io/attestation/test-result/v0.1",
      predicate: {
        result: "WARNED",
        passedTests: ["t.py||good"],
        warnedTests: ["t.py||flaky"],
        failedTests: [],
        skippedTests: ["t.py||off"],
        restedTests: ["t.py||rested"],
        // Where the tests ran, which is another run than the one that attests.
        url: `${lab.backend.serverUrl}/octo/app/actions/runs/1/attempts/1`,
        configuration: [
          { annotations: { complete: true } },
          { digest: { sha256: digest }, annotations: { targetRecall: 0.95, statedRecall: 0.96 } },
        ],
      },
    });
    expect((await lab.attest({ ...inputs, segment: "stale" })).log).toContain("records tests of the commit b2b2");
    lab.write({ "plan.json": JSON.stringify({ ...plan, seed: "t" }) });
    expect((await lab.attest(inputs)).log).toContain("did not follow the plan");
  });

  test("whatever else is in a file", async () => {
    await open();
    lab.write({ "predicate.json": '{"reviewed":true}', "broken.json": "{" });
    const inputs = {
      predicate: "custom",
      "predicate-type": "https://example.org/review/v1",
      "subject-path": "dist/app.tar.gz",
    };
    const signed = await lab.attest({ ...inputs, "predicate-path": "predicate.json" });
    expect(signed.code, signed.log).toBe(0);
    expect(statements("out/app.tar.gz.custom.intoto.jsonl")[0]?.predicate).toEqual({ reviewed: true });
    expect((await lab.attest({ ...inputs, "predicate-path": "broken.json" })).log).toContain("broken.json is not JSON");
    for (const content of ["null", "[]", '"text"']) {
      lab.write({ "other.json": content });
      expect((await lab.attest({ ...inputs, "predicate-path": "other.json" })).log).toContain(
        "has to hold a JSON object",
      );
    }
    const named = await lab.attest({ ...inputs, "predicate-path": "predicate.json", "predicate-type": "review" });
    expect([named.code, named.log.includes("Input `predicate-type` is no URI")], named.log).toEqual([1, true]);
  });
});

describe("where it cannot sign", () => {
  const fork = { GITHUB_EVENT_NAME: "pull_request_target" };
  test.each([
    ["a job without the permission", { contents: "read" } as const, {}, "permissions: id-token: write"],
    ["a pull request from a fork", { contents: "read" } as const, fork, "pull request from a fork"],
  ])("%s", async (_, permissions, env, message) => {
    await open({ permissions });
    const ended = await lab.attest({ "subject-path": "dist/app.tar.gz" }, env);
    expect([ended.code, ended.log.includes("::error::"), ended.log.includes(message)], ended.log).toEqual([
      1,
      true,
      true,
    ]);
    const warned = await lab.attest({ "subject-path": "dist/app.tar.gz", "on-unavailable": "warn" }, env);
    expect([warned.code, /::warning::Nothing was attested\. .*/.test(warned.log)]).toEqual([0, true]);
    const skipped = await lab.attest({ "subject-path": "dist/app.tar.gz", "on-unavailable": "skip" }, env);
    expect([skipped.code, skipped.log.includes("::warning::"), skipped.outputs.subjects]).toEqual([0, false, "0"]);
    expect(skipped.summary).toContain("Nothing was attested");
  });

  test("a private repository does not sign with a public log", async () => {
    await open({ visibility: "private" });
    const given = {
      "subject-path": "dist/app.tar.gz",
      "fulcio-url": "",
      "rekor-url": "",
      "tsa-url": "",
      "retry-for": "1s",
    };
    const refused = await lab.attest({ ...given, sigstore: "public" });
    expect(refused.code).toBe(1);
    expect(refused.log).toContain("This repository is private");
    expect(refused.log).toContain("`allow-public-log: true`");
    // Allowed, and by itself GitHub's instance: neither is to be reached here, which is how one sees whom it asks.
    const nowhere = { HTTPS_PROXY: "http://127.0.0.1:9", HTTP_PROXY: "http://127.0.0.1:9", NO_PROXY: "127.0.0.1" };
    const allowed = await lab.attest({ ...given, sigstore: "public", "allow-public-log": "true" }, nowhere);
    expect(allowed.log).toContain("Fulcio (fulcio.sigstore.dev) issued no certificate");
    const certificates = {
      ...given,
      sigstore: "custom",
      "fulcio-url": "https://fulcio.sigstore.dev",
      "tsa-url": lab.sigstore.tsaUrl,
    };
    expect((await lab.attest(certificates, nowhere)).log).toContain("This repository is private");
    const own = await lab.attest({ ...given, sigstore: "auto" }, nowhere);
    expect(own.log).toMatch(/Fulcio \(fulcio\.github\.localhost:\d+\) issued no certificate/);
  });
});

type Fault = "refused" | "slow" | "garbage" | "down" | "broken" | "cut";
const services = {
  oidc: { words: "GitHub gave this job no ID token", isAt: (path: string) => path === "/oidc/token" },
  fulcio: { words: "Fulcio (127.0.0.1:", isAt: (path: string) => path.includes("/fulcio/") },
  rekor: { words: "Rekor (127.0.0.1:", isAt: (path: string) => path.includes("/rekor/") },
  "rekor v2": { words: "Rekor (127.0.0.1:", isAt: (path: string) => path.includes("/rekor-tiles/") },
  tsa: { words: "The timestamp authority (127.0.0.1:", isAt: (path: string) => path.includes("/tsa/") },
  github: {
    words: "GitHub's store did not take the attestation",
    isAt: (path: string) => path.endsWith("/attestations"),
  },
  "GitHub's list": {
    words: "GitHub's store did not list attestations",
    isAt: (path: string) => path.includes("/attestations/sha256:"),
  },
  release: {
    words: "GitHub did not take app.tar.gz.intoto.jsonl for the release v1.2.3",
    isAt: (path: string) => path.startsWith("/uploads/"),
  },
};
type Service = keyof typeof services;
/** Whose part comes after the bundles are written. */
const publishing: readonly Service[] = ["github", "GitHub's list", "release"];

describe("a service that does not do its part", () => {
  /** Puts a fault before a service's own answer; `faultOf` says which, for each of its requests from 0. */
  async function spoil(service: Service, faultOf: (request: number) => Fault | undefined): Promise<void> {
    await open();
    lab.backend.state.releases.push({ id: 7, tag_name: "v1.2.3", draft: true, immutable: false, assets: [] });
    let asked = 0;
    const { isAt } = services[service];
    if (faultOf(0) === "cut") return lab.backend.router.loseAnswers((path) => isAt(path) && faultOf(asked++) === "cut");
    lab.intercept((path) => {
      const fault = isAt(path) ? faultOf(asked++) : undefined;
      if (!fault) return undefined;
      if (fault === "refused") throw new Refusal(400, "not today");
      if (fault === "broken") throw new Refusal(500, "broken");
      if (fault === "down") throw new Refusal(503, "overloaded");
      if (fault === "garbage")
        return { bytes: Buffer.from("<html>proxy</html>"), headers: { "content-type": "text/html" } };
      return new Promise(() => {}); // never
    });
  }
  const always = (fault: Fault) => () => fault;
  const short = { "subject-path": "dist/app.tar.gz", "retry-for": "2s" };
  // The others are to answer within that time too, on a machine that has much else to do.
  const impatient = { "retry-for": "1s", "attempt-timeout": "4s" };
  const inputs = (service: Service, more: Record<string, string> = {}): Record<string, string> => ({
    ...short,
    ...(service === "rekor v2" && { "rekor-url": lab.sigstore.rekorTilesUrl, "rekor-version": "2" }),
    ...(service === "release" && { upload: "release" }),
    ...more,
  });

  test.each(["oidc", "fulcio", "rekor", "rekor v2", ...publishing] as const)(
    "%s is needed, so each fault is an error that names it",
    async (service) => {
      for (const [faultOf, words, patience] of [
        [always("refused"), "it answered", "2s"],
        [always("down"), "503", "2s"],
        [(n: number): Fault => (n < 2 ? "garbage" : "refused"), "(asked 3 times in", "60s"],
      ] as const) {
        await spoil(service, faultOf);
        const ended = await lab.attest(inputs(service, { "retry-for": patience }));
        expect(ended.code, ended.log).toBe(1);
        const error = /^::error::(.*)$/m.exec(ended.log)?.[1] ?? "";
        expect(error).toContain(services[service].words);
        expect(error).toContain(words);
        if (!publishing.includes(service)) expect(existsSync(join(lab.workspace, "out"))).toBe(false);
        else expect(readdirSync(join(lab.workspace, "out"))).toContain("app.tar.gz.intoto.jsonl");
        await lab.close();
      }
      await open();
    },
  );

  test.each(["refused", "down", "garbage", "slow"] as const)(
    "the timestamp is not, when the log is there: %s",
    async (fault) => {
      await spoil("tsa", always(fault));
      const given = inputs("tsa", fault === "slow" ? impatient : {});
      const ended = await lab.attest(given);
      expect(ended.code, ended.log).toBe(0);
      expect(ended.log).toContain(`::warning::${services.tsa.words}`);
      expect((await lab.verify({ "subject-path": "dist/app.tar.gz", "bundle-path": "out/*.jsonl" })).code).toBe(0);
      const alone = await lab.attest({ ...given, "rekor-url": "", "trusted-root": "", "output-dir": "alone" });
      expect(alone.code).toBe(1);
      expect(alone.log).toContain(`::error::${services.tsa.words}`);
    },
  );

  test.each<[Service, Fault]>([
    ...(Object.keys(services) as Service[]).map((service): [Service, Fault] => [service, "down"]),
    ["oidc", "broken"],
    ["oidc", "garbage"],
    ["oidc", "cut"],
    ["oidc", "slow"],
    ["rekor", "cut"],
    ["rekor v2", "cut"],
    ["github", "cut"],
    ["release", "cut"],
  ])("%s fails half of the time: %s", async (service, fault) => {
    // To look up what a lost answer said takes another question.
    const each = fault === "cut" ? 3 : 2;
    await spoil(service, (n) => (n % each === 0 ? fault : undefined));
    const patience = { "retry-for": "60s", ...(fault === "slow" && { "attempt-timeout": "4s" }) };
    const ended = await lab.attest(inputs(service, patience));
    expect(ended.code, ended.log).toBe(0);
    expect(ended.log).toContain("trying again in");
    expect(ended.log).not.toContain("::warning::");
    expect((await lab.verify({ "subject-path": "dist/app.tar.gz", "bundle-path": "out/*.jsonl" })).code).toBe(0);
  });

  test.each(["oidc", "fulcio", "rekor", "rekor v2", ...publishing] as const)(
    "%s does not answer and is given up, and the step ends",
    async (service) => {
      await spoil(service, always("slow"));
      const ended = await lab.attest(inputs(service, impatient));
      expect(ended.code).toBe(1);
      const error = /^::error::(.*)$/m.exec(ended.log)?.[1] ?? "";
      expect(error).toContain(services[service].words);
      expect(error).toContain("no answer within 4 s");
    },
  );

  test("with `on-unavailable: warn`, the job goes on", async () => {
    await spoil("fulcio", always("down"));
    const ended = await lab.attest(inputs("fulcio", { "on-unavailable": "warn" }));
    expect(ended.code, ended.log).toBe(0);
    expect(ended.log).toContain("::warning::Nothing was attested. Fulcio");
    expect(ended.outputs["bundle-path"]).toBe("");
  });

  test("when only GitHub's store is away, the bundles are there all the same", async () => {
    await spoil("github", always("down"));
    const ended = await lab.attest(inputs("github", { "on-unavailable": "warn" }));
    expect(ended.code, ended.log).toBe(0);
    expect(ended.log).toMatch(/::warning::The attestations are in .*not all are published/);
    expect(existsSync(ended.outputs["bundle-path"]!)).toBe(true);
    expect(ended.summary).toContain("Attested 1 artifact");
  });
});

describe("a release", () => {
  const release = (changes: object = {}) =>
    lab.backend.state.releases.push({
      id: 7,
      tag_name: "v1.2.3",
      draft: true,
      immutable: false,
      assets: [],
      ...changes,
    });
  const inputs = { "subject-path": "dist/app.tar.gz", upload: "release\ngithub" };
  const assets = () => lab.backend.state.releases[0]!.assets.map(({ name }) => name).sort();
  const files = ["app.tar.gz.attestations.zip", "app.tar.gz.intoto.jsonl", "app.tar.gz.sigstore.json"];

  test("gets the bundles while it is a draft, and again when the run is repeated", async () => {
    await open();
    release();
    const first = await lab.attest(inputs);
    expect(first.code, first.log).toBe(0);
    expect(assets()).toEqual(files);
    expect(lab.stored()).toBe(1);
    const before = lab.backend.state.releases[0]!.assets[0]!.digest;
    expect((await lab.attest(inputs)).code).toBe(0);
    expect(assets()).toEqual(files);
    expect(lab.backend.state.releases[0]!.assets[0]!.digest).not.toBe(before);
    // What was published is the asset, and it verifies.
    lab.write({ "asset.jsonl": lab.backend.state.releases[0]!.assets[0]!.content });
    expect((await lab.verify({ "subject-path": "dist/app.tar.gz", "bundle-path": "asset.jsonl" })).code).toBe(0);
  });

  test.each([
    ["is not there", { tag_name: "v9" }, "There is no release of the tag v1.2.3"],
    ["is immutable", { draft: false, immutable: true }, "is immutable and takes no assets any more"],
    [
      "is published with another bundle",
      {
        draft: false,
        assets: [{ id: 1, name: "app.tar.gz.intoto.jsonl", digest: "sha256:00", content: Buffer.of(0) }],
      },
      "What is published is not replaced",
    ],
  ])("that %s is an error, and the bundles are kept", async (_, changes, message) => {
    await open();
    release(changes);
    const ended = await lab.attest(inputs);
    expect(ended.code).toBe(1);
    expect(ended.log).toContain(message);
    expect(existsSync(ended.outputs["bundle-path"]!)).toBe(true);
  });
});

test("where no trusted root is known, a warning says that nothing was verified", async () => {
  await open();
  const blind = await lab.attest({ "subject-path": "dist/app.tar.gz", "trusted-root": "" });
  expect(blind.code, blind.log).toBe(0);
  expect(blind.log).toContain("::warning::The trusted root of the Sigstore at 127.0.0.1:");
  expect(read("out/VERIFY.md")).toContain("The file `trusted_root.json` is not here");
  const seeing = await lab.attest({ "subject-path": "dist/app.tar.gz" });
  expect(seeing.log).not.toContain("::warning::");
});

test("a step that is run again stores nothing twice", async () => {
  await open();
  const first = await lab.attest({ "subject-path": "dist/app.tar.gz" });
  expect(first.outputs["attestation-url"]).toBe(
    `${lab.backend.serverUrl}/octo/app/attestations/${first.outputs["attestation-id"]}`,
  );
  const second = await lab.attest({ "subject-path": "dist/app.tar.gz" });
  expect([second.code, second.outputs["attestation-id"]], second.log).toEqual([0, ""]);
  expect(second.log).toContain("GitHub has this attestation already.");
  expect(lab.stored()).toBe(1);
});

test("the token is masked, and in no message, file or output", async () => {
  await open();
  mkdirSync(join(lab.workspace, "full"));
  const attempts: Record<string, string>[] = [
    {},
    { "fulcio-url": `${lab.backend.url}/nowhere` },
    { "output-dir": "dist/app.tar.gz/x" },
  ];
  for (const inputs of attempts) {
    const ended = await lab.attest({ "subject-path": "dist/app.tar.gz", ...inputs });
    const said = ended.log
      .split("\n")
      .filter((line) => !line.startsWith("::add-mask::"))
      .join("\n");
    const tokens = [...ended.log.matchAll(/^::add-mask::(\S+)$/gm)].map(([, token]) => token!);
    expect(tokens.some((token) => token.startsWith("eyJ"))).toBe(true);
    for (const token of tokens) {
      expect(said).not.toContain(token);
      expect(JSON.stringify([ended.outputs, ended.summary])).not.toContain(token);
    }
    // A part of a token is one too.
    expect(said).not.toMatch(/eyJ[\w-]{20}/);
  }
  const files = readdirSync(lab.workspace, { recursive: true, withFileTypes: true }).filter((each) => each.isFile());
  expect(files.length).toBeGreaterThan(0);
  // A bundle quotes none: what it holds in base64 begins otherwise.
  for (const { parentPath, name } of files)
    expect(readFileSync(join(parentPath, name), "latin1")).not.toMatch(/eyJ[\w-]{20,}\.eyJ/);
});

test.each([
  ["whole", (token: string) => token],
  ["in part", (token: string) => token.slice(0, 150)],
  ["after other words", (token: string) => `${"x".repeat(250)} ${token}`],
])("a service that says the token back, %s, is quoted without it", async (_, part) => {
  await open();
  lab.intercept((path, body) => {
    if (!path.includes("/fulcio/")) return undefined;
    const { credentials } = JSON.parse(body.toString()) as { credentials: { oidcIdentityToken: string } };
    throw new Refusal(400, `bad token ${part(credentials.oidcIdentityToken)}`);
  });
  const ended = await lab.attest({ "subject-path": "dist/app.tar.gz" });
  expect(ended.code).toBe(1);
  const said = ended.log.replace(/^::add-mask::.*$/gm, "");
  expect(said).toContain("it answered 400 (bad token ");
  expect(said).not.toMatch(/eyJ[\w-]{8}/);
});

test("a certificate authority that redirects gets no token there", async () => {
  await open();
  const asked: string[] = [];
  const thief = createServer((request, response) => {
    asked.push(request.url ?? "");
    response.end("{}");
  }).listen(0, "127.0.0.1");
  await once(thief, "listening");
  const location = `http://127.0.0.1:${(thief.address() as AddressInfo).port}/api/v2/signingCert`;
  try {
    lab.intercept((path) =>
      path.includes("/fulcio/") ? { status: 307, headers: { location }, bytes: Buffer.alloc(0) } : undefined,
    );
    const ended = await lab.attest({ "subject-path": "dist/app.tar.gz" });
    expect([ended.code, asked], ended.log).toEqual([1, []]);
    expect(ended.log).toContain(`it answered 307 (a redirection to ${location}, where the job's token does not go)`);
  } finally {
    thief.close();
  }
});

test("provenance that a workflow writes itself keeps to the events of its build type, too", async () => {
  await open({ run: { event: "schedule" } });
  lab.write({ "provenance.json": "{}" });
  const ended = await lab.attest({
    "subject-path": "dist/app.tar.gz",
    predicate: "custom",
    "predicate-type": "https://slsa.dev/provenance/v1",
    "predicate-path": "provenance.json",
  });
  expect(ended.code).toBe(1);
  expect(ended.log).toContain("Provenance is not defined for the event schedule");
});

test("twenty times in a row", async () => {
  await open();
  for (let round = 0; round < 20; round++) {
    lab.write({ "dist/app.tar.gz": `built ${round}` });
    const signed = await lab.attest({ "subject-path": "dist/app.tar.gz", "output-dir": `out/${round}` });
    expect(signed.code, signed.log).toBe(0);
    const verified = await lab.verify({
      "subject-path": "dist/app.tar.gz",
      "bundle-path": `out/${round}/app.tar.gz.intoto.jsonl`,
    });
    expect(verified.code, verified.log).toBe(0);
  }
});
