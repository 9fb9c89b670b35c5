/** What must not verify: every case has one thing wrong. The table of them is action-docs/slsa-attest-refusals.md, written by REMAKE_DOCS=1. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { PROVENANCE_TYPE } from "../../packages/attestation/src/provenance.ts";
import { verifyArtifacts } from "../../packages/attestation/src/verify.ts";
import { VSA_TYPE } from "../../packages/attestation/src/vsa.ts";
import { envelopeCases } from "./refusals/envelope-cases.ts";
import {
  artifact,
  type Case,
  claims,
  forged,
  good,
  judge,
  logEntry,
  now,
  other,
  payloadOf,
  policy,
  reasons,
  roots,
  rootWithout,
  said,
  signed,
  signedAs,
  start,
  stop,
  subject,
  tag,
} from "./refusals/kit.ts";
import { provenanceCases } from "./refusals/provenance-cases.ts";
import { signerCases } from "./refusals/signer-cases.ts";
import { witnessCases } from "./refusals/witness-cases.ts";

const cases = { ...envelopeCases, ...signerCases, ...witnessCases, ...provenanceCases };

beforeAll(start);
afterAll(stop);

describe("verified, so that what follows is refused for its one fault", () => {
  test.each([
    ["the good bundle", () => ({})],
    [
      "artifacts under the paths that were attested, or by their name alone",
      async () => ({
        bundle: await signed({ payload: payloadOf(claims, [subject("a/index.js"), subject("b/index.js")]) }),
        artifacts: [subject("downloads/a/index.js", "a/index.js"), subject("index.js", "b/index.js")],
      }),
    ],
    [
      "a branch, where no ref is named",
      () => ({ policy: { sourceRefs: undefined, sourceDigest: undefined } as never }),
    ],
    ["a verification summary that passed", () => said(VSA_TYPE, { verificationResult: "PASSED" })],
    ["a bundle of two artifacts", () => ({ bundle: other, artifacts: [artifact, subject("other.tar.gz")] })],
    ["the log alone", async () => ({ bundle: await signed({ witnesses: ["rekor"] }) })],
    [
      "a timestamp alone, where the instance has no log",
      async () => ({ bundle: await signed({ witnesses: ["tsa"] }), roots: rootWithout("tlogs") }),
    ],
    ["a forger's bundle that says the truth", async () => ({ bundle: await forged(() => {}) })],
    ["a job with its own provenance", async () => ({ bundle: await signedAs({}) })],
    [
      "a reusable workflow that the policy names",
      async () => ({
        bundle: await signedAs({ job_workflow_ref: `octo/builder/.github/workflows/build.yml@refs/tags/v1` }),
        policy: { signerWorkflows: ["octo/builder/.github/workflows/build.yml"] },
      }),
    ],
    [
      "any workflow of the repository, where none is named",
      async () => ({
        bundle: await signedAs({ job_workflow_ref: `octo/app/.github/workflows/ci.yml@${tag}` }),
        policy: { signerWorkflows: undefined } as never,
      }),
    ],
  ] as [string, () => Case | Promise<Case>][])("%s", async (_, make) => {
    const verdicts = await judge(await make());
    expect(reasons(verdicts)).toBe("");
    expect(verdicts.every(({ verified }) => verified)).toBe(true);
  });
});

describe.each(Object.entries(cases))("%s", (_, of) => {
  test.each(Object.entries(of))("%s", async (_, [expected, make]) => {
    const verdicts = await judge(await make());
    expect(verdicts.every(({ verified }) => verified)).toBe(false);
    expect(reasons(verdicts)).toMatch(new RegExp(expected));
  });
});

test("a policy that names no signer is an error", async () => {
  const nobody = { sourceRepository: undefined, sourceRepositoryId: undefined, signerWorkflows: undefined } as never;
  await expect(judge({ policy: nobody })).rejects.toThrow("does not say whose signature it wants");
});

test.each([
  ["a signer for whatever repository", { sourceRepository: undefined, sourceRepositoryId: undefined }],
  ["an isolated build", { buildLevel3: ["octo/builder/.github/workflows/build.yml"] }],
])("a policy that names %s without a ref is an error", async (_, given) => {
  const policy = { signerWorkflows: ["octo/app/.github/workflows/release.yml"], ...given } as never;
  await expect(judge({ policy })).rejects.toThrow("says no ref");
});

test("a bad bundle beside a good one changes nothing", async () => {
  const options = { policy, roots, predicateType: PROVENANCE_TYPE, matchNames: true, now };
  const bad = logEntry((entry) => {
    entry.integratedTime = "1";
  });
  const bundles = [bad, {}, good].map((json, index) => ({ source: String(index), json, sha256: "" }));
  const [verdict] = await verifyArtifacts([artifact], bundles, options);
  expect([verdict?.verified, verdict?.level, verdict?.judgements[0]?.source]).toEqual([true, 2, "2"]);
});

test("the table in the docs is of these cases", () => {
  const count = Object.values(cases).reduce((sum, of) => sum + Object.keys(of).length, 0);
  const rows = Object.entries(cases).flatMap(([what, of]) =>
    Object.keys(of).map((wrong) => `| ${what} | ${wrong} |\n`),
  );
  const text = `# What slsa-attest/verify refuses\n\nEach row is a test: a bundle, artifact or policy that verifies, with this one thing wrong, does not. ${count} cases, by \`npx vitest run test/attest/refusals.test.ts\`, which also writes this page (\`REMAKE_DOCS=1\`).\n\n| what | wrong |\n| --- | --- |\n${rows.join("")}`;
  const file = join(import.meta.dirname, "../../action-docs/slsa-attest-refusals.md");
  if (process.env.REMAKE_DOCS === "1") writeFileSync(file, text);
  expect(readFileSync(file, "utf8")).toBe(text);
  expect(count).toBeGreaterThan(60);
});
