/** Every parser that reads what others wrote, with real inputs to begin from. */
import { generateKeyPairSync } from "node:crypto";
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync, zstdCompressSync, zstdDecompressSync } from "node:zlib";
import {
  decodeStatement,
  parseArtifactsList,
  parseChecksums,
  parseDigest,
  readClaims,
  readSbom,
  zip,
} from "@goatnote/attestation";
import { fromJSON, toJSON, train } from "@goatnote/boosted-trees";
import { decodeManifest, type Entry, encodeManifest, makeManifest } from "@goatnote/build-comparison";
import { decodeRuns, parseSegmentPath, parseTestId, readHistory } from "@goatnote/ci-history";
import { importsIn } from "@goatnote/import-graph";
import { hashNar, packCache, parseDerivations, parseNarinfo, parsePathInfo, unpackCache } from "@goatnote/nix-store";
import { type Format, parseIdentities, readCreationRules, readDocuments, readEncrypted } from "@goatnote/sops-file";
import { readReports } from "@goatnote/test-reports";
import { decodeModel, decodePlan, encodeModel, type StoredModel, textSimilarities } from "@goatnote/test-selection";
import { parseChoices } from "../../actions/sops-decrypt/src/names.ts";
import { verifyBundle } from "../../packages/attestation/src/bundle.ts";
import { readIdentity } from "../../packages/attestation/src/certificate.ts";
import { readPolicyFile } from "../../packages/attestation/src/policy-file.ts";
import { publicRootText, readTrustedRoots } from "../../packages/attestation/src/trusted-root.ts";
import { Budget } from "../../packages/build-comparison/src/formats/container.ts";
import { openContainer } from "../../packages/build-comparison/src/formats/open.ts";
import { linesOf } from "../../packages/change-facts/src/changed-lines.ts";
import { parseDiff } from "../../packages/change-facts/src/diff.ts";
import { parseFlakeShow, parseMetadata } from "../../packages/nix-store/src/flake.ts";
import { readPublicKey, readSigningKey } from "../../packages/nix-store/src/narinfo.ts";
import { featureNames } from "../../packages/test-selection/src/features.ts";
import { Learner } from "../../packages/test-selection/src/past.ts";

const root = join(import.meta.dirname, "../..");

/** A parser, and what it is given. */
export interface Target {
  seeds: () => Buffer[] | Promise<Buffer[]>;
  /** Reads the input. It may refuse it by an error of ours, and by none of JavaScript's own. */
  read: (input: Buffer) => unknown;
}

const texts =
  (...seeds: string[]) =>
  () =>
    seeds.map((seed) => Buffer.from(seed));
const json = (...seeds: unknown[]) => texts(...seeds.map((seed) => JSON.stringify(seed)));
const hex = (digit: string) => digit.repeat(64);

/** Calls with a file of this content, in a folder that is gone afterwards. */
async function withFile(input: Buffer, use: (file: string, folder: string) => Promise<unknown>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "fuzz-"));
  try {
    const file = join(folder, "input");
    writeFileSync(file, input);
    await use(file, folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const metadata = {
  mac: "ENC[AES256_GCM,data:YWJj,iv:YWJj,tag:YWJj,type:str]",
  version: "3.9.0",
  lastmodified: "2025-01-01T00:00:00Z",
  age: [{ recipient: "age1x", enc: "-----BEGIN AGE ENCRYPTED FILE-----\nYWdl\n-----END AGE ENCRYPTED FILE-----\n" }],
  kms: [{ arn: "arn:aws:kms:eu-west-1:111122223333:key/x", enc: "YQ==", created_at: "2025-01-01T00:00:00Z" }],
};
const secret = "ENC[AES256_GCM,data:YWJj,iv:YWJj,tag:YWJj,type:int]";
const encrypted: Record<Format, string[]> = {
  json: [JSON.stringify({ db: { password: secret, list: [secret, 1, null] }, sops: metadata })],
  binary: [JSON.stringify({ data: secret, sops: metadata })],
  yaml: [
    `db:\n    password: ${secret}\n    #ENC[AES256_GCM,data:YWJj,iv:YWJj,tag:YWJj,type:comment]\n    list:\n        - ${secret}\nsops:\n    mac: ${metadata.mac}\n    version: 3.9.0\n    lastmodified: "2025-01-01T00:00:00Z"\n    age:\n        - recipient: age1x\n          enc: |\n            -----BEGIN AGE ENCRYPTED FILE-----\n            YWdl\n            -----END AGE ENCRYPTED FILE-----\n`,
    "a: &x {b: 1}\nc: *x\n---\n<<: {d: 2}\n",
  ],
  dotenv: [
    `A=${secret}\n#ENC[AES256_GCM,data:YWJj,iv:YWJj,tag:YWJj,type:comment]\nsops_version=3.9.0\nsops_mac=${metadata.mac}\nsops_age__list_0__map_recipient=age1x\nsops_lastmodified=2025-01-01T00:00:00Z\n`,
  ],
  ini: [
    `[db]\npassword = ${secret}\n\n[sops]\nversion = 3.9.0\nmac = ${metadata.mac}\nage__list_0__map_recipient = age1x\nlastmodified = 2025-01-01T00:00:00Z\n`,
  ],
};
const sops = (format: Format): Target => ({
  seeds: texts(...encrypted[format]),
  async read(input) {
    await readDocuments(input, format);
    await readEncrypted(input, format);
  },
});

/** Segments are packed; what is in them is mutated before. */
const run = {
  run_id: "17",
  sha: "a".repeat(40),
  started_at: "2026-05-03T06:33:47Z",
  author: "x",
  run_attempt: 1,
  job: "test",
  event: "push",
  trust: "push",
  changes: [{ path: "a/b.ts", added: 3, deleted: 0 }],
  selection: { mode: "select", plan_digest: `sha256:${hex("a")}`, target_recall: 0.95 },
  tests: [{ id: "a.test.ts|suite|adds", file: "a.test.ts", status: "pass", duration_ms: 1.5, p_run: 1 }],
};

const statement = {
  _type: "https://in-toto.io/Statement/v1",
  subject: [{ name: "app", digest: { sha256: hex("a") } }],
  predicateType: "https://slsa.dev/provenance/v1",
  predicate: { buildDefinition: { buildType: "x", externalParameters: {} }, runDetails: { builder: { id: "x" } } },
};
const bundle = () => {
  const certificate = JSON.parse(publicRootText()).certificateAuthorities.at(-1).certChain.certificates[0];
  return {
    mediaType: "application/vnd.dev.sigstore.bundle.v0.3+json",
    verificationMaterial: {
      certificate,
      tlogEntries: [
        {
          logIndex: "1",
          logId: { keyId: "YQ==" },
          kindVersion: { kind: "dsse", version: "0.0.1" },
          integratedTime: "1700000000",
          inclusionPromise: { signedEntryTimestamp: "YQ==" },
          canonicalizedBody: "YQ==",
        },
      ],
      timestampVerificationData: { rfc3161Timestamps: [{ signedTimestamp: "YQ==" }] },
    },
    dsseEnvelope: {
      payload: Buffer.from(JSON.stringify(statement)).toString("base64"),
      payloadType: "application/vnd.in-toto+json",
      signatures: [{ sig: "YQ==", keyid: "" }],
    },
  };
};

const untrained: StoredModel = {
  version: 7,
  ...new Learner().scorers.fitted,
  features: featureNames,
  through: "v1/2026/05/17-1-0123456789ab.ndjson.zst",
  history: { runs: 0, failing_runs: 0 },
};

const store = "/nix/store";
const path = `${store}/00bgd045z0d4icpbc2yyz4gx48ak44la-hello-2.12`;

export const targets: Record<string, Target> = {
  junit: {
    seeds: () =>
      globSync("packages/test-reports/fixtures/*.xml", { cwd: root }).map((file) => readFileSync(join(root, file))),
    read: (input) => withFile(input, (file, folder) => readReports([file], { root: folder })),
  },
  segment: {
    seeds: json(run),
    read: (input) => decodeRuns(zstdCompressSync(Buffer.concat([input, Buffer.from("\n")])), "segment"),
  },
  "packed-segment": {
    seeds: () => [zstdCompressSync(Buffer.from(`${JSON.stringify(run)}\n`))],
    read: (input) => decodeRuns(input, "segment"),
  },
  history: {
    seeds: () => [Buffer.from(`${JSON.stringify(run)}\n${JSON.stringify({ ...run, run_id: "18" })}\n`)],
    read: (input) => withFile(input, (file) => Array.fromAsync(readHistory(file))),
  },
  names: {
    seeds: texts(
      "a.test.ts|suite > inner|adds [1]",
      "v1/2026/05/17-1-0123456789ab.ndjson.zst",
      "db.password as PGPASSWORD\n- x[0].y\n",
    ),
    read(input) {
      parseTestId(input.toString());
      parseSegmentPath(input.toString());
      refusable(() => parseChoices(input.toString().split("\n")));
    },
  },
  diff: {
    seeds: () => [
      Buffer.from(
        `:100644 100644 ${"a".repeat(40)} ${"b".repeat(40)} M\0a.ts\0:100644 100644 ${"a".repeat(40)} ${"b".repeat(40)} R090\0a.ts\0b.ts\0\u00003\t1\ta.ts\0-\t-\t\0a.ts\0b.ts\0`,
      ),
    ],
    read: (input) => parseDiff(input.toString()),
  },
  "changed-lines": {
    seeds: texts(
      "diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1,2 +1 @@ def f\n-a_line = 1\n---- b\n+++ größe\n\\ No newline at end of file\n",
    ),
    // It reads whatever there is.
    read: (input) =>
      textSimilarities(
        linesOf(input.toString()),
        new Map([
          ["x", input.toString()],
          ["y", "a_line"],
        ]),
      ),
  },
  imports: {
    seeds: texts(
      'import a, { b as c } from "./a.js";\nexport * from "../b";\nconst d = require("d");\nvi.mock(`x`);\nc.e.f();\n',
      '<script lang="ts">\nimport a from "./a.vue";\n</script>\n<template/>\n',
      'from .a import (b, c as d)\nimport e.f as g\n"""x"""\nd.h.i()\n',
      'package x\n\nimport (\n\t"lab/model"\n\tm "lab/m" // m\n)\n',
      "package org.lab;\nimport static org.lab.A.b;\nimport org.lab.c.*;\nclass X { Y y; }\n",
    ),
    // It reads whatever there is.
    read: (input) => ["x.ts", "x.vue", "x.py", "x.go", "X.java"].map((file) => importsIn(file, input.toString())),
  },
  container: {
    seeds: () => [
      gzipSync("x".repeat(100)),
      zip([{ name: "a/b", content: Buffer.from("content") }]),
      readFileSync(process.execPath).subarray(0, 100_000),
    ],
    // To read beyond the end is told as "it is broken".
    read: (input) =>
      openContainer(input, new Budget(1_000_000, 10_000)).catch((error: unknown) => {
        if (!(error instanceof RangeError)) throw error;
      }),
  },
  plan: {
    seeds: json({
      version: 1,
      run: "chosen",
      mode: "select",
      reason: "x",
      shards: 2,
      tests: [{ id: "a|b|c", file: null, chosen: true, p_run: 1, shard: 1, probability: 0.5, why: "x" }],
      files: [{ path: "a", shard: 1 }],
      tree: null,
      history: { runs: 1, failing_runs: 0 },
    }),
    read: (input) => decodePlan(input.toString(), "plan"),
  },
  model: {
    seeds: () => [Buffer.from(encodeModel(untrained))],
    // With a checksum that fits, or nothing behind it would be reached.
    read: (input) =>
      decodeModel(encodeModel({ ...(parsed(input) as StoredModel), checksum: undefined } as never), "model"),
  },
  trees: {
    seeds: () => {
      const features = Float64Array.from([1, 8, 2, 7, 3, 6, 4, 5, 5, 4, 6, 3, 7, 2, 8, 1]);
      const labels = Uint8Array.from([0, 0, 0, 0, 1, 1, 1, 1]);
      return [Buffer.from(JSON.stringify(toJSON(train({ features, columns: 2, labels }, { minLeaf: 1 } as never))))];
    },
    read: (input) => fromJSON(parsed(input)),
  },
  "sops-json": sops("json"),
  "sops-binary": sops("binary"),
  "sops-yaml": sops("yaml"),
  "sops-dotenv": sops("dotenv"),
  "sops-ini": sops("ini"),
  "sops-rules": {
    seeds: texts(
      'creation_rules:\n  - path_regex: ^secrets/.*\n    age: "age1x,age1y"\n    encrypted_regex: ^(data)$\n    key_groups:\n      - age: [age1x]\n        kms: [{arn: "arn:x", role: "r", context: {a: b}}]\n    shamir_threshold: 1\n',
    ),
    read: async (input) => {
      const [document] = await readDocuments(input, "yaml");
      if (document) await readCreationRules(document);
    },
  },
  identities: {
    seeds: () => {
      const pem = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey.export({
        type: "pkcs1",
        format: "pem",
      });
      return [
        Buffer.from("# created: 2025\nAGE-SECRET-KEY-1QQPQYQSZQGPQYQSZQGPQYQSZQGPQYQSZQGPQYQSZQGPQYQSZQGPQGYLL40\n"),
        Buffer.from(pem),
        Buffer.from(
          "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZWQyNTUxOQAAACA=\n-----END OPENSSH PRIVATE KEY-----\n",
        ),
        Buffer.from(
          "-----BEGIN AGE ENCRYPTED FILE-----\nYWdlLWVuY3J5cHRpb24ub3JnL3YxCg==\n-----END AGE ENCRYPTED FILE-----\n",
        ),
      ];
    },
    read: (input) => parseIdentities(input.toString(), "x"),
  },
  statement: { seeds: json(statement), read: (input) => decodeStatement(input) },
  bundle: {
    seeds: () => {
      const made = bundle();
      // Found by fuzzing: the whole type was in the message.
      const long = { ...made, dsseEnvelope: { ...made.dsseEnvelope, payloadType: "a".repeat(6000) } };
      return [made, long].map((each) => Buffer.from(JSON.stringify(each)));
    },
    read: (input) => verifyBundle(parsed(input), readTrustedRoots(publicRootText(), "root")),
  },
  certificate: {
    seeds: () => {
      const authorities: { certChain: { certificates: { rawBytes: string }[] } }[] = JSON.parse(
        publicRootText(),
      ).certificateAuthorities;
      return authorities.flatMap(({ certChain }) =>
        certChain.certificates.map(({ rawBytes }) => Buffer.from(rawBytes, "base64")),
      );
    },
    read: (input) => readIdentity(input),
  },
  "trusted-root": {
    seeds: () => [Buffer.from(publicRootText())],
    read: (input) => readTrustedRoots(input.toString(), "root"),
  },
  policy: {
    seeds: texts(
      "source-repository: goatnote/lab\nsigner-workflow: [goatnote/lab/.github/workflows/release.yml@refs/tags/v*]\nmax-age: 30d\nrunner: github-hosted\n",
    ),
    read: (input) => readPolicyFile(input.toString(), "policy.yml"),
  },
  claims: {
    seeds: () => [
      Buffer.from(
        [
          "{}",
          JSON.stringify({
            iss: "x",
            sub: "repo:a/b:ref:refs/heads/main",
            ref: "refs/heads/main",
            sha: "a",
            repository: "a/b",
            event_name: "push",
            job_workflow_ref: "w",
            workflow_ref: "w",
            repository_id: "1",
            repository_owner_id: "1",
            runner_environment: "github-hosted",
            run_id: "1",
            run_attempt: "1",
          }),
          "x",
        ]
          .map((part) => Buffer.from(part).toString("base64url"))
          .join("."),
      ),
    ],
    read: (input) => readClaims(input.toString()),
  },
  checksums: {
    seeds: texts(
      `${hex("a")}  app\n${hex("b")} *lib.tar.gz\n`,
      `sha256:${hex("a")}`,
      JSON.stringify({ version: 1, subjects: [{ name: "a", digest: `sha256:${hex("a")}`, kind: "file" }] }),
    ),
    read(input) {
      for (const read of [parseDigest, (text: string) => parseChecksums(text, "sums"), parseArtifactsList])
        refusable(() => read(input.toString()));
    },
  },
  sbom: {
    seeds: json(
      {
        bomFormat: "CycloneDX",
        specVersion: "1.6",
        metadata: { component: { name: "x", hashes: [{ alg: "SHA-256", content: hex("a") }] } },
      },
      {
        spdxVersion: "SPDX-2.3",
        SPDXID: "SPDXRef-DOCUMENT",
        documentDescribes: ["SPDXRef-x"],
        packages: [{ SPDXID: "SPDXRef-x", checksums: [{ algorithm: "SHA256", checksumValue: hex("a") }] }],
      },
    ),
    read: (input) => readSbom(parsed(input), "sbom.json"),
  },
  manifest: {
    seeds: () => {
      const environment = {
        platform: "linux",
        arch: "x64",
        release: "6",
        image: "",
        machine: `sha256:${hex("a")}`,
        built_at: "2026-01-01T00:00:00.000Z",
      };
      const entries: Entry[] = [
        { path: "a", type: "directory", mode: "0755" },
        { path: "a/b", type: "file", size: 1, sha256: hex("a"), executable: false, mode: "0644" },
        { path: "l", type: "link", target: "a/b" },
      ];
      return [
        Buffer.from(
          encodeManifest(makeManifest(entries, environment, { commit: "a".repeat(40), changes: "", script: "" })),
        ),
      ];
    },
    read: (input) => decodeManifest(input.toString(), "manifest.json"),
  },
  narinfo: {
    seeds: texts(
      `StorePath: ${path}\nURL: nar/x.nar\nCompression: none\nFileHash: sha256:${"0".repeat(52)}\nFileSize: 10\nNarHash: sha256:${"0".repeat(52)}\nNarSize: 10\nReferences: x\nSig: lab-1:YQ==\nCA: fixed:r:sha256:${"0".repeat(52)}\n`,
    ),
    read: (input) => parseNarinfo(input.toString()),
  },
  "nix-keys": {
    seeds: texts(`lab-1:${Buffer.alloc(64, 7).toString("base64")}`, `lab-1:${Buffer.alloc(32, 7).toString("base64")}`),
    read(input) {
      for (const read of [readSigningKey, readPublicKey]) refusable(() => read(input.toString()));
    },
  },
  "nix-json": {
    seeds: json(
      [{ path, narHash: `sha256:${"0".repeat(52)}`, narSize: 1, references: [path], signatures: [], valid: true }],
      { [path]: { narHash: "sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", narSize: 1, references: [] } },
      {
        [`${path}.drv`]: {
          outputs: { out: { path } },
          inputDrvs: {},
          inputSrcs: [],
          env: { name: "x" },
          system: "x86_64-linux",
          builder: "b",
          args: [],
        },
      },
      {
        url: "git+file:///x",
        locked: { type: "git", rev: "a".repeat(40), narHash: "sha256-x" },
        locks: {
          root: "root",
          version: 7,
          nodes: { root: { inputs: { n: "n" } }, n: { locked: { type: "github" }, original: {} } },
        },
      },
    ),
    read(input) {
      for (const read of [parsePathInfo, parseDerivations]) refusable(() => read(input.toString(), store));
      for (const read of [parseMetadata, parseFlakeShow]) refusable(() => read(input.toString()));
    },
  },
  "nix-cache": {
    // Changed is what was compressed, since of what is changed after it, zstd refuses nearly all.
    seeds: async () => {
      const folder = mkdtempSync(join(tmpdir(), "fuzz-cache-"));
      try {
        const path = join(folder, "00bgd045z0d4icpbc2yyz4gx48ak44la-object");
        writeFileSync(path, "content");
        const { hash, size } = hashNar(path);
        const info = { path, narHash: hash, narSize: size, references: [], deriver: null, ca: null, signatures: [] };
        await packCache(join(folder, "packed"), [{ ...info, used: 1 }]);
        return [zstdDecompressSync(readFileSync(join(folder, "packed")))];
      } finally {
        rmSync(folder, { recursive: true });
      }
    },
    read: (input) =>
      withFile(zstdCompressSync(input), async (file, folder) => {
        const to = join(folder, "out");
        try {
          await unpackCache(file, to, "/nix/store", [], 1e6);
        } catch (error) {
          if (existsSync(to)) throw new TypeError("a cache was refused, and something of it stayed", { cause: error });
          throw error;
        }
        const out = globSync("**/*", { cwd: folder }).filter((each) => !/^(input|out([\\/]|$))/.test(each));
        if (out.length > 0) throw new TypeError(`a cache has written beside its folder: ${out}`);
      }),
  },
};

/** JSON that a caller has parsed before; what is none does not reach the parser. */
function parsed(input: Buffer): unknown {
  try {
    return JSON.parse(input.toString());
  } catch {
    return null;
  }
}

/** Runs one of several readers of the same input: that it refuses is no reason to leave out the next. */
function refusable(read: () => unknown): void {
  try {
    read();
  } catch (error) {
    if (!isRefusal(error)) throw error;
  }
}

/** Whether an error is a message of ours, and not JavaScript's about a mistake of ours. */
export function isRefusal(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const own = [TypeError, RangeError, SyntaxError, ReferenceError, EvalError, URIError];
  const code = (error as NodeJS.ErrnoException).code ?? "";
  return (
    !own.some((kind) => error instanceof kind) && !/^ERR_|^E[A-Z]+$/.test(String(code)) && error.message.length < 5000
  );
}
