/** The release examples as their readers copy them, with a Sigstore on this machine in place of the public one. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { loadVerification, type Policy } from "@goatnote/attestation";
import { type RehearsalOptions, type Sigstore, startSigstore } from "@goatnote/rehearsal";
import { afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { unzip } from "../../packages/rehearsal/src/runner/standins/zip.ts";
import { build } from "../../scripts/build.ts";
import { Lab, type Outcome, root } from "../loop/lab.ts";

beforeAll(async () => {
  await build(); // which may take longer than a test
});

let lab: Lab;
let sigstore: Sigstore;
const hex = "586a866f990ab55e36decfffc2011f172e4452d5141c939a5436baffba11111d"; // of `built`
const sbom = {
  bomFormat: "CycloneDX",
  specVersion: "1.6",
  metadata: { component: { hashes: [{ alg: "SHA-256", content: hex }] } },
};

const scanner = `uses: anchore/scan-action@e1165082ffb1fe366ebaf02d8526e7c4989ea9d2 # v7.4.0
        with:
          sbom: dist/sbom.cdx.json
          severity-cutoff: high
          fail-build: true
`;

beforeEach(async () => {
  lab = await Lab.make({
    Makefile:
      "dist:\n\tmkdir dist\n\tprintf built > dist/app.tar.gz\n\tcp sbom.json dist/sbom.cdx.json\n.PHONY: dist\n",
    "sbom.json": JSON.stringify(sbom),
  });
  sigstore = await startSigstore(lab.backend);
});
afterEach(() => lab.close());

/** An example with what names this machine's Sigstore, and other words changed. */
function example(
  name: string,
  changes: Record<string, string> = {},
  scans = "run: test -s dist/sbom.cdx.json\n",
): string {
  const rootFile = join(lab.folder, ".git", "trusted_root.json");
  writeFileSync(rootFile, JSON.stringify(sigstore.trustedRoot));
  const { fulcioUrl, rekorUrl, tsaUrl } = sigstore;
  const given = (inputs: Record<string, string>) =>
    Object.entries(inputs)
      .map(([input, value]) => `          ${input}: ${value}\n`)
      .join("");
  const attest = { sigstore: "custom", "fulcio-url": fulcioUrl, "rekor-url": rekorUrl, "tsa-url": tsaUrl };
  let text = readFileSync(join(root, "workflows-examples", name), "utf8");
  // The scanner needs its database, which is not to be had here: its verdict is played.
  if (text.includes(scanner)) text = replaced(text, scanner, scans);
  for (const [from, to] of Object.entries({
    ...(text.includes("slsa-attest@v1") && {
      "uses: goatnote/slsa-attest@v1\n        with:\n": given({ ...attest, "trusted-root": rootFile }),
    }),
    ...(text.includes("slsa-attest/verify@v1") && {
      "uses: goatnote/slsa-attest/verify@v1\n        with:\n": given({
        "trusted-root": rootFile,
        issuer: lab.backend.url,
      }),
    }),
  }))
    text = replaced(text, from, from + to);
  for (const [from, to] of Object.entries(changes)) text = replaced(text, from, to);
  return text;
}

function replaced(text: string, from: string, to: string): string {
  if (!text.includes(from)) throw new Error(`the example no longer says ${JSON.stringify(from)}`);
  return text.replaceAll(from, () => to);
}

/** Commits the workflow, tags it and pushes the tag. */
function release(workflow: string, options: Partial<RehearsalOptions> = {}): Promise<Outcome> {
  const sha = lab.commit({ ".github/workflows/release.yml": workflow });
  const payload = { ref: "refs/tags/v1.2.3", before: "0".repeat(40), after: sha };
  const event = { name: "push", payload };
  return lab.rehearse({ workflow: ".github/workflows/release.yml", event, ref: "refs/tags/v1.2.3", sha, ...options });
}

test("a release is built, attested, verified and deployed", async () => {
  const outcome = await release(example("release.yml"));
  expect(outcome.conclusion, outcome.log).toBe("success");
  expect(outcome.outputs("slsa-attest/verify")).toMatchObject([
    { verified: "2", level: "2" },
    { verified: "2", level: "2" },
  ]);
  const [archive, ...more] = outcome.artifacts(/^attestations$/);
  expect(more).toEqual([]);
  const sums = unzip(archive!.content).find(({ name }) => name === "SHA256SUMS")!;
  // Of both steps: the SBOM is about one of the two files that the provenance is about.
  expect(sums.content.toString().split("\n")).toEqual([
    expect.stringMatching(/^[0-9a-f]{64} {2}sbom\.cdx\.json$/),
    `${hex}  app.tar.gz`,
    "",
  ]);
  expect(outcome.summary).toContain("Verified 2 artifacts");
});

test("what the scanner refuses is not deployed", async () => {
  const outcome = await release(example("release.yml", {}, "run: exit 1\n"));
  expect([outcome.conclusionOf("attest"), outcome.conclusionOf("scan"), outcome.conclusionOf("deploy")]).toEqual([
    "success",
    "failure",
    "skipped",
  ]);
});

test("archives of releases are verified again on a schedule", async () => {
  const released = await release(example("release.yml"));
  expect(released.conclusion, released.log).toBe("success");
  const [archive] = released.artifacts(/^attestations$/);
  const workflow = ".github/workflows/verify-archive.yml";
  const sha = lab.commit({ [workflow]: example("verify-archive.yml") });
  const files = unzip(archive!.content).map(({ name, content }) => [`v1.2.3/${name}`, content.toString()] as const);
  lab.git("checkout", "--quiet", "--orphan", "attestations");
  lab.git("rm", "-r", "--quiet", "--force", ".");
  lab.commit(Object.fromEntries(files));
  const again = () => {
    lab.git("checkout", "--quiet", "main");
    return lab.rehearse({ workflow, event: { name: "schedule", payload: {} }, ref: "refs/heads/main", sha });
  };
  const good = await again();
  expect(good.conclusion, good.log).toBe("success");
  // Two files in the provenance, and one with an SBOM.
  expect(good.outputs("slsa-attest/verify")).toMatchObject([{ verified: "3", aged: "0" }]);

  lab.git("checkout", "--quiet", "attestations");
  const [bundle, text] = files.find(([name]) => name.endsWith(".sbom.intoto.jsonl"))!;
  lab.commit({
    [bundle]: text.replace(/"sig":".{20}/, (start) => start.slice(0, -1) + (start.endsWith("A") ? "B" : "A")),
  });
  const bad = await again();
  expect(bad.conclusion).toBe("failure");
  expect(bad.annotations("error").join("\n")).toContain("1 of 4 artifacts are not verified");
});

test("what was changed on its way is not deployed", async () => {
  const tampering = "      - run: printf evil > dist/app.tar.gz\n      # Fails when one artifact is";
  const outcome = await release(example("release.yml", { "      # Fails when one artifact is": tampering }));
  expect([outcome.conclusion, outcome.conclusionOf("deploy")]).toEqual(["failure", "failure"]);
  expect(outcome.annotations("error").join("\n")).toContain("no attestation is about");
  const deploy = outcome.result.jobs.find(({ id }) => id === "deploy")?.steps.at(-1);
  expect(deploy).toMatchObject({ name: "Deploy", outcome: "skipped" });
});

test("what was added on its way, in a subfolder, is not deployed", async () => {
  const added = "      - run: mkdir dist/sub && printf evil > dist/sub/evil\n      # Fails when one artifact";
  const outcome = await release(example("release.yml", { "      # Fails when one artifact": added }));
  expect(outcome.conclusionOf("deploy")).toBe("failure");
  expect(outcome.annotations("error").join("\n")).toContain("1 of 3 artifacts are not verified");
});

test("an SBOM of something else is not attested", async () => {
  lab.commit({ "sbom.json": JSON.stringify(sbom).replace(hex, "0".repeat(64)) });
  const outcome = await release(example("release.yml"));
  expect([outcome.conclusionOf("attest"), outcome.conclusionOf("deploy")]).toEqual(["failure", "skipped"]);
});

test.each(["release.yml", "release-l3.yml"])(
  "an artifact that another job replaced is not attested (%s)",
  async (name) => {
    const upload = /uses: (actions\/upload-artifact@\w+)/.exec(example(name))![1]!;
    const evil = `  evil:
    needs: build
    runs-on: ubuntu-latest
    permissions: {}
    steps:
      - run: mkdir dist && printf evil > dist/app.tar.gz
      - uses: ${upload}
        with:
          name: dist
          path: dist
          overwrite: true

  attest:
    name: Attest
    needs: [build, evil]
`;
    const called: Record<string, string> =
      name === "release-l3.yml" ? { "  workflow_call:": '  push:\n    tags: ["v*"]' } : {};
    const outcome = await release(
      example(name, { ...called, "  attest:\n    name: Attest\n    needs: build\n": evil }),
    );
    expect([outcome.conclusionOf("evil"), outcome.conclusionOf("attest")], outcome.log).toEqual(["success", "failure"]);
    expect(lab.backend.state.attestations).toHaveLength(0);
  },
);

test("the reusable workflow builds and attests in jobs of their own", async () => {
  const { peekIdentity, readTrustedRoots, verifyArtifacts } = await loadVerification();
  // The runner here starts workflows by events only, so this one is started by the tag; it signs as the one that was called.
  const called = `octo/builder/.github/workflows/release-l3.yml@${"b2".repeat(20)}`;
  const started = { "  workflow_call:": '  push:\n    tags: ["v*"]' };
  const outcome = await release(example("release-l3.yml", started), { calledWorkflow: called });
  expect(outcome.conclusion, outcome.log).toBe("success");
  const [attested] = outcome.outputs("slsa-attest");
  expect(attested).toMatchObject({ subjects: "2" });
  const { signer, buildConfig, sourceRepository, signerDigest } = peekIdentity(
    lab.backend.state.attestations[0]!.bundle,
  );
  const server = lab.backend.serverUrl;
  expect({ signer, buildConfig, sourceRepository, signerDigest }).toEqual({
    signer: `${server}/${called}`,
    buildConfig: `${server}/octo/lab/.github/workflows/release.yml@refs/tags/v1.2.3`,
    sourceRepository: `${server}/octo/lab`,
    signerDigest: "b2".repeat(20),
  });

  // Its consumers list it, with the commit; who does not, takes nothing that it signed.
  const bundles = unzip(outcome.artifacts(/^attestations$/)[0]!.content);
  const bundle = JSON.parse(bundles.find(({ name }) => name.endsWith(".sigstore.json"))!.content.toString()) as object;
  const levels = async (policy: Partial<Policy>) => {
    const verdicts = await verifyArtifacts(
      [{ name: "app.tar.gz", digest: { sha256: hex } }],
      [{ source: "bundle", json: bundle, sha256: "" }],
      {
        policy: { server, issuer: lab.backend.url, sourceRepository: "octo/lab", ...policy },
        roots: readTrustedRoots(JSON.stringify(sigstore.trustedRoot), "root"),
        predicateType: "https://slsa.dev/provenance/v1",
        matchNames: true,
        now: new Date(),
      },
    );
    return verdicts.map(({ verified, level }) => [verified, level]);
  };
  expect(await levels({ signerWorkflows: [called] })).toEqual([[true, 2]]);
  expect(await levels({ signerWorkflows: [called], buildLevel3: [called] })).toEqual([[true, 3]]);
  expect(await levels({})).toEqual([[false, 0]]);
});
