/** Our bundles before the clients of others, and theirs before ours, with the network cut off. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { run } from "@goatnote/action-io";
import { encodeSegment } from "@goatnote/ci-history";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { recipes } from "../../scripts/peers.ts";
import { describeWithPeer } from "../peers.ts";
import { AttestLab, cutOff } from "./lab.ts";

let lab: AttestLab;
beforeAll(async () => {
  lab = await AttestLab.make();
  lab.write({
    "dist/app.tar.gz": "built",
    "dist/tool.whl": "wheel",
    "dist/tampered": "tampered",
    SUMS: Array.from({ length: 1500 }, (_, i) => `${i.toString(16).padStart(64, "0")}  a-${i}\n`).join(""),
    "no-log.json": JSON.stringify({ ...lab.sigstore.trustedRoot, tlogs: [] }),
    "cyclonedx.json": JSON.stringify({ bomFormat: "CycloneDX", specVersion: "1.6", components: [] }),
    "spdx2.json": JSON.stringify({ spdxVersion: "SPDX-2.3", SPDXID: "SPDXRef-DOCUMENT", packages: [] }),
    "spdx3.json": JSON.stringify({
      "@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld",
      "@graph": [{ type: "CreationInfo", specVersion: "3.0.1" }],
    }),
    segment: encodeSegment({
      run_id: "1",
      sha: lab.run.sha,
      started_at: new Date().toISOString(),
      author: null,
      changes: [],
      tests: [{ id: "t.py||good", file: "t.py", status: "pass", duration_ms: 1 }],
    }),
  });
});
afterAll(() => lab.close());

const offline = (argv: string[]) => [...(cutOff ?? []), ...argv] as [string, ...string[]];

const provenance = "https://slsa.dev/provenance/v1";

/** A kind of bundle that slsa-attest makes. By default: provenance of one file, with a log entry of Rekor v1 and a timestamp. */
interface Kind {
  inputs: Record<string, string>;
  /** The log whose entry is in it; 0 for none. */
  log?: 0 | 1 | 2;
  timestamp?: false;
  type?: string;
  /** The file with the bundle. */
  file?: string;
}
const sbom = (path: string) => ({ predicate: "sbom", "sbom-path": path });
const kinds: Record<string, () => Kind> = {
  "Rekor v1 and a timestamp": () => ({ inputs: {} }),
  "Rekor v1 alone": () => ({ inputs: { "tsa-url": "" }, timestamp: false }),
  "a timestamp alone, as GitHub's instance gives": () => ({ inputs: { "rekor-url": "", "trusted-root": "" }, log: 0 }),
  "Rekor v2 and a timestamp": () => ({
    inputs: { "rekor-url": lab.sigstore.rekorTilesUrl, "rekor-version": "2" },
    log: 2,
  }),
  "several subjects": () => ({
    inputs: { "subject-path": "dist/app.tar.gz\ndist/tool.whl" },
    file: "multiple.sigstore.json",
  }),
  "one bundle per subject": () => ({
    inputs: { "subject-path": "dist/app.tar.gz\ndist/tool.whl", bundle: "per-subject" },
  }),
  "the second of two, of 1,501 subjects": () => ({
    inputs: { "subject-checksums": "SUMS" },
    file: "multiple.2.sigstore.json",
  }),
  "an SBOM in CycloneDX": () => ({
    inputs: sbom("cyclonedx.json"),
    type: "https://cyclonedx.org/bom",
    file: "app.tar.gz.sbom.sigstore.json",
  }),
  "an SBOM in SPDX 2.3": () => ({
    inputs: sbom("spdx2.json"),
    type: "https://spdx.dev/Document/v2.3",
    file: "app.tar.gz.sbom.sigstore.json",
  }),
  "an SBOM in SPDX 3": () => ({
    inputs: sbom("spdx3.json"),
    type: "https://spdx.dev/Document/v3.0.1",
    file: "app.tar.gz.sbom.sigstore.json",
  }),
  "test results": () => ({
    inputs: { predicate: "test-result", segment: "segment" },
    type: "https://in-toto.io/attestation/test-result/v0.1",
    file: "app.tar.gz.test-result.sigstore.json",
  }),
  "a verification summary": () => ({
    inputs: {
      predicate: "custom",
      "predicate-type": "https://slsa.dev/verification_summary/v1",
      "predicate-path": "vsa.json",
    },
    type: "https://slsa.dev/verification_summary/v1",
    file: "app.tar.gz.custom.sigstore.json",
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
  if (name === "a verification summary") await summarise();
  const folder = `out-${Object.keys(kinds).indexOf(name)}`;
  const inputs = { "subject-path": "dist/app.tar.gz", "output-dir": folder, upload: "none", ...kind.inputs };
  const ended = await lab.attest(inputs);
  expect(ended.code, ended.log).toBe(0);
  return { bundle: join(lab.workspace, folder, kind.file ?? "app.tar.gz.sigstore.json"), kind };
}

/** The summary that slsa-attest/verify writes. */
async function summarise(): Promise<void> {
  const { bundle } = await bundleOf("Rekor v1 and a timestamp");
  const verified = await lab.verify({ "subject-path": "dist/app.tar.gz", "bundle-path": bundle });
  expect(verified.code, verified.log).toBe(0);
  lab.write({ "vsa.json": readFileSync(verified.outputs.vsa!) });
}

/** Who accepted what, for the table in the docs: `ours <client>` or `theirs <client>`, by the kind. */
const accepted = new Map<string, Set<string>>();
const note = (who: string, kind: string): void => {
  accepted.set(who, (accepted.get(who) ?? new Set()).add(kind));
};

/** Whether a client accepts an artifact by a bundle, and what it said. */
async function asked(argv: string[]): Promise<{ accepted: boolean; said: string }> {
  const { code, stdout, stderr } = await run(offline(argv), { check: false, timeoutMs: 60_000 });
  return { accepted: code === 0, said: stdout + stderr };
}

type Client = (bundle: string, kind: Kind, artifact: string, signer: string) => string[];

/** The matrix for one client: every kind, the tampered artifact, and another signer. */
function accepts(who: string, client: Client): void {
  test.each(Object.keys(kinds))("%s", async (name) => {
    const { bundle, kind } = await bundleOf(name);
    const ask = (artifact: string, signer = lab.signer) =>
      asked(client(bundle, kind, join(lab.workspace, artifact), signer));
    const good = await ask("dist/app.tar.gz");
    expect(good.accepted, good.said).toBe(true);
    expect((await ask("dist/tampered")).accepted).toBe(false);
    expect((await ask("dist/app.tar.gz", `${lab.signer}4`)).accepted).toBe(false);
    note(who, name);
  });
}

const root = () => join(lab.workspace, "trusted_root.json");

describe("ours", () => {
  describeWithPeer("cosign", (cosign) => {
    accepts("cosign 3", (bundle, { log, timestamp, type = provenance }, artifact, signer) => [
      cosign,
      "verify-blob-attestation",
      ...["--bundle", bundle, "--trusted-root", root(), "--type", type],
      ...["--certificate-identity", signer, "--certificate-oidc-issuer", lab.backend.url],
      ...(log === 0 ? ["--insecure-ignore-tlog"] : []),
      ...(timestamp === false ? [] : ["--use-signed-timestamps"]),
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
    accepts("cosign 2", (bundle, { log, timestamp, type = provenance }, artifact, signer) => [
      cosign,
      "verify-blob-attestation",
      ...["--new-bundle-format", "--offline", "--bundle", bundle, "--trusted-root", root(), "--type", type],
      ...["--certificate-identity", signer, "--certificate-oidc-issuer", lab.backend.url],
      ...(log === 0 ? ["--insecure-ignore-tlog"] : []),
      ...(timestamp === false ? [] : ["--use-signed-timestamps"]),
      artifact,
    ]);
  });

  describeWithPeer("sigstore-go", (verifier) => {
    accepts("sigstore-go", (bundle, { log }, artifact, signer) => [
      verifier,
      ...["-trustedrootJSONpath", root(), "-expectedIssuer", lab.backend.url, "-expectedSAN", signer],
      ...(log === 0 ? ["-requireTlog=false"] : []),
      ...["-artifact", artifact, bundle],
    ]);
  });

  describe("with slsa-attest/verify", () => {
    test.each(Object.keys(kinds))("%s", async (name) => {
      const { bundle, kind } = await bundleOf(name);
      const given = {
        "subject-path": "dist/app.tar.gz",
        "bundle-path": bundle,
        "trusted-root": kind.log === 0 ? "no-log.json" : "trusted_root.json",
        "predicate-type": kind.type ?? provenance,
      };
      const good = await lab.verify(given);
      expect(good.code, good.log).toBe(0);
      const bad = await lab.verify({ ...given, "subject-path": "dist/tampered", "match-names": "false" });
      expect(bad.code).toBe(1);
      const another = await lab.verify({ ...given, "signer-workflow": "octo/app/.github/workflows/other.yml" });
      expect(another.log).toContain("signer workflow");
      expect(another.code).toBe(1);
      note("slsa-attest/verify", name);
    });
  });
});

// It sends the log an envelope, and Rekor v2 takes digests only: https://github.com/sigstore/rekor-tiles/pull/744
const unable = new Set(["signed by cosign 2, Rekor v2 and a timestamp"]);

/** Signs a file as another client does, into `bundle`. */
type Signs = (given: Record<"bundle" | "predicate" | "statement" | "config" | "token" | "tokenFile", string>) => {
  argv: [string, ...string[]];
  /** Whether the bundle is what it prints, after other words. */
  prints?: true;
};

/** What another client signed, logged in Rekor v1 or v2, is verified, and not for another repository. */
function areTaken(who: string, signs: Signs, versions = [1, 2]): void {
  test.each(versions)("logged in Rekor v%s", async (version) => {
    const folder = join(lab.workspace, `theirs-${who.replaceAll(" ", "-")}-${version}`);
    mkdirSync(folder);
    const file = (name: string, content: unknown) => {
      const path = join(folder, name);
      writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
      return path;
    };
    const { rekorUrl, rekorTilesUrl } = lab.sigstore;
    const bundle = join(folder, "bundle.json");
    const statement = await statementOf("Rekor v1 and a timestamp");
    const { argv, prints } = signs({
      bundle,
      predicate: file("predicate.json", statement.predicate),
      statement: file("statement.json", statement),
      config: file("signing.json", signingConfig(version === 1 ? rekorUrl : rekorTilesUrl, version)),
      token: await idToken(),
      tokenFile: file("token", await idToken()),
    });
    const signed = await run(argv, { check: false, timeoutMs: 60_000 });
    expect(signed.code, signed.stderr + signed.stdout).toBe(0);
    if (prints) writeFileSync(bundle, signed.stdout.slice(signed.stdout.search(/^\{/m)));
    const given = { "subject-path": "dist/app.tar.gz", "bundle-path": bundle };
    const good = await lab.verify(given);
    expect(good.code, good.log).toBe(0);
    const bad = await lab.verify({ ...given, "source-repository": "octo/other" });
    expect(bad.code).toBe(1);
    expect(bad.log).toContain("source repository");
    const tampered = await lab.verify({ ...given, "subject-path": "dist/tampered", "match-names": "false" });
    expect(tampered.code, tampered.log).toBe(1);
    note(`signed by ${who}`, `Rekor v${version} and a timestamp`);
  });
}

describe("theirs, before slsa-attest/verify", () => {
  const artifact = () => join(lab.workspace, "dist/app.tar.gz");
  describeWithPeer("cosign", (cosign) =>
    areTaken("cosign 3", ({ bundle, predicate, config, tokenFile }) => ({
      argv: [
        cosign,
        ...["attest-blob", "--yes", "--bundle", bundle, "--trusted-root", root()],
        ...["--predicate", predicate, "--type", provenance],
        ...["--signing-config", config, "--identity-token", tokenFile, artifact()],
      ],
    })),
  );
  describeWithPeer("cosign-2", (cosign) =>
    areTaken(
      "cosign 2",
      ({ bundle, predicate, config, tokenFile }) => ({
        argv: [
          cosign,
          ...["attest-blob", "--yes", "--new-bundle-format", "--bundle", bundle, "--trusted-root", root()],
          ...["--predicate", predicate, "--type", provenance],
          ...["--signing-config", config, "--identity-token", tokenFile, artifact()],
        ],
      }),
      [1],
    ),
  );
  describeWithPeer("sigstore-go-signing", (signer) =>
    areTaken("sigstore-go", ({ statement, config, token }) => ({
      argv: [
        signer,
        ...["-in-toto", "-rekor", "-tsa", "-signing-config", config, "-trusted-root", root()],
        ...["-id-token", token, statement],
      ],
      prints: true,
    })),
  );
});

test("the table in the docs is of these", ({ skip }) => {
  const clients = ["cosign 2", "cosign 3", "sigstore-go", "slsa-attest/verify"];
  const signers = ["cosign 2", "cosign 3", "sigstore-go"];
  const missing = [...clients, ...signers.map((who) => `signed by ${who}`)].filter((who) => !accepted.has(who));
  // Each is told by name above.
  if (missing.length > 0) skip(`nothing is known of ${missing.join(", ")}`);
  if (!cutOff) skip("the network cannot be cut off here");
  const row = (cells: string[]) => `| ${cells.join(" | ")} |\n`;
  const mark = (who: string, kind: string) =>
    accepted.get(who)?.has(kind)
      ? "accepted"
      : unable.has(`${who}, ${kind}`)
        ? "it cannot make one"
        : "**not accepted**";
  const versions = (["cosign-2", "cosign", "sigstore-go"] as const).map((name) => recipes[name]!.version!.slice(1));
  const text = [
    "# Interoperability\n\n",
    "Bundles of every kind that slsa-attest makes, before clients of others with the network cut off (`unshare -rn`), and theirs before `slsa-attest/verify`. ",
    "Each cell is a test, which also has the same client refuse another artifact and another signer. ",
    `By cosign ${versions[0]} and ${versions[1]} and sigstore-go ${versions[2]}; \`npx vitest run test/attest/interop.test.ts\` writes this page (\`REMAKE_DOCS=1\`).\n\n`,
    "## Made by slsa-attest\n\n",
    row(["bundle", ...clients]),
    row(["---", ...clients.map(() => "---")]),
    ...Object.keys(kinds).map((kind) => row([kind, ...clients.map((who) => mark(who, kind))])),
    "\n## Verified by slsa-attest/verify\n\n",
    row(["bundle", ...signers.map((who) => `signed by ${who}`)]),
    row(["---", ...signers.map(() => "---")]),
    ...[1, 2]
      .map((version) => `Rekor v${version} and a timestamp`)
      .map((kind) => row([kind, ...signers.map((who) => mark(`signed by ${who}`, kind))])),
  ].join("");
  const file = join(import.meta.dirname, "../../action-docs/slsa-attest-interop.md");
  if (process.env.REMAKE_DOCS === "1") writeFileSync(file, text);
  expect(readFileSync(file, "utf8")).toBe(text);
  expect(text).not.toContain("not accepted");
});

async function statementOf(name: string): Promise<{ predicate: object }> {
  const { bundle } = await bundleOf(name);
  const { dsseEnvelope } = JSON.parse(readFileSync(bundle, "utf8")) as { dsseEnvelope: { payload: string } };
  return JSON.parse(Buffer.from(dsseEnvelope.payload, "base64").toString()) as { predicate: object };
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
