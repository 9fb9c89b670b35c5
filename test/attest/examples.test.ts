/** The release examples as their readers copy them, with a Sigstore on this machine in place of the public one. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Sigstore, startSigstore } from "@goatnote/rehearsal";
import { afterEach, beforeAll, beforeEach, expect, test } from "vitest";
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
function example(name: string, changes: Record<string, string> = {}): string {
  const rootFile = join(lab.folder, ".git", "trusted_root.json");
  writeFileSync(rootFile, JSON.stringify(sigstore.trustedRoot));
  const { fulcioUrl, rekorUrl, tsaUrl } = sigstore;
  const given = (inputs: Record<string, string>) =>
    Object.entries(inputs)
      .map(([input, value]) => `          ${input}: ${value}\n`)
      .join("");
  const attest = { sigstore: "custom", "fulcio-url": fulcioUrl, "rekor-url": rekorUrl, "tsa-url": tsaUrl };
  let text = readFileSync(join(root, "workflows-examples", name), "utf8");
  for (const [from, to] of Object.entries({
    "uses: goatnote/slsa-attest@v1\n        with:\n": given({ ...attest, "trusted-root": rootFile }),
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
function release(workflow: string): Promise<Outcome> {
  const sha = lab.commit({ ".github/workflows/release.yml": workflow });
  const payload = { ref: "refs/tags/v1.2.3", before: "0".repeat(40), after: sha };
  const event = { name: "push", payload };
  return lab.rehearse({ workflow: ".github/workflows/release.yml", event, ref: "refs/tags/v1.2.3", sha });
}

test("a release is built, attested, verified and deployed", async () => {
  const outcome = await release(example("release.yml"));
  expect(outcome.conclusion, outcome.log).toBe("success");
  expect(outcome.outputs("slsa-attest/verify")).toMatchObject([{ verified: "1", level: "2" }]);
  expect(outcome.artifacts(/^attestations$/)).toHaveLength(1);
  expect(outcome.summary).toContain("Verified 1 artifact");
});

test("what was changed on its way is not deployed", async () => {
  const tampering = "      - run: printf evil > dist/app.tar.gz\n      # Fails when one artifact";
  const outcome = await release(example("release.yml", { "      # Fails when one artifact": tampering }));
  expect([outcome.conclusion, outcome.conclusionOf("deploy")]).toEqual(["failure", "failure"]);
  expect(outcome.annotations("error").join("\n")).toContain("no attestation is about");
  const deploy = outcome.result.jobs.find(({ id }) => id === "deploy")?.steps.at(-1);
  expect(deploy).toMatchObject({ name: "Deploy", outcome: "skipped" });
});

test("what was added on its way, in a subfolder, is not deployed", async () => {
  const added = "      - run: mkdir dist/sub && printf evil > dist/sub/evil\n      # Fails when one artifact";
  const outcome = await release(example("release.yml", { "      # Fails when one artifact": added }));
  expect(outcome.conclusionOf("deploy")).toBe("failure");
  expect(outcome.annotations("error").join("\n")).toContain("1 of 2 artifacts are not verified");
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
  // As if it had been called: the runner here starts workflows by events only.
  const outcome = await release(example("release-l3.yml", { "  workflow_call:": '  push:\n    tags: ["v*"]' }));
  expect(outcome.conclusion, outcome.log).toBe("success");
  const [attested] = outcome.outputs("slsa-attest");
  expect(attested).toMatchObject({ subjects: "2" });
});
