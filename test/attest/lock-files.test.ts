/** Lock files of the commit in the provenance, as git and nix see them. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Statement } from "@goatnote/attestation";
import { afterEach, beforeAll, expect, test } from "vitest";
import { build } from "../../scripts/build.ts";
import { AttestLab } from "./lab.ts";

beforeAll(async () => {
  await build(); // which may take longer than a test
});

let lab: AttestLab;
afterEach(() => lab.close());

const revision = "c3".repeat(20);
const flake = JSON.stringify({
  nodes: {
    nixpkgs: {
      locked: {
        lastModified: 1,
        narHash: `sha256-${Buffer.alloc(32, 7).toString("base64")}`,
        owner: "NixOS",
        repo: "nixpkgs",
        rev: revision,
        type: "github",
      },
      original: { owner: "NixOS", repo: "nixpkgs", type: "github" },
    },
    root: { inputs: { nixpkgs: "nixpkgs" } },
  },
  root: "root",
  version: 7,
});
const files: Record<string, string> = {
  "package-lock.json": "{}",
  "Cargo.lock": "version = 4\n",
  "flake.lock": flake,
  "requirements.txt": "numpy==2.0\n",
  "tools/uv.lock": "version = 1\n",
  "README.md": "# App\n",
};

const git = (...args: string[]): string =>
  execFileSync("git", ["-C", lab.workspace, "-c", "user.name=Ada", "-c", "user.email=ada@example.org", ...args], {
    encoding: "utf8",
  }).trim();

/** A checkout of the commit that the run is about. */
async function open(committed = files): Promise<void> {
  lab = await AttestLab.make();
  lab.write(committed);
  git("init", "--quiet");
  git("add", ".");
  git("commit", "--quiet", "-m", "Start");
  lab.run.sha = git("rev-parse", "HEAD");
  lab.write({ "dist/app.tar.gz": "built" });
}

async function dependencies(inputs: Record<string, string> = {}) {
  const signed = await lab.attest({ "subject-path": "dist/app.tar.gz", upload: "none", ...inputs });
  expect(signed.code, signed.log).toBe(0);
  const [line = ""] = readFileSync(join(lab.workspace, "out/app.tar.gz.intoto.jsonl"), "utf8").split("\n");
  const { dsseEnvelope } = JSON.parse(line) as { dsseEnvelope: { payload: string } };
  const { predicate } = JSON.parse(Buffer.from(dsseEnvelope.payload, "base64").toString()) as Statement;
  const { buildDefinition } = predicate as {
    buildDefinition: { resolvedDependencies: { name?: string; uri: string; digest: Record<string, string> }[] };
  };
  return buildDefinition.resolvedDependencies;
}
const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

test("those at the root of the commit, whatever the build left on the disk, and each input of a flake", async () => {
  await open();
  lab.write({ "package-lock.json": "{ changed by the build }", "yarn.lock": "made by the build" });
  const [commit, ...rest] = await dependencies();
  const base = `git+${lab.backend.serverUrl}/octo/app@refs/tags/v1.2.3`;
  expect(commit).toEqual({ uri: base, digest: { gitCommit: lab.run.sha } });
  const lock = (name: string) => ({
    name,
    uri: `${base}#${name}`,
    digest: { sha256: sha256(files[name]!), gitBlob: git("rev-parse", `HEAD:${name}`) },
  });
  expect(rest).toEqual([
    lock("package-lock.json"),
    lock("Cargo.lock"),
    lock("flake.lock"),
    {
      name: "nixpkgs",
      uri: `github:NixOS/nixpkgs/${revision}`,
      digest: { "nix-nar-sha256": "07".repeat(32), gitCommit: revision },
    },
  ]);
  const verified = await lab.verify({ "subject-path": "dist/app.tar.gz", "bundle-path": "out/*.jsonl" });
  expect(verified.code, verified.log).toBe(0);
});

test("requirements only where they fix something, and none where none are wanted", async () => {
  await open({ "requirements.txt": `numpy==2.0 \\\n    --hash=sha256:${"0".repeat(64)}\n` });
  expect((await dependencies()).map(({ name }) => name)).toEqual([undefined, "requirements.txt"]);
  expect(await dependencies({ "lock-files": "none" })).toHaveLength(1);
});

test("those that are named, beside a list of one's own", async () => {
  await open();
  lab.write({ "deps.json": JSON.stringify([{ uri: "pkg:x", digest: { sha256: "00" } }]) });
  const found = await dependencies({
    "lock-files": "tools/uv.lock\nrequirements.txt",
    "resolved-dependencies": "deps.json",
  });
  expect(found.map(({ uri }) => uri.split("#")[1] ?? uri)).toEqual([
    expect.stringContaining("git+"),
    "tools/uv.lock",
    "requirements.txt",
    "pkg:x",
  ]);
});

test("none without a checkout of that commit", async () => {
  await open();
  lab.run.sha = "d4".repeat(20);
  expect(await dependencies()).toHaveLength(1);
});

test.each([
  ["tools/gone.lock", "has no file tools/gone.lock"],
  ["../Cargo.lock", "Input `lock-files`"],
  ["auto\nCargo.lock", "Input `lock-files`"],
])("%j is an error", async (named, message) => {
  await open();
  const ended = await lab.attest({ "subject-path": "dist/app.tar.gz", "lock-files": named });
  expect(ended.code).toBe(1);
  expect(ended.log).toContain(message);
  expect(lab.sigstore.log.size).toBe(0);
});

test("a lock file of a flake that is none is an error", async () => {
  await open({ "flake.lock": "{}" });
  const ended = await lab.attest({ "subject-path": "dist/app.tar.gz" });
  expect(ended.code).toBe(1);
  expect(ended.log).toContain("flake.lock of the commit is no lock file of a flake");
});
