/** slsa-attest/verify as a step: whose signature it takes, by inputs and by a policy file, and that nothing else passes. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { AttestLab, repository } from "./lab.ts";

let lab: AttestLab;
const workflow = `${repository}/.github/workflows/release.yml`;
const given = { "subject-path": "dist/app.tar.gz", "bundle-path": "out/app.tar.gz.intoto.jsonl" };

beforeAll(async () => {
  lab = await AttestLab.make();
  lab.write({ "dist/app.tar.gz": "built", "dist/other.tar.gz": "never attested" });
  const signed = await lab.attest({ "subject-path": "dist/app.tar.gz" });
  expect(signed.code, signed.log).toBe(0);
});
afterAll(() => lab.close());

const all = (): Record<string, string> => ({
  "source-repository": repository,
  "source-repository-id": String(lab.backend.state.repositoryId),
  "source-ref": "refs/heads/main\nrefs/tags/v*",
  "source-digest": lab.run.sha,
  "signer-workflow": `${workflow}@refs/tags/v1.2.3`,
  trigger: "push",
  "max-age": "1h",
  runner: "github-hosted",
});

test("every rule at once, as inputs", async () => {
  const ended = await lab.verify({ ...given, ...all() });
  expect(ended.code, ended.log).toBe(0);
  expect(ended.outputs).toMatchObject({ verified: "1", level: "2" });
  expect(ended.summary).toContain("Verified 1 artifact");
  expect(ended.summary).toContain("| L2 |");
});

test.each([
  ["source-repository", "octo/other"],
  ["source-repository-id", "1"],
  ["source-ref", "refs/heads/main"],
  ["source-digest", "b2".repeat(20)],
  ["signer-workflow", `${repository}/.github/workflows/other.yml`],
  ["trigger", "release"],
  ["issuer", "https://token.actions.githubusercontent.com"],
  ["predicate-type", "https://cyclonedx.org/bom"],
])("%s that is not the certificate's fails, and says how to mend it", async (name, value) => {
  const ended = await lab.verify({ ...given, [name]: value });
  expect(ended.code).toBe(1);
  expect(ended.outputs).toMatchObject({ verified: "0", level: "", vsa: "" });
  expect(ended.log).toContain(
    `wanted ${value.split("\n")[0]?.replace("octo/other", `${lab.backend.serverUrl}/octo/other`).split("@")[0] ?? ""}`,
  );
  expect(ended.summary).toContain("**failed**");
  const report = JSON.parse(readFileSync(ended.outputs.report!, "utf8")) as {
    verified: boolean;
    artifacts: { reason: string }[];
  };
  expect(report.verified).toBe(false);
  expect(report.artifacts[0]?.reason).not.toBe("");
});

test.each([
  ["one of two is not attested", { "subject-path": "dist/*.gz" }, "1 of 2 artifacts are not verified"],
  ["no bundle is there", { "bundle-path": "" }, "no attestation is about"],
  ["a named bundle is not there", { "bundle-path": "gone/*.jsonl" }, 'No bundle matches "gone/*.jsonl"'],
  ["a bundle is no JSON", { "bundle-path": "dist/app.tar.gz" }, "no attestation is about"],
  ["a bundle is none", { "bundle-path": "trusted_root.json" }, "what cannot be read as one: trusted_root.json"],
  ["the trusted root is none", { "trusted-root": "dist/app.tar.gz" }, "is no trusted root"],
  ["the trusted root is the public one", { "trusted-root": "" }, "cannot be trusted"],
  ["the artifact is not there", { "subject-path": "dist/gone" }, 'No file matches "dist/gone"'],
  ["nothing is named", { "subject-path": "" }, "One of `subject-path`"],
  ["a workflow is none", { "signer-workflow": "release.yml" }, "is no workflow; it has the form"],
  ["a ref is short", { "source-ref": "main" }, "is no full ref"],
  ["a commit is short", { "source-digest": "a1a1a1a" }, "is no full commit"],
  ["a repository is a URL", { "source-repository": "https://github.com/octo/app" }, "is no repository"],
  ["an age is none", { "max-age": "soon" }, "is no duration"],
])("not verified is also when %s", async (_, inputs, message) => {
  const ended = await lab.verify({ ...given, ...(inputs as Record<string, string>) });
  expect(ended.code).toBe(1);
  expect(ended.log).toContain(message);
});

test("what a self-hosted runner signed is of level 1, and refused where GitHub's are wanted", async () => {
  const own = await AttestLab.make({ run: { selfHosted: true } });
  onTestFinished(() => own.close());
  own.write({ "dist/app.tar.gz": "built" });
  const signed = await own.attest({ "subject-path": "dist/app.tar.gz" });
  expect(signed.code, signed.log).toBe(0);
  const taken = await own.verify(given);
  expect([taken.code, taken.outputs.level], taken.log).toEqual([0, "1"]);
  const refused = await own.verify({ ...given, runner: "github-hosted" });
  expect([refused.code, refused.log.includes("runner: wanted github-hosted, found self-hosted")]).toEqual([1, true]);
});

test("a renamed file, when its name was not to be compared", async () => {
  lab.write({ "dist/renamed": "built" });
  const refused = await lab.verify({ ...given, "subject-path": "dist/renamed" });
  expect(refused.log).toContain("If you renamed the file, set `match-names: false`.");
  expect((await lab.verify({ ...given, "subject-path": "dist/renamed", "match-names": "false" })).code).toBe(0);
});

test("a folder that only says the digest of what was attested is not verified", async () => {
  const digest = `sha256:${createHash("sha256").update("built").digest("hex")}`;
  const index = JSON.stringify({ manifests: [{ digest, size: 5 }] });
  const files = { "fake/app.tar.gz/oci-layout": "{}", "fake/app.tar.gz/index.json": index };
  lab.write(files);
  const claimed = await lab.verify({ ...given, "subject-path": "fake/app.tar.gz" });
  expect([claimed.code, claimed.log.includes("is missing")], claimed.log).toEqual([1, true]);
  lab.write({ [`fake/app.tar.gz/blobs/${digest.replace(":", "/")}`]: "built" });
  const hidden = await lab.verify({ ...given, "subject-path": "fake/app.tar.gz" });
  expect([hidden.code, hidden.log.includes("is no manifest")], hidden.log).toEqual([1, true]);
});

test("a named signer is not trusted for other repositories", async () => {
  const inputs = { ...given, "signer-workflow": workflow };
  expect((await lab.verify(inputs)).code).toBe(0);
  const elsewhere = await lab.verify(inputs, { GITHUB_REPOSITORY: "octo/caller" });
  expect([elsewhere.code, elsewhere.log.includes("source repository")]).toEqual([1, true]);
});

test("without a repository and a policy nobody is trusted", async () => {
  const ended = await lab.verify(given, { GITHUB_REPOSITORY: "" });
  expect(ended.code).toBe(1);
  expect(ended.log).toContain("does not say whose signature it wants");
});

describe("a policy file", () => {
  const verify = (policy: string, inputs: Record<string, string> = {}) => {
    lab.write({ "policy.yml": policy });
    return lab.verify({ ...given, issuer: "", policy: "policy.yml", ...inputs });
  };
  const good = () =>
    `source-repository: octo/app\nsource-repository-id: ${lab.backend.state.repositoryId}\nsource-ref: [refs/heads/main, refs/tags/v*]\nissuer: ${lab.backend.url}\n`;

  test("stands for the inputs, and its digest is in the summary that can be signed", async () => {
    const ended = await verify(good());
    expect(ended.code, ended.log).toBe(0);
    const vsa = JSON.parse(readFileSync(ended.outputs.vsa!, "utf8")) as Record<string, unknown>;
    expect(vsa).toMatchObject({
      resourceUri: `git+${lab.backend.serverUrl}/octo/app`,
      policy: { uri: "policy.yml", digest: { sha256: expect.stringMatching(/^[0-9a-f]{64}$/) } },
      verificationResult: "PASSED",
      verifiedLevels: ["SLSA_BUILD_LEVEL_2"],
      slsaVersion: "1.2",
      inputAttestations: [{ uri: "out/app.tar.gz.intoto.jsonl" }],
    });
    // A deployment needs only this one.
    lab.write({ "vsa.json": JSON.stringify(vsa) });
    const type = "https://slsa.dev/verification_summary/v1";
    const inputs = { predicate: "custom", "predicate-type": type, "predicate-path": "vsa.json", "output-dir": "vsa" };
    expect((await lab.attest({ ...inputs, "subject-path": "dist/app.tar.gz" })).code).toBe(0);
    const checked = await lab.verify({ ...given, "bundle-path": "vsa/*.jsonl", "predicate-type": type });
    expect([checked.code, checked.outputs.level], checked.log).toEqual([0, ""]);
  });

  test("lists whose provenance counts as L3", async () => {
    const ended = await verify(`${good()}build-level-3: ${workflow}@refs/tags/v1.2.3\n`);
    expect([ended.code, ended.outputs.level], ended.log).toEqual([0, "3"]);
    const other = await verify(`${good()}build-level-3: octo/app/.github/workflows/build.yml@refs/tags/v1\n`);
    expect(other.outputs.level).toBe("2");
  });

  test.each([
    ["a misspelt key", "source-repo: octo/app", 'there is no key "source-repo"'],
    ["a key that every object has", "constructor: octo/app", 'there is no key "constructor"'],
    ["a key for a prototype", "__proto__: octo/app\nsource-repository: octo/app", 'there is no key "__proto__"'],
    ["a key twice", "issuer: https://a\nissuer: https://b", "not valid YAML"],
    ["a list where one is meant", "source-repository: [octo/app, octo/b]", "`source-repository` is no text"],
    ["an empty list", "source-ref: []", "empty list"],
    ["a mapping in a value", "trigger: { push: yes }", "`trigger` is no text or list of texts"],
    ["nothing", "", "is no mapping"],
    ["a list", "- octo/app", "is no mapping"],
    ["an alias", "trigger: &a [push]\nsource-ref: *a", "it has aliases"],
    ["no signer", "trigger: push", "does not say whose signature"],
    ["another repository", "source-repository: octo/b", "source repository"],
    [
      "an isolated build at any ref",
      "build-level-3: octo/b/.github/workflows/b.yml",
      "says no ref: end it with @refs/heads",
    ],
    ["a pattern in a name", "source-repository: octo/*", "source repository"],
  ])("with %s is refused", async (_, policy, message) => {
    const ended = await verify(
      policy.includes("issuer")
        ? policy
        : `${policy}\n${policy.startsWith("-") || policy === "" ? "" : `issuer: ${lab.backend.url}`}`,
    );
    expect(ended.code).toBe(1);
    expect(ended.log).toMatch(new RegExp(message));
  });

  test("beside an input that says the same is a contradiction", async () => {
    const ended = await verify(good(), { "source-ref": "refs/heads/main" });
    expect(ended.log).toContain("Input `source-ref` does not go with `policy`");
  });

  test("has a schema that takes and refuses the same values", async () => {
    const schema = JSON.parse(
      readFileSync(join(import.meta.dirname, "../../actions/slsa-attest/policy.schema.json"), "utf8"),
    ) as { properties: object };
    const { policyKeys } = await import("../../packages/attestation/src/policy-file.ts");
    expect(Object.keys(schema.properties).sort()).toEqual(Object.keys(policyKeys).sort());
    const { Ajv2020 } = await import("ajv/dist/2020.js");
    // Formats are told beside: `uri` says less than what an issuer is here.
    const takes = new Ajv2020({ validateFormats: false, allowUnionTypes: true }).compile(schema);
    const texts = [
      ...["octo/app", "octo", "1", "0", "refs/heads/main", "main", "a1".repeat(20), "a1a1a1a", "push", "Push!"],
      ...[workflow, `${workflow}@refs/tags/v1`, `${workflow}@${"b2".repeat(20)}`, `${workflow}@v1`, "release.yml"],
      ...["any", "github-hosted", "self-hosted"],
    ];
    for (const [key, { isList = false, problem }] of Object.entries(policyKeys)) {
      // Durations and addresses are beyond patterns.
      for (const text of key === "max-age" || key === "issuer" ? [] : texts)
        expect([key, text, takes({ [key]: text })]).toEqual([key, text, problem(text) === undefined]);
      const good = texts.find((text) => problem(text) === undefined);
      if (good) expect([key, takes({ [key]: [good] }), takes({ [key]: [] })]).toEqual([key, isList, false]);
    }
    expect(takes({ "no-key": "octo/app" })).toBe(false);
  });
});

test("artifacts of one name cannot change places", async () => {
  lab.write({ "a/index.js": "of a", "b/index.js": "of b" });
  const paths = { "subject-path": "a/index.js\nb/index.js" };
  const signed = await lab.attest({ ...paths, "subject-base": ".", "output-dir": "swapped" });
  expect(signed.code, signed.log).toBe(0);
  const given = { ...paths, "bundle-path": "swapped/*.jsonl" };
  expect((await lab.verify(given)).code).toBe(0);
  lab.write({ "a/index.js": "of b", "b/index.js": "of a" });
  const ended = await lab.verify(given);
  expect(ended.code).toBe(1);
  expect(ended.log).toContain("name: wanted a/index.js, found b/index.js.");
});

test("what says itself that it failed is signed, and vouches for nothing", async () => {
  lab.write({ "vsa.json": JSON.stringify({ verificationResult: "FAILED" }) });
  const type = { "predicate-type": "https://slsa.dev/verification_summary/v1" };
  const signed = await lab.attest({
    ...type,
    predicate: "custom",
    "predicate-path": "vsa.json",
    "subject-path": "dist/app.tar.gz",
    "output-dir": "failed",
  });
  expect(signed.code, signed.log).toBe(0);
  const ended = await lab.verify({ ...type, "subject-path": "dist/app.tar.gz", "bundle-path": "failed/*.jsonl" });
  expect(ended.code).toBe(1);
  expect(ended.log).toContain("verificationResult: wanted PASSED, found FAILED.");
  // An archive tells what was said, whatever it was.
  const archive = await lab.verify({ "archive-path": "failed" });
  expect(archive.code, archive.log).toBe(0);
});

describe("online", () => {
  const online = () => ({
    "subject-path": "dist/app.tar.gz",
    online: "true",
    token: lab.token,
  });
  const env = () => ({ GITHUB_API_URL: lab.backend.url, GITHUB_RUN_ID: "99" });

  test("bundles come from GitHub's store, over its pages, and no token goes to where they lie", async () => {
    const [attestation] = lab.backend.state.attestations;
    // Many older attestations of the same artifact, none of which verifies, on pages before it.
    lab.backend.state.attestations.push(
      ...Array.from({ length: 130 }, (_, i) => ({
        id: 5000 + i,
        bundle: { dsseEnvelope: {} },
        digests: attestation!.digests,
      })),
    );
    lab.run.status = "completed";
    lab.run.conclusion = "success";
    const ended = await lab.verify(online(), env());
    expect(ended.code, ended.log).toBe(0);
  });

  test.each(["failure", "cancelled", null])("a run that ended with %s built nothing to use", async (conclusion) => {
    lab.run.conclusion = conclusion;
    const ended = await lab.verify(online(), env());
    expect(ended.code).toBe(1);
    expect(ended.log).toContain("run: wanted success, found");
  });

  test("what cannot be asked is not verified", async () => {
    lab.run.conclusion = "success";
    const ended = await lab.verify(
      { ...online(), token: lab.backend.jobToken({ runId: 1, job: "x", permissions: {} }) },
      env(),
    );
    expect(ended.code).toBe(1);
    expect(ended.log).toContain("GitHub's store did not list attestations: it answered 403");
  });
});
