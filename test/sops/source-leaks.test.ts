/**
 * Nothing secret of the keys of services and of PGP is found where it was not asked for, on every path that a step can end by:
 * the values, the data key, and every credential, given or made on the way. The services are ours, as they must also be
 * hostile: they answer slowly, and with all that they know.
 */
import { execFileSync } from "node:child_process";
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { ageOpener, openDataKey, parseIdentities, readEncrypted } from "@goatnote/sops-file";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { build } from "../../scripts/build.ts";
import { describeWithPeer } from "../peers.ts";
import { Internet, type Service } from "./cloud-lab.ts";
import { type AgeKey, ageKey, type Ended, Lab } from "./lab.ts";
import { placesOf } from "./leak-search.ts";

type Pairs = Record<string, string>;
const values = { password: "correct-horse battery", token: "never-picked-value" };

// What services and their clients hold. None is a part of another.
const identity = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJyZXBvOm9jdG8vbGFiIn0.c2lnbmVkLWJ5LWdpdGh1Yg";
const requestToken = "request-token-of-github";
const minted = {
  awsSecret: "minted/aws+secret/key/4711",
  awsToken: "minted-aws-session-token==",
  google: "ya29.minted-google-token",
  azure: "eyJ.minted-azure-token",
};
const account = generateKeyPairSync("rsa", { modulusLength: 2048 });
const privateKey = account.privateKey.export({ type: "pkcs8", format: "pem" }) as string;

interface Source {
  /** What the metadata says, in place of the age recipient. */
  metadata: Pairs;
  inputs: Pairs;
  env: Pairs;
  /** Credentials that were given, and those that were made of them. */
  secrets: string[];
  /** The services that are asked, the last of which opens the data key. */
  services: Record<string, Service>;
}

const oidc = {
  ACTIONS_ID_TOKEN_REQUEST_URL: "https://oidc.example.org/token?v=1",
  ACTIONS_ID_TOKEN_REQUEST_TOKEN: requestToken,
};
const json =
  (value: unknown): Service =>
  () => ({ json: value });
const created_at = "2026-01-01T00:00:00Z";

/** @param dataKey base64 */
const sources = (dataKey: string): Record<string, Source> => ({
  AWS: {
    metadata: { list: "kms", arn: "arn:aws:kms:eu-west-1:111122223333:key/k-1", enc: "AAAA" },
    inputs: { "kms-allow": "arn:aws:kms:eu-west-1:111122223333:key/*" },
    env: { ...oidc, AWS_ROLE_ARN: "arn:aws:iam::111122223333:role/sops" },
    secrets: [identity, requestToken, minted.awsSecret, minted.awsToken],
    services: {
      "oidc.example.org": json({ value: identity }),
      "sts.eu-west-1.amazonaws.com": json(
        `<AccessKeyId>ASIAEXAMPLE</AccessKeyId><SecretAccessKey>${minted.awsSecret}</SecretAccessKey><SessionToken>${minted.awsToken}</SessionToken>`,
      ),
      "kms.eu-west-1.amazonaws.com": json({ Plaintext: dataKey }),
    },
  },
  GCP: {
    metadata: { list: "gcp_kms", resource_id: "projects/p/locations/l/keyRings/r/cryptoKeys/k", enc: "AAAA" },
    inputs: { "kms-allow": "projects/p/locations/l/keyRings/r/cryptoKeys/k" },
    env: {
      GOOGLE_CREDENTIALS: JSON.stringify({ type: "service_account", client_email: "a@b.c", private_key: privateKey }),
    },
    secrets: [minted.google, ...privateKey.split("\n").filter((line) => line.length > 60)],
    services: {
      "oauth2.googleapis.com": json({ access_token: minted.google }),
      "cloudkms.googleapis.com": json({ plaintext: dataKey }),
    },
  },
  Azure: {
    metadata: { list: "azure_kv", vault_url: "https://lab.vault.azure.net", name: "k", version: "1", enc: "AAAA" },
    inputs: { "kms-allow": "https://lab.vault.azure.net/keys/k" },
    env: { AZURE_TENANT_ID: "tenant", AZURE_CLIENT_ID: "client", AZURE_CLIENT_SECRET: "azure~client~secret" },
    secrets: ["azure~client~secret", minted.azure],
    services: {
      "login.microsoftonline.com": json({ access_token: minted.azure }),
      "lab.vault.azure.net": json({ value: Buffer.from(dataKey, "base64").toString("base64url") }),
    },
  },
  Vault: {
    metadata: {
      list: "hc_vault",
      ...{ vault_address: "https://vault.example.org", engine_path: "transit", key_name: "k", enc: "vault:v1:AAAA" },
    },
    inputs: { "kms-allow": "https://vault.example.org/v1/transit/keys/k" },
    env: { VAULT_TOKEN: "hvs.given-vault-token" },
    secrets: ["hvs.given-vault-token"],
    services: { "vault.example.org": json({ data: { plaintext: dataKey } }) },
  },
});
const names = Object.keys(sources(""));

describeWithPeer("sops", (sops) => {
  let actions: string;
  let folder: string;
  let internet: Internet;
  let lab: Lab;
  let key: AgeKey;
  let dataKey: Buffer;
  beforeAll(async () => {
    actions = await build();
    key = await ageKey();
    folder = mkdtempSync(join(tmpdir(), "sops-leaks-"));
    internet = new Internet(folder, [
      ...["kms.eu-west-1.amazonaws.com", "sts.eu-west-1.amazonaws.com", "*.googleapis.com", "*.vault.azure.net"],
      ...["login.microsoftonline.com", "vault.example.org", "oidc.example.org"],
    ]);
    await internet.start();
  }, 300_000);
  afterAll(() => {
    internet.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  beforeEach(() => {
    lab = new Lab(actions, sops);
    mkdirSync(join(lab.root, "home"));
  });
  afterEach(() => lab.remove());

  /** A file that `sops` encrypted, opened by what the metadata says instead of the age key. */
  async function write(metadata: Pairs): Promise<void> {
    const content = lab.encrypt("secrets.json", JSON.stringify(values), key.recipient);
    const encrypted = await readEncrypted(content, "json");
    const age = ageOpener(await parseIdentities(key.identity));
    dataKey = Buffer.from(await openDataKey(encrypted.metadata, { age }, []));
    const { list = "", ...entry } = metadata;
    const file = JSON.parse(content.toString());
    delete file.sops.age;
    lab.write("secrets.json", JSON.stringify({ ...file, sops: { ...file.sops, [list]: [{ created_at, ...entry }] } }));
  }

  async function prepared(name: string): Promise<Source> {
    await write(sources("")[name]!.metadata);
    const source = sources(dataKey.toString("base64"))[name]!;
    internet.seen.length = 0;
    for (const host of Object.keys(internet.services)) delete internet.services[host];
    Object.assign(internet.services, source.services);
    return source;
  }

  /** The environment of a step, in a home of its own. */
  const environment = (env: Pairs): Pairs => ({
    ...internet.environment,
    HOME: join(lab.root, "home"),
    RUNNER_DEBUG: "1",
    ...env,
  });

  const all = (secrets: readonly string[]): string[] => [
    ...Object.values(values),
    ...[dataKey.toString("base64"), dataKey.toString("base64url"), dataKey.toString("hex"), dataKey.toString("latin1")],
    ...secrets,
    key.identity,
    // What Google's clients sign is made anew each time.
    ...internet.seen.flatMap(({ body }) => new URLSearchParams(body).get("assertion") ?? []),
  ];
  const found = (ended: Pick<Ended, "log">, secrets: readonly string[]): string[] => placesOf(all(secrets), lab, ended);
  const files = { files: "secrets.json" };

  describe.each(names)("%s", (name) => {
    test("the search finds what is there", async () => {
      const { secrets } = await prepared(name);
      for (const secret of all(secrets)) {
        lab.write("planted", secret);
        expect(found({ log: "" }, secrets)).toContain(`work/planted: ${secret}`);
      }
    });

    test("success: what was asked for is in its place, and nothing anywhere else", async () => {
      const { inputs, env, secrets, services } = await prepared(name);
      const ended = await lab.main({ ...files, ...inputs, keys: "password", export: "env" }, environment(env));
      expect(ended.code, ended.log).toBe(0);
      expect([...new Set(internet.seen.map(({ host }) => host))]).toEqual(Object.keys(services));
      expect(found(ended, secrets)).toEqual([`commands/env: ${values.password}`]);
      const unmasked = secrets.filter((secret) => !ended.masks.some((mask) => secret.includes(mask)));
      expect(unmasked).toEqual([]);
      expect(found(await lab.post(), secrets)).toEqual([]);
    });

    test("exec: the script has the values, and no credential that was made for it", async () => {
      const { inputs, env, secrets } = await prepared(name);
      const given = Object.values(env).join(" ");
      const ended = await lab.exec(
        { ...files, ...inputs, keys: "password as PW", run: 'env\ntr "\\0" "\\n" </proc/$PPID/environ' },
        environment(env),
      );
      expect(ended.code, ended.log).toBe(0);
      expect(ended.log).toContain(`PW=${values.password}`);
      const kept = all(secrets).filter((secret) => !given.includes(secret) || secret === requestToken);
      expect(
        placesOf(
          kept.filter((secret) => secret !== values.password && !given.includes(JSON.stringify(secret).slice(1, -1))),
          lab,
          ended,
        ),
      ).toEqual([]);
    });

    test.each<[string, (service: Service, everything: string) => Service]>([
      ["refuses, and says all it knows", (_, all) => () => ({ status: 403, json: { error: all, errors: [all] } })],
      [
        "says all it knows as the code",
        (_, all) => () => ({ status: 400, json: { __type: all, error: { code: all, status: all } } }),
      ],
      ["answers what is no key", () => () => ({ json: {} })],
      [
        "answers another key",
        () => () => {
          const other = randomBytes(32).toString("base64");
          return { json: { Plaintext: other, plaintext: other, value: other, data: { plaintext: other } } };
        },
      ],
      [
        "sends elsewhere",
        (_, all) => () => ({
          status: 302,
          headers: { location: `https://oidc.example.org/?${encodeURIComponent(all)}` },
        }),
      ],
    ])("failure: the service %s", async (_, change) => {
      const { inputs, env, secrets, services } = await prepared(name);
      const [host, service] = Object.entries(services).at(-1)!;
      // One after the other, as a code is given on only when it is short.
      for (const each of all(secrets)) {
        internet.services[host] = change(service, each);
        const ended = await lab.main({ ...files, ...inputs, export: "env" }, environment(env));
        expect(ended.code, ended.log).toBe(1);
        expect(found(ended, secrets)).toEqual([]);
        if (!/say/.test(_)) break;
      }
    });

    test("failure: a value was changed, or the file cannot be written", async () => {
      const { inputs, env, secrets } = await prepared(name);
      const text = readFileSync(join(lab.workspace, "secrets.json"), "utf8");
      const place = await lab.main(
        { ...files, ...inputs, export: "file", "output-file": "out.json" },
        environment(env),
      );
      expect(place.log).toContain("git does not ignore out.json");
      expect(found(place, secrets)).toEqual([]);
      lab.write(
        "secrets.json",
        text.replace(/data:(.)/, (_, first) => `data:${first === "A" ? "B" : "A"}`),
      );
      const ended = await lab.main({ ...files, ...inputs, export: "file" }, environment(env));
      expect(ended.log).toContain("does not authenticate");
      expect(found(ended, secrets)).toEqual([]);
    });

    test.each(["SIGKILL", "SIGTERM"] as const)("%s while each service is asked, and after", async (signal) => {
      const { inputs, env, secrets, services } = await prepared(name);
      const hosts = Object.keys(services);
      for (const [asked, after] of [
        ...hosts.map((_, i) => [i + 1, 0] as const),
        [hosts.length, 15] as const,
        [hosts.length, 60] as const,
      ]) {
        internet.seen.length = 0;
        const { child, ended } = lab.start("main", { ...files, ...inputs, export: "file" }, environment(env));
        while (internet.seen.length < asked && child.exitCode === null) await delay(1);
        await delay(after);
        child.kill(signal);
        const stopped = await ended;
        expect(found(stopped, secrets).filter((place) => !place.startsWith("temp/"))).toEqual([]);
        expect(found(await lab.post(), secrets), `${signal} after ${asked} requests and ${after} ms`).toEqual([]);
        expect([...lab.files().keys()].filter((path) => /^(temp|home)\//.test(path))).toEqual([]);
      }
    });
  });

  describe("PGP", () => {
    const passphrase = "long-passphrase-of-pgp";
    let pgp: { fingerprint: string; secret: string };
    const gpg = (args: string[]): string =>
      execFileSync("gpg", ["--batch", "--homedir", join(folder, "pgp"), "--pinentry-mode", "loopback", ...args], {
        encoding: "utf8",
        stdio: ["ignore", "pipe", "ignore"],
      });
    beforeAll(() => {
      mkdirSync(join(folder, "pgp"), { mode: 0o700 });
      gpg(["--passphrase", passphrase, "--quick-generate-key", "a@example.org", "future-default", "default", "0"]);
      const [, fingerprint = ""] = /^fpr:+([0-9A-F]{40}):/m.exec(gpg(["--with-colons", "--list-keys"])) ?? [];
      pgp = { fingerprint, secret: gpg(["--passphrase", passphrase, "--armor", "--export-secret-keys", fingerprint]) };
    });
    afterAll(() => execFileSync("gpgconf", ["--homedir", join(folder, "pgp"), "--kill", "all"]));

    const secrets = (): string[] => [
      passphrase,
      ...pgp.secret.split("\n").filter((line) => /^[\w+/]{60,}$/.test(line)),
    ];
    const inputs = (): Pairs => ({ ...files, "pgp-key": pgp.secret, "pgp-passphrase": passphrase });
    const start = (more: Pairs = {}) => lab.start("main", { ...inputs(), ...more }, environment({}));
    beforeEach(async () => {
      await write({ list: "pgp", enc: "" });
      const config = { PATH: process.env.PATH, GNUPGHOME: join(folder, "pgp"), HOME: folder };
      const encrypted = execFileSync(
        "gpg",
        ["--batch", "--trust-model", "always", "--armor", "-r", pgp.fingerprint, "--encrypt"],
        {
          input: dataKey,
          env: config,
          stdio: ["pipe", "pipe", "ignore"],
        },
      );
      const file = JSON.parse(readFileSync(join(lab.workspace, "secrets.json"), "utf8"));
      file.sops.pgp = [{ created_at, fp: pgp.fingerprint, enc: encrypted.toString() }];
      lab.write("secrets.json", JSON.stringify(file));
    });

    test("success, and each failure", async () => {
      const good = await start({ keys: "password", export: "env" }).ended;
      expect(good.code, good.log).toBe(0);
      expect(found(good, secrets())).toEqual([`commands/env: ${values.password}`]);
      const failures: Pairs[] = [
        { "pgp-passphrase": `${passphrase}-not` },
        { "pgp-passphrase": "" },
        { "pgp-key": pgp.secret.slice(0, -300) },
        { "max-file-size": "10" },
        { "age-key": key.identity.slice(0, -2) },
        { export: "file", "output-file": "out.json" },
      ];
      for (const more of failures) {
        const ended = await start(more).ended;
        expect(ended.code, JSON.stringify(more)).toBe(1);
        expect(found(ended, [...secrets(), key.identity.slice(0, -2)]), JSON.stringify(more)).toEqual([]);
        expect([...lab.files().keys()].filter((path) => /^(temp|home)\//.test(path))).toEqual([]);
      }
    });

    test.each(["SIGKILL", "SIGTERM"] as const)(
      "%s at any moment leaves nothing after the post step",
      async (signal) => {
        for (const after of [60, 140, 200, 260, 320, 400]) {
          const { child, ended } = start({ export: "file" });
          await delay(after);
          child.kill(signal);
          const stopped = await ended;
          expect(found(stopped, secrets()).filter((place) => !place.startsWith("temp/"))).toEqual([]);
          expect(found(await lab.post(), secrets()), `${signal} after ${after} ms`).toEqual([]);
          expect([...lab.files().keys()].filter((path) => /^(temp|home)\//.test(path))).toEqual([]);
        }
      },
    );
  });
});
