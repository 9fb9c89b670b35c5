/** Our bundles before the clients of others, and theirs before ours, with the network cut off. */
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { run } from "@goatnote/action-io";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { describeWithPeer } from "../peers.ts";
import { AttestLab } from "./lab.ts";

let lab: AttestLab;
beforeAll(async () => {
  lab = await AttestLab.make();
  lab.write({ "dist/app.tar.gz": "built", "dist/tampered": "tampered" });
});
afterAll(() => lab.close());

// Without a network, not even loopback: what verifies has everything it needs.
const canUnshare = spawnSync("unshare", ["-rn", "true"]).status === 0;
const offline = (argv: string[]): [string, ...string[]] => (canUnshare ? ["unshare", "-rn", ...argv] : argv) as never;

interface Kind {
  inputs: Record<string, string>;
  /** What the log and the timestamp authority left in it. */
  log: 0 | 1 | 2;
  timestamp: boolean;
}
const kinds: Record<string, () => Kind> = {
  "Rekor v1 and a timestamp": () => ({ inputs: {}, log: 1, timestamp: true }),
  "Rekor v1 alone": () => ({ inputs: { "tsa-url": "" }, log: 1, timestamp: false }),
  "a timestamp alone, as GitHub's instance gives": () => ({
    inputs: { "rekor-url": "", "trusted-root": "" },
    log: 0,
    timestamp: true,
  }),
  "Rekor v2 and a timestamp": () => ({
    inputs: { "rekor-url": lab.sigstore.rekorTilesUrl, "rekor-version": "2" },
    log: 2,
    timestamp: true,
  }),
};

/** The bundle of a kind, made once. */
const made = new Map<string, Promise<{ bundle: string; kind: Kind }>>();
function bundleOf(name: string): Promise<{ bundle: string; kind: Kind }> {
  const known = made.get(name) ?? make(name);
  made.set(name, known);
  return known;
}
async function make(name: string): Promise<{ bundle: string; kind: Kind }> {
  const kind = kinds[name]!();
  const folder = `out-${Object.keys(kinds).indexOf(name)}`;
  const inputs = { "subject-path": "dist/app.tar.gz", "output-dir": folder, upload: "none", ...kind.inputs };
  const ended = await lab.attest(inputs);
  expect(ended.code, ended.log).toBe(0);
  return { bundle: join(lab.workspace, folder, "app.tar.gz.sigstore.json"), kind };
}

/** Whether a client accepts an artifact by a bundle, and what it said. */
async function asked(argv: string[]): Promise<{ accepted: boolean; said: string }> {
  const { code, stdout, stderr } = await run(offline(argv), { check: false, timeoutMs: 60_000 });
  return { accepted: code === 0, said: stdout + stderr };
}

type Client = (bundle: string, kind: Kind, artifact: string, signer: string) => string[];

/** The matrix for one client: every kind that it knows, the tampered artifact, and another signer. */
function accepts(client: Client, knows: (name: string) => boolean = () => true): void {
  test.each(Object.keys(kinds).filter(knows))("%s", async (name) => {
    const { bundle, kind } = await bundleOf(name);
    const ask = (artifact: string, signer = lab.signer) =>
      asked(client(bundle, kind, join(lab.workspace, artifact), signer));
    const good = await ask("dist/app.tar.gz");
    expect(good.accepted, good.said).toBe(true);
    expect((await ask("dist/tampered")).accepted).toBe(false);
    expect((await ask("dist/app.tar.gz", `${lab.signer}4`)).accepted).toBe(false);
  });
}

const root = () => join(lab.workspace, "trusted_root.json");
const provenance = "https://slsa.dev/provenance/v1";

describe("ours", () => {
  describeWithPeer("cosign", (cosign) => {
    accepts((bundle, { log, timestamp }, artifact, signer) => [
      cosign,
      "verify-blob-attestation",
      ...["--bundle", bundle, "--trusted-root", root(), "--type", provenance],
      ...["--certificate-identity", signer, "--certificate-oidc-issuer", lab.backend.url],
      ...(log === 0 ? ["--insecure-ignore-tlog"] : []),
      ...(timestamp ? ["--use-signed-timestamps"] : []),
      artifact,
    ]);

    test("the commands in the archive", async () => {
      const { bundle } = await bundleOf("Rekor v1 and a timestamp");
      const folder = join(bundle, "..");
      lab.write({ "out-0/app.tar.gz": "built" });
      const text = readFileSync(join(folder, "VERIFY.md"), "utf8");
      const command = /```sh\ncosign (.*?)\n```/s.exec(text)?.[1] ?? "";
      const script = `'${cosign}' ${command}`;
      const ask = () => run(offline(["bash", "-c", script]), { cwd: folder, check: false });
      const good = await ask();
      expect(good.code, good.stderr).toBe(0);
      lab.write({ "out-0/app.tar.gz": "tampered" });
      expect((await ask()).code).not.toBe(0);
    });
  });

  describeWithPeer("cosign-2", (cosign) => {
    accepts((bundle, { log, timestamp }, artifact, signer) => [
      cosign,
      "verify-blob-attestation",
      ...[
        "--new-bundle-format",
        "--offline",
        "--bundle",
        bundle,
        "--trusted-root",
        root(),
        "--type",
        "slsaprovenance1",
      ],
      ...["--certificate-identity", signer, "--certificate-oidc-issuer", lab.backend.url],
      ...(log === 0 ? ["--insecure-ignore-tlog"] : []),
      ...(timestamp ? ["--use-signed-timestamps"] : []),
      artifact,
    ]);
  });

  describeWithPeer("sigstore-go", (verifier) => {
    accepts((bundle, { log }, artifact, signer) => [
      verifier,
      ...["-trustedrootJSONpath", root(), "-expectedIssuer", lab.backend.url, "-expectedSAN", signer],
      ...(log === 0 ? ["-requireTlog=false"] : []),
      ...["-artifact", artifact, bundle],
    ]);
  });

  describe("with slsa-attest/verify", () => {
    test.each(Object.keys(kinds))("%s", async (name) => {
      const { bundle, kind } = await bundleOf(name);
      const withoutLog = { ...lab.sigstore.trustedRoot, tlogs: [] };
      lab.write({ "no-log.json": JSON.stringify(withoutLog) });
      const given = {
        "subject-path": "dist/app.tar.gz",
        "bundle-path": bundle,
        "trusted-root": kind.log === 0 ? "no-log.json" : "trusted_root.json",
      };
      const good = await lab.verify(given);
      expect(good.code, good.log).toBe(0);
      const bad = await lab.verify({ ...given, "subject-path": "dist/tampered", "match-names": "false" });
      expect(bad.code).toBe(1);
    });
  });
});

describe("theirs, before slsa-attest/verify", () => {
  describeWithPeer("cosign", (cosign) => {
    test.each([1, 2])("logged in Rekor v%s", async (version) => {
      const folder = join(lab.workspace, `theirs-${version}`);
      mkdirSync(folder);
      const file = (name: string, content: unknown) => {
        const path = join(folder, name);
        writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
        return path;
      };
      const { rekorUrl, rekorTilesUrl } = lab.sigstore;
      const bundle = join(folder, "bundle.json");
      const argv: [string, ...string[]] = [
        cosign,
        ...["attest-blob", "--yes", "--bundle", bundle, "--trusted-root", root()],
        ...["--predicate", file("predicate.json", await predicateOf("Rekor v1 and a timestamp")), "--type", provenance],
        ...["--signing-config", file("signing.json", signingConfig(version === 1 ? rekorUrl : rekorTilesUrl, version))],
        ...["--identity-token", file("token", await idToken())],
        join(lab.workspace, "dist/app.tar.gz"),
      ];
      const signed = await run(argv, { check: false, timeoutMs: 60_000 });
      expect(signed.code, signed.stderr).toBe(0);
      const given = { "subject-path": "dist/app.tar.gz", "bundle-path": bundle };
      const good = await lab.verify(given);
      expect(good.code, good.log).toBe(0);
      const bad = await lab.verify({ ...given, "source-repository": "octo/other" });
      expect(bad.code).toBe(1);
      expect(bad.log).toContain("source repository");
    });
  });
});

async function predicateOf(name: string): Promise<object> {
  const { bundle } = await bundleOf(name);
  const { dsseEnvelope } = JSON.parse(readFileSync(bundle, "utf8")) as { dsseEnvelope: { payload: string } };
  return (JSON.parse(Buffer.from(dsseEnvelope.payload, "base64").toString()) as { predicate: object }).predicate;
}

async function idToken(): Promise<string> {
  const { ACTIONS_ID_TOKEN_REQUEST_URL: url, ACTIONS_ID_TOKEN_REQUEST_TOKEN: token } = lab.env;
  const answer = await fetch(`${url}&audience=sigstore`, { headers: { authorization: `Bearer ${token}` } });
  return ((await answer.json()) as { value: string }).value;
}

/** https://github.com/sigstore/protobuf-specs/blob/main/protos/sigstore_trustroot.proto */
function signingConfig(log: string, version: number) {
  const { fulcioUrl, tsaUrl } = lab.sigstore;
  const service = (url: string, majorApiVersion = 1) => ({
    url,
    majorApiVersion,
    validFor: { start: "2020-01-01T00:00:00Z" },
    operator: "test",
  });
  return {
    mediaType: "application/vnd.dev.sigstore.signingconfig.v0.2+json",
    caUrls: [service(fulcioUrl)],
    oidcUrls: [service(lab.backend.url)],
    rekorTlogUrls: [service(log, version)],
    rekorTlogConfig: { selector: "ANY" },
    tsaUrls: [service(tsaUrl)],
    tsaConfig: { selector: "ANY" },
  };
}
