/** What is kept: bundles as an artifact and in a release, archives that are verified again, and what has aged behind them. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DefaultArtifactClient } from "@actions/artifact";
import { run } from "@goatnote/action-io";
import { Refusal } from "@goatnote/rehearsal";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { unzip } from "../../packages/rehearsal/src/runner/standins/zip.ts";
import { build } from "../../scripts/build.ts";
import { AttestLab } from "./lab.ts";

beforeAll(async () => {
  await build(); // which may take longer than a test
});

let lab: AttestLab;
afterEach(() => lab.close());
async function open(): Promise<void> {
  lab = await AttestLab.make();
  lab.write({ "dist/app.tar.gz": "built" });
}
const inputs = { "subject-path": "dist/app.tar.gz" };
const archived = [
  "SHA256SUMS",
  "VERIFY.md",
  "app.tar.gz.intoto.jsonl",
  "app.tar.gz.sigstore.json",
  "trusted_root.json",
];

describe("an artifact of the run", () => {
  /** Asks by the official client, as the job that uploaded. */
  async function asJob<T>(ask: (client: DefaultArtifactClient) => Promise<T>): Promise<T> {
    const { ACTIONS_RUNTIME_TOKEN, ACTIONS_RESULTS_URL } = lab.env;
    Object.assign(process.env, { ACTIONS_RUNTIME_TOKEN, ACTIONS_RESULTS_URL, GITHUB_SERVER_URL: "https://github.com" });
    try {
      return await ask(new DefaultArtifactClient());
    } finally {
      for (const name of ["ACTIONS_RUNTIME_TOKEN", "ACTIONS_RESULTS_URL", "GITHUB_SERVER_URL"])
        delete process.env[name];
    }
  }

  test("is what the official client finds, and verifies as it is", async () => {
    await open();
    const signed = await lab.attest({ ...inputs, upload: "artifact" });
    expect(signed.code, signed.log).toBe(0);
    const folder = join(lab.workspace, "got");
    await asJob(async (client) => {
      const { artifact } = await client.getArtifact("attestations");
      const { digestMismatch } = await client.downloadArtifact(artifact.id, {
        path: folder,
        expectedHash: artifact.digest!,
      });
      expect(digestMismatch).toBe(false);
    });
    expect(readdirSync(folder).sort()).toEqual(archived);
    for (const name of archived)
      expect(readFileSync(join(folder, name), "utf8")).toBe(readFileSync(join(lab.workspace, "out", name), "utf8"));
    const verified = await lab.verify({ "archive-path": "got" });
    expect(verified.code, verified.log).toBe(0);
    expect(lab.stored()).toBe(0);
  });

  test("has another name for another predicate, or the one that is given, once per run", async () => {
    await open();
    lab.write({ "p.json": "{}" });
    const custom = { predicate: "custom", "predicate-type": "https://example.org/x", "predicate-path": "p.json" };
    expect((await lab.attest({ ...inputs, ...custom, upload: "artifact" })).code).toBe(0);
    expect((await lab.attest({ ...inputs, upload: "artifact", "artifact-name": "mine" })).code).toBe(0);
    expect(lab.backend.state.artifacts.map(({ name }) => name)).toEqual(["attestations-custom", "mine"]);
    const again = await lab.attest({ ...inputs, upload: "artifact", "artifact-name": "mine" });
    expect(again.code).toBe(1);
    expect(again.log).toContain("This run has an artifact mine already. Name another in `artifact-name`.");
    const wrong = await lab.attest({ ...inputs, upload: "artifact", "artifact-name": "a/b" });
    expect(wrong.code).toBe(1);
  });

  test("is uploaded by the requests that the official client makes", async () => {
    await open();
    const asked: { path: string; json: Record<string, unknown> }[] = [];
    lab.intercept((path, body) => {
      if (path.includes("ArtifactService"))
        asked.push({ path, json: JSON.parse(body.toString()) as Record<string, unknown> });
      return undefined;
    });
    expect((await lab.attest({ ...inputs, upload: "artifact", "artifact-name": "ours" })).code).toBe(0);
    const ours = asked.splice(0);
    const folder = mkdtempSync(join(tmpdir(), "theirs-"));
    writeFileSync(join(folder, "file"), "content");
    await asJob((client) => client.uploadArtifact("theirs", [join(folder, "file")], folder));
    rmSync(folder, { recursive: true });
    const shape = ({ path, json }: (typeof asked)[number]) => ({
      path,
      // What differs by content has the same form.
      json: {
        ...json,
        name: "",
        ...("size" in json && { size: /^\d+$/.test(String(json.size)) }),
        ...("hash" in json && { hash: /^sha256:[0-9a-f]{64}$/.test(String(json.hash)) }),
      },
    });
    expect(ours.map(shape)).toEqual(asked.map(shape));
    expect(ours).toHaveLength(2);
  });

  test.each(["CreateArtifact", "FinalizeArtifact", "blobs"])("when %s fails at times", async (part) => {
    await open();
    let count = 0;
    lab.intercept((path) => {
      if (path.includes(part) && count++ === 0) throw new Refusal(503, "overloaded");
      return undefined;
    });
    const signed = await lab.attest({ ...inputs, upload: "artifact" });
    expect(signed.code, signed.log).toBe(0);
    expect(signed.log).toContain("GitHub did not take the artifact attestations: it answered 503");
    lab.intercept((path) => {
      if (path.includes(part)) throw new Refusal(403, "no");
      return undefined;
    });
    const refused = await lab.attest({
      ...inputs,
      upload: "artifact",
      "artifact-name": "other",
      "on-unavailable": "warn",
    });
    expect(refused.code, refused.log).toBe(0);
    expect(refused.log).toMatch(/::warning::The attestations are in .*GitHub did not take the artifact other/);
  });
});

describe("several steps into one folder", () => {
  const sums = (text = readFileSync(join(lab.workspace, "out/SHA256SUMS"), "utf8")) =>
    text
      .trim()
      .split("\n")
      .map((line) => line.split("  ")[1])
      .sort();
  const custom = (type: string) => ({
    predicate: "custom",
    "predicate-type": `https://example.org/${type}`,
    "predicate-path": "p.json",
  });
  const second = { "subject-path": "dist/tool.whl", ...custom("x") };
  async function first(): Promise<void> {
    await open();
    lab.write({ "dist/tool.whl": "wheel", "dist/other/app.tar.gz": "another", "p.json": "{}" });
    expect((await lab.attest({ ...inputs, ...custom("x") })).code).toBe(0);
  }

  test("keep the checksums of all, and what a step uploads has those of its own", async () => {
    await first();
    const ended = await lab.attest({ ...second, upload: "artifact" });
    expect(ended.code, ended.log).toBe(0);
    expect(sums()).toEqual(["app.tar.gz", "tool.whl"]);
    const [artifact] = lab.backend.state.artifacts;
    const uploaded = unzip(lab.backend.state.blobs.get(artifact!.blob)!.content!);
    expect(sums(uploaded.find(({ name }) => name === "SHA256SUMS")!.content.toString())).toEqual(["tool.whl"]);
    const verified = await lab.verify({ "archive-path": "out" });
    expect([verified.code, verified.outputs.verified], verified.log).toEqual([0, "2"]);
    expect((await lab.attest(second)).code).toBe(0); // again
    expect(sums()).toEqual(["app.tar.gz", "tool.whl"]);
  });

  test("leave no index that is about an earlier joint file", async () => {
    await first();
    const both = { "subject-path": "dist/*.*" };
    expect((await lab.attest({ ...both, bundle: "per-subject" })).code).toBe(0);
    expect(readdirSync(join(lab.workspace, "out"))).toContain("multiple.index.json");
    const joint = await lab.attest(both);
    expect(joint.code, joint.log).toBe(0);
    expect(readdirSync(join(lab.workspace, "out"))).not.toContain("multiple.index.json");
  });

  test.each([
    [
      "another artifact of the same name",
      { "subject-path": "dist/other/app.tar.gz" },
      'another "app.tar.gz", which has other content',
    ],
    [
      "a bundle of another type under the same name",
      { ...inputs, ...custom("y") },
      "the type https://example.org/x, which would be overwritten",
    ],
    [
      "a bundle about others under the same name",
      { "subject-path": "dist/app_tar.gz", ...custom("x") },
      '"app#tar.gz", which would be overwritten',
    ],
  ])("lose nothing: %s is refused before anything is signed", async (_, given, message) => {
    await first();
    lab.write({ "dist/app#tar.gz": "hash", "dist/app_tar.gz": "line" });
    expect((await lab.attest({ "subject-path": "dist/app#tar.gz", ...custom("x") })).code).toBe(0);
    const before = lab.sigstore.log.size;
    const refused = await lab.attest(given as Record<string, string>);
    expect(refused.code).toBe(1);
    expect(refused.log).toContain(message);
    expect(refused.log).toContain("Name another `output-dir` for this step");
    expect(lab.sigstore.log.size).toBe(before);
    expect((await lab.verify({ "archive-path": "out" })).code).toBe(0);
  });
});

test("a ZIP archive of everything in a release, as Python reads it", async () => {
  await open();
  lab.backend.state.releases.push({ id: 7, tag_name: "v1.2.3", draft: true, immutable: false, assets: [] });
  const signed = await lab.attest({ ...inputs, upload: "release" });
  expect(signed.code, signed.log).toBe(0);
  const whole = lab.backend.state.releases[0]!.assets.find(({ name }) => name === "app.tar.gz.attestations.zip")!;
  lab.write({ "whole.zip": whole.content });
  const script =
    "import sys, zipfile; z = zipfile.ZipFile('whole.zip'); assert z.testzip() is None; z.extractall('whole')";
  await run([process.platform === "win32" ? "python" : "python3", "-c", script], { cwd: lab.workspace });
  expect(readdirSync(join(lab.workspace, "whole")).sort()).toEqual(archived);
  const verified = await lab.verify({ "archive-path": "whole" });
  expect(verified.code, verified.log).toBe(0);
});

describe("an archive, verified again", () => {
  const sbom = { bomFormat: "CycloneDX", specVersion: "1.6" };
  async function archive(): Promise<void> {
    await open();
    lab.write({ "dist/tool.whl": "wheel", "sbom.json": JSON.stringify(sbom) });
    const kinds: Record<string, string>[] = [
      { bundle: "per-subject" },
      { predicate: "sbom", "sbom-path": "sbom.json" },
    ];
    for (const predicate of kinds) {
      const signed = await lab.attest({ "subject-path": "dist/*", upload: "none", ...predicate });
      expect(signed.code, signed.log).toBe(0);
    }
  }
  const report = (file: string | undefined) =>
    JSON.parse(readFileSync(file!, "utf8")) as { aged: { what: string; end: string; note: string }[] };
  type TrustedRoot = {
    tlogs: { publicKey: { validFor: object } }[];
    certificateAuthorities: { validFor: object }[];
    timestampAuthorities: { validFor: object }[];
  };
  /** The root as it is later, when what signed has been retired. */
  function later(change: (root: TrustedRoot) => void): void {
    const root = JSON.parse(JSON.stringify(lab.sigstore.trustedRoot)) as TrustedRoot;
    change(root);
    lab.write({ "later.json": JSON.stringify(root) });
  }
  const start = "2020-01-01T00:00:00Z";
  const day = 86_400_000;
  const inDays = (days: number) => new Date(Date.now() + days * day).toISOString();

  test("every bundle of every kind, and what lies beside them", async () => {
    await archive();
    const verified = await lab.verify({ "archive-path": "out" });
    expect(verified.code, verified.log + verified.summary).toBe(0);
    // Two of provenance and one SBOM about both.
    expect(verified.outputs).toMatchObject({ verified: "4", level: "2", aged: "0" });
    lab.write({ "out/app.tar.gz": "built" });
    expect((await lab.verify({ "archive-path": "ou*" })).code).toBe(0);
    lab.write({ "out/app.tar.gz": "rotten" });
    const rotten = await lab.verify({ "archive-path": "out" });
    expect(rotten.code).toBe(1);
    expect(rotten.summary).toContain("the file in the archive out has another content than its checksum says");
  });

  test("what lies there is compared with what was signed, whatever SHA256SUMS says of it", async () => {
    await archive();
    lab.write({ "out/app.tar.gz": "rotten" });
    edit("SHA256SUMS", (text) => text.replace(/^.*app\.tar\.gz\n/gm, ""));
    const rotten = await lab.verify({ "archive-path": "out" });
    expect(rotten.code, rotten.log).toBe(1);
    const message = "what lies in the archive out under this name has another content than was attested";
    expect(rotten.log).toContain(message);
    rmSync(join(lab.workspace, "out/SHA256SUMS"));
    expect((await lab.verify({ "archive-path": "out" })).log).toContain(message);
    lab.write({ "out/app.tar.gz": "built" });
    const sound = await lab.verify({ "archive-path": "out" });
    expect(sound.code, sound.log).toBe(0);
    rmSync(join(lab.workspace, "out/app.tar.gz"));
    mkdirSync(join(lab.workspace, "out/app.tar.gz"));
    const folder = await lab.verify({ "archive-path": "out" });
    expect(folder.code).toBe(1);
    expect(folder.log).toContain("what lies in the archive out under this name is no file");
  });

  test("a name that only begins with two dots is inside, and what nothing is about is named", async () => {
    await open();
    lab.write({ "dist/..tool": "tool" });
    const signed = await lab.attest({ "subject-path": "dist/..tool", upload: "none" });
    expect(signed.code, signed.log).toBe(0);
    lab.write({ "out/..tool": "tool", "out/sub/extra.sh": "echo extra" });
    const verified = await lab.verify({ "archive-path": "out" });
    expect(verified.code, verified.log).toBe(0);
    expect(verified.log.match(/::warning.*/g)).toEqual([
      expect.stringContaining("title=Not attested::out/sub/extra.sh lies in the archive"),
    ]);
    expect(verified.summary).toContain("out/sub/extra.sh");
    lab.write({ "out/..tool": "rotten" });
    expect((await lab.verify({ "archive-path": "out" })).code).toBe(1);
  });

  test("an artifact without provenance has no level, whatever the others have", async () => {
    await archive();
    const levels = async () => {
      const { code, outputs, log } = await lab.verify({ "archive-path": "out" });
      expect(code, log).toBe(0);
      const vsa = JSON.parse(readFileSync(outputs.vsa!, "utf8")) as { verifiedLevels: string[] };
      return [outputs.level, vsa.verifiedLevels];
    };
    expect(await levels()).toEqual(["2", ["SLSA_BUILD_LEVEL_2"]]);
    for (const kind of ["intoto.jsonl", "sigstore.json"]) rmSync(join(lab.workspace, `out/tool.whl.${kind}`));
    edit("multiple.intoto.jsonl", (text) => text.split("\n")[0]!);
    expect(await levels()).toEqual(["", []]);
  });

  test("says which keys and certificates are out of use, or soon will be", async () => {
    await archive();
    const end = inDays(30);
    later((root) => {
      root.tlogs[0]!.publicKey.validFor = { start, end };
      root.certificateAuthorities[0]!.validFor = { start, end: new Date(Date.now() + 1000).toISOString() };
    });
    await new Promise((resolve) => setTimeout(resolve, 1500)); // it signed, and then it ended
    const verified = await lab.verify({ "archive-path": "out", "trusted-root": "later.json" });
    expect(verified.code, verified.log).toBe(0);
    expect(verified.outputs.aged).toBe("2");
    expect(report(verified.outputs.report).aged).toMatchObject([
      {
        what: expect.stringMatching(/^certificate authority /),
        note: expect.stringMatching(/^It signs nothing any more/),
      },
      {
        what: expect.stringMatching(/^key of the log http/),
        end: end.slice(0, 10),
        note: expect.stringMatching(/^What it signs until then/),
      },
    ]);
    expect(verified.summary).toContain("What has aged");
    expect(verified.log).toMatch(/::warning title=Aged%3A out::key of the log/);
  });

  test("fails under a root that has moved on, and says when only the archive's own would do", async () => {
    await archive();
    later((root) => root.tlogs.splice(0, 1));
    const moved = await lab.verify({ "archive-path": "out", "trusted-root": "later.json" });
    expect(moved.code).toBe(1);
    expect(moved.log).toContain("only the archive's own snapshot of the trusted root still vouches for it");
    expect((await lab.verify({ "archive-path": "out", "trusted-root": "out/trusted_root.json" })).code).toBe(0);
    rmSync(join(lab.workspace, "out/trusted_root.json"));
    const without = await lab.verify({ "archive-path": "out" });
    expect([without.code, without.outputs.aged]).toEqual([0, "1"]);
    expect(without.log).toContain("has no snapshot of it");
  });

  test.each<[string, () => void, string]>([
    [
      "a bundle was changed",
      () => edit("app.tar.gz.sigstore.json", (text) => text.replace(/"sig":"..../, '"sig":"AAAA')),
      "not verified",
    ],
    ["a bundle was cut short", () => edit("multiple.intoto.jsonl", (text) => text.slice(0, -100)), "is damaged"],
    ["a bundle holds nothing", () => edit("app.tar.gz.sigstore.json", () => "{}"), "is damaged"],
    [
      "a checksum was changed",
      () => edit("SHA256SUMS", (text) => text.replace(/^...../, "00000")),
      "no attestation in the archive",
    ],
    [
      "an artifact was added",
      () => edit("SHA256SUMS", (text) => `${text}${"0".repeat(64)}  more\n`),
      "no attestation in the archive",
    ],
    ["the snapshot is none", () => edit("trusted_root.json", () => "{}"), "is no trusted root"],
    ["it is another folder", () => mkdirSync(join(lab.workspace, "empty")), "is no archive: it holds no bundles"],
    ["it is not there", () => {}, "No folder matches"],
  ])("fails when %s", async (what, spoil, message) => {
    await archive();
    spoil();
    const folder = { "it is another folder": "empty", "it is not there": "gone" }[what] ?? "out";
    const ended = await lab.verify({ "archive-path": folder });
    expect(ended.code).toBe(1);
    expect(ended.log).toContain(message);
  });
  function edit(name: string, change: (text: string) => string): void {
    const path = join(lab.workspace, "out", name);
    const before = readFileSync(path, "utf8");
    writeFileSync(path, change(before));
    if (readFileSync(path, "utf8") === before) throw new Error(`${name} is as it was`);
  }

  test("keeps to the policy, and takes no other inputs", async () => {
    await archive();
    const other = await lab.verify({ "archive-path": "out", "source-repository": "octo/other" });
    expect(other.code).toBe(1);
    expect(other.log).toContain("4 of 4 artifacts are not verified. source repository");
    const both = await lab.verify({ "archive-path": "out", "subject-path": "dist/*" });
    expect(both.log).toContain("Input `subject-path` does not go with `archive-path`");
  });
});
