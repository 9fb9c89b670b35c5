/**
 * Keys of services: files that the real `sops` encrypted by them, decrypted by the built action. AWS is moto, which checks
 * signatures with AWS's own library, and Vault is OpenBao. GCP and Azure have no server here that others wrote: ours answers
 * both the real client of `sops` and the action, which must ask in the same way.
 */
import { type ChildProcess, execFileSync, spawn, execFile as start } from "node:child_process";
import {
  constants,
  createCipheriv,
  createDecipheriv,
  createVerify,
  generateKeyPairSync,
  privateDecrypt,
  publicEncrypt,
  randomBytes,
} from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { build } from "../../scripts/build.ts";
import { describeWithPeer } from "../peers.ts";
import { answers, freePort, Internet, type Seen, startMoto } from "./cloud-lab.ts";
import { type AgeKey, ageKey, Lab } from "./lab.ts";

type Pairs = Record<string, string>;
const yaml = "db:\n  user: deployer\n  password: correct-horse\n";
const execFile = promisify(start);

describeWithPeer("sops", (sops) => {
  let actions: string;
  let folder: string;
  let internet: Internet;
  let lab: Lab;
  const children: ChildProcess[] = [];
  beforeAll(async () => {
    actions = await build();
    folder = mkdtempSync(join(tmpdir(), "sops-clouds-"));
    internet = new Internet(folder, [
      ...["kms.eu-west-1.amazonaws.com", "sts.eu-west-1.amazonaws.com", "*.googleapis.com", "*.vault.azure.net"],
      ...["kms.us-east-1.amazonaws.com", "sts.eu-west-1.amazonaws.com.cn"],
      ...["login.microsoftonline.com", "vault.example.org", "oidc.example.org"],
    ]);
    await internet.start();
    internet.services["oidc.example.org"] = github;
  }, 300_000);
  afterAll(() => {
    for (const child of children) child.kill();
    internet?.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  beforeEach(() => {
    lab = new Lab(actions, sops);
    internet.seen.length = 0;
  });
  afterEach(() => lab.remove());

  /** What GitHub gives to a job with `id-token: write`. */
  const oidc = {
    ACTIONS_ID_TOKEN_REQUEST_URL: "https://oidc.example.org/token?v=1",
    ACTIONS_ID_TOKEN_REQUEST_TOKEN: "request-token-4711",
  };
  const identity = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJnaXRodWIiLCJzdWIiOiJyZXBvOm9jdG8vbGFiIn0.c2lnbmF0dXJl";
  const github = ({ headers }: Seen) =>
    headers.authorization === "Bearer request-token-4711" ? { json: { value: identity } } : { status: 401 };

  async function encrypt(name: string, args: string[], env: Pairs, content = yaml): Promise<void> {
    const file = lab.write(name, content);
    await execFile(sops, ["encrypt", "--in-place", ...args, file], {
      cwd: lab.workspace,
      env: { PATH: process.env.PATH, HOME: folder, ...internet.environment, ...env },
      timeout: 60_000,
    });
    internet.seen.length = 0;
  }

  /** Decrypts `secrets.yaml`, and looks that no credential came to light. */
  async function decrypt(inputs: Pairs, env: Pairs) {
    const ended = await lab.main(
      { files: "secrets.yaml", export: "env", ...inputs },
      { ...internet.environment, ...env },
    );
    const credentials = Object.entries(env).filter(([name]) => /SECRET|TOKEN$/.test(name));
    for (const [name, value] of [...credentials, ["OIDC", identity]] as const) {
      expect(ended.log, name).not.toContain(value);
      expect(lab.summary, name).not.toContain(value);
      expect(JSON.stringify(lab.state), name).not.toContain(value);
    }
    return ended;
  }

  async function succeeds(inputs: Pairs, env: Pairs): Promise<void> {
    const ended = await decrypt(inputs, env);
    expect(ended.code, ended.log).toBe(0);
    expect(lab.variables).toEqual({ db_user: "deployer", db_password: "correct-horse" });
  }

  async function refused(inputs: Pairs, env: Pairs, message: RegExp | string): Promise<void> {
    const ended = await decrypt(inputs, env);
    expect(ended.code, ended.log).toBe(1);
    expect(ended.log).toMatch(message);
    expect(lab.variables).toEqual({});
  }

  /** What Node runs before the action. */
  const before = (script: string): Pairs => {
    const file = join(folder, `before-${randomBytes(4).toString("hex")}.cjs`);
    writeFileSync(file, script);
    return { NODE_OPTIONS: `--require ${file}` };
  };

  /** A file that holds a token. */
  const tokenFile = (token: string): string => {
    const file = join(folder, "token");
    writeFileSync(file, `${token}\n`);
    return file;
  };

  const hosts = (): string[] => [...new Set(internet.seen.map(({ host }) => host))];

  describe("AWS KMS, on a server of ours: answers that moto does not give", () => {
    const name = (region: string): string =>
      `arn:aws:kms:${region}:111122223333:key/mrk-1234abcd12ab34cd56ef1234567890ab`;
    const credentials = { AWS_ACCESS_KEY_ID: "AKIAEXAMPLE", AWS_SECRET_ACCESS_KEY: "aws-secret-for-tests" };
    const secret = randomBytes(32);
    const regions = ["eu-west-1", "us-east-1"];
    /** A multi-region key is one key under a name in each region: https://docs.aws.amazon.com/kms/latest/developerguide/multi-region-keys-overview.html */
    const answer =
      (region: string) =>
      ({ headers, body }: Seen) => {
        const fields = JSON.parse(body) as Pairs;
        if (fields.KeyId !== name(region)) return { status: 400, json: { __type: "NotFoundException" } };
        const more = { KeyId: name(region), EncryptionAlgorithm: "SYMMETRIC_DEFAULT" };
        if (headers["x-amz-target"] === "TrentService.Encrypt") {
          const cipher = createCipheriv("aes-256-gcm", secret, Buffer.alloc(12));
          const sealed = [cipher.update(fields.Plaintext!, "base64"), cipher.final(), cipher.getAuthTag()];
          return { json: { ...more, CiphertextBlob: Buffer.concat(sealed).toString("base64") } };
        }
        const sealed = Buffer.from(fields.CiphertextBlob!, "base64");
        const decipher = createDecipheriv("aes-256-gcm", secret, Buffer.alloc(12)).setAuthTag(sealed.subarray(-16));
        const plain = Buffer.concat([decipher.update(sealed.subarray(0, -16)), decipher.final()]);
        return { json: { ...more, Plaintext: plain.toString("base64") } };
      };
    beforeAll(() => {
      for (const region of regions) internet.services[`kms.${region}.amazonaws.com`] = answer(region);
    });
    afterAll(() => {
      for (const region of regions) delete internet.services[`kms.${region}.amazonaws.com`];
    });

    test("a multi-region key opens in the next region when the first cannot be used", async () => {
      await encrypt("secrets.yaml", ["--kms", regions.map(name).join(",")], credentials);
      const allow = name("*");
      await succeeds({ "kms-allow": allow }, credentials);
      expect(hosts()).toEqual(["kms.eu-west-1.amazonaws.com"]);
      internet.services["kms.eu-west-1.amazonaws.com"] = () => ({ status: 400, json: { __type: "DisabledException" } });
      internet.seen.length = 0;
      try {
        await succeeds({ "kms-allow": allow }, credentials);
        expect(internet.seen.map(({ host, body }) => [host, JSON.parse(body).KeyId])).toEqual(
          regions.map((region) => [`kms.${region}.amazonaws.com`, name(region)]),
        );
      } finally {
        internet.services["kms.eu-west-1.amazonaws.com"] = answer("eu-west-1");
      }
    });

    test("a region that nobody has is not asked, though `*` is allowed for it", async () => {
      await encrypt("secrets.yaml", ["--kms", name("eu-west-1")], credentials);
      const text = readFileSync(join(lab.workspace, "secrets.yaml"), "utf8");
      lab.write("secrets.yaml", text.replace("kms:eu-west-1:", "kms:eu-evil-1:"));
      await refused({ "kms-allow": name("*") }, credentials, "not among the keys that are allowed");
      expect(internet.seen).toEqual([]);
    });

    test("credentials of one partition are not those of another", async () => {
      await encrypt("secrets.json", ["--kms", name("eu-west-1")], credentials, JSON.stringify({ a: "some-value" }));
      const file = JSON.parse(readFileSync(join(lab.workspace, "secrets.json"), "utf8"));
      const [own] = file.sops.kms;
      const chinese = own.arn.replace("arn:aws:", "arn:aws-cn:");
      lab.write(
        "secrets.json",
        JSON.stringify({ ...file, sops: { ...file.sops, kms: [own, { ...own, arn: chinese }] } }),
      );
      for (const host of ["sts.eu-west-1.amazonaws.com", "sts.eu-west-1.amazonaws.com.cn"])
        internet.services[host] = () => ({ status: 403 });
      try {
        const env = { ...oidc, AWS_ROLE_ARN: "arn:aws:iam::111122223333:role/sops" };
        await refused({ files: "secrets.json", "kms-allow": `${own.arn}\n${chinese}` }, env, "AWS STS refused (403)");
        expect(hosts()).toEqual([
          ...["oidc.example.org", "sts.eu-west-1.amazonaws.com", "sts.eu-west-1.amazonaws.com.cn"],
        ]);
      } finally {
        for (const host of ["sts.eu-west-1.amazonaws.com", "sts.eu-west-1.amazonaws.com.cn"])
          delete internet.services[host];
      }
    });
  });

  describeWithPeer("moto", (moto) => {
    let aws: Record<"arn" | "alias" | "replica" | "id" | "secret" | "role" | "denied", string>;
    let credentials: Pairs;
    let asOneMore: () => Promise<unknown>;
    beforeAll(async () => {
      const { child, port } = await startMoto(moto);
      children.push(child);
      const script = `
import boto3, json
def client(name): return boto3.client(name, region_name="eu-west-1", endpoint_url="http://127.0.0.1:${port}", aws_access_key_id="x", aws_secret_access_key="y")
kms, iam = client("kms"), client("iam")
arn = kms.create_key()["KeyMetadata"]["Arn"]
kms.create_alias(AliasName="alias/sops", TargetKeyId=arn)
replica = kms.create_key(MultiRegion=True)["KeyMetadata"]["Arn"]
allow = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["kms:*", "sts:*"], "Resource": "*"}]})
trust = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "*"}}]})
iam.create_user(UserName="ci"); iam.put_user_policy(UserName="ci", PolicyName="p", PolicyDocument=allow)
key = iam.create_access_key(UserName="ci")["AccessKey"]
role = iam.create_role(RoleName="sops", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
iam.put_role_policy(RoleName="sops", PolicyName="p", PolicyDocument=allow)
iam.create_user(UserName="no"); denied = iam.create_access_key(UserName="no")["AccessKey"]
print(json.dumps({"arn": arn, "alias": arn.split("key/")[0] + "alias/sops", "replica": replica, "role": role, "id": key["AccessKeyId"], "secret": key["SecretAccessKey"], "denied": denied["AccessKeyId"] + " " + denied["SecretAccessKey"]}))
`;
      aws = JSON.parse(execFileSync(join(dirname(moto), "python"), ["-c", script], { encoding: "utf8" }));
      internet.services[".amazonaws.com"] = () => ({ port });
      credentials = { AWS_ACCESS_KEY_ID: aws.id, AWS_SECRET_ACCESS_KEY: aws.secret };
      // From now on every request must be signed by a user who may.
      const unsigned = (requests: number) =>
        fetch(`http://127.0.0.1:${port}/moto-api/reset-auth`, { method: "POST", body: String(requests) });
      asOneMore = () => unsigned(1);
      await unsigned(0);
    });

    test.each(["arn", "alias"] as const)("AWS KMS: a key by its %s, bound to a context", async (name) => {
      await encrypt("secrets.yaml", ["--kms", aws[name], "--encryption-context", "team:data,env:prod"], credentials);
      await succeeds({ "kms-allow": aws[name] }, credentials);
      expect(JSON.parse(internet.seen.at(-1)!.body).EncryptionContext).toEqual({ team: "data", env: "prod" });
    });

    test("AWS KMS: a multi-region key is asked for in the region of its name", async () => {
      await encrypt("secrets.yaml", ["--kms", aws.replica], credentials);
      await decrypt({ "kms-allow": aws.replica.replace("eu-west-1", "*") }, credentials);
      // Moto cannot open what such a key encrypted (it takes the first 36 characters for its id), so this looks at the request.
      expect(internet.seen.map(({ host, body }) => [host, JSON.parse(body).KeyId])).toEqual([
        ["kms.eu-west-1.amazonaws.com", aws.replica],
      ]);
    });

    test.each(["json", "env", "ini"])("AWS KMS: metadata in a file of %s, with a context", async (format) => {
      const content = { json: '{"account":"deployer"}', env: "account=deployer\n", ini: "[db]\naccount = deployer\n" }[
        format
      ]!;
      await encrypt(`secrets.${format}`, ["--kms", aws.arn, "--encryption-context", "team:data"], credentials, content);
      const ended = await decrypt({ files: `secrets.${format}`, "kms-allow": aws.arn }, credentials);
      expect(ended.code, ended.log).toBe(0);
      expect(Object.values(lab.variables)).toEqual(["deployer"]);
    });

    test("AWS KMS: signatures are checked, and who may not is told", async () => {
      await encrypt("secrets.yaml", ["--kms", aws.arn], credentials);
      const wrong = { ...credentials, AWS_SECRET_ACCESS_KEY: "x".repeat(40) };
      await refused({ "kms-allow": aws.arn }, wrong, "AWS KMS (eu-west-1) refused (403");
      const [id = "", secret = ""] = aws.denied.split(" ");
      await refused(
        { "kms-allow": aws.arn },
        { AWS_ACCESS_KEY_ID: id, AWS_SECRET_ACCESS_KEY: secret },
        "AWS KMS (eu-west-1) refused (403",
      );
    });

    test("AWS KMS: the role of the file is assumed when it is allowed, and not otherwise", async () => {
      await encrypt("secrets.yaml", ["--kms", `${aws.arn}+${aws.role}`], credentials);
      await refused({ "kms-allow": aws.arn }, credentials, "not among the roles that are allowed");
      expect(internet.seen).toEqual([]);
      await succeeds({ "kms-allow": `${aws.arn}\n${aws.role}` }, credentials);
      expect(hosts()).toEqual(["sts.eu-west-1.amazonaws.com", "kms.eu-west-1.amazonaws.com"]);
    });

    test("AWS KMS: GitHub's token for a role, without any key", async () => {
      await encrypt("secrets.yaml", ["--kms", aws.arn], credentials);
      // Moto wants a signature of the request that is made to get what one signs with.
      await asOneMore();
      const env = { ...oidc, AWS_ROLE_ARN: aws.role };
      const ended = await decrypt({ "kms-allow": aws.arn }, env);
      expect(ended.code, ended.log).toBe(0);
      expect(ended.masks).toContain(identity);
      expect(hosts()).toEqual(["oidc.example.org", "sts.eu-west-1.amazonaws.com", "kms.eu-west-1.amazonaws.com"]);
    });

    test("AWS KMS: a token in a file for a role", async () => {
      await encrypt("secrets.yaml", ["--kms", aws.arn], credentials);
      const file = tokenFile("token-of-a-web-identity");
      await asOneMore();
      const env = { AWS_WEB_IDENTITY_TOKEN_FILE: file, AWS_ROLE_ARN: aws.role };
      const ended = await decrypt({ "kms-allow": aws.arn }, env);
      expect(ended.code, ended.log).toBe(0);
      expect(ended.masks).toContain("token-of-a-web-identity");
      expect(ended.log).not.toContain("token-of-a-web-identity");
      expect(hosts()).toEqual(["sts.eu-west-1.amazonaws.com", "kms.eu-west-1.amazonaws.com"]);
      expect(Object.fromEntries(new URLSearchParams(internet.seen[0]!.body)).WebIdentityToken).toBe(
        "token-of-a-web-identity",
      );
      await refused(
        { "kms-allow": aws.arn },
        { ...env, AWS_WEB_IDENTITY_TOKEN_FILE: join(folder, "no-such-token") },
        "The file that AWS_WEB_IDENTITY_TOKEN_FILE names cannot be read (ENOENT)",
      );
    });

    test("groups of three kinds of keys, of which two are needed", async () => {
      const key: AgeKey = await ageKey();
      const other: AgeKey = await ageKey();
      const rule = {
        shamir_threshold: 2,
        key_groups: [{ age: [key.recipient] }, { kms: [{ arn: aws.arn }] }, { age: [other.recipient] }],
      };
      lab.write(".sops.yaml", JSON.stringify({ creation_rules: [rule] }));
      await encrypt("secrets.yaml", [], credentials);
      await succeeds({ "kms-allow": aws.arn, "age-key": key.identity }, credentials);
      await refused(
        { "age-key": key.identity },
        credentials,
        /of which 2 are needed, and 1 could be opened\. The groups name age \S+, AWS KMS arn:aws:kms\S+, age \S+; offered was age1\S+\. Keys of services are asked only when `kms-allow` lists them/,
      );
    });
  });

  describeWithPeer("openbao", (bao) => {
    const token = `root-${randomBytes(8).toString("hex")}`;
    const name = "https://vault.example.org/v1/transit/keys/sops";
    beforeAll(async () => {
      const port = await freePort();
      const args = [
        "server",
        "-dev",
        `-dev-root-token-id=${token}`,
        `-dev-listen-address=127.0.0.1:${port}`,
        "-dev-no-store-token",
      ];
      children.push(spawn(bao, args, { stdio: "ignore", env: { PATH: process.env.PATH, HOME: folder } }));
      const url = `http://127.0.0.1:${port}`;
      await answers(`${url}/v1/sys/health`);
      const post = async (path: string, body: object, namespace = ""): Promise<void> => {
        const response = await fetch(url + path, {
          method: "POST",
          headers: { "x-vault-token": token, "x-vault-namespace": namespace },
          body: JSON.stringify(body),
        });
        if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
      };
      await post("/v1/sys/mounts/transit", { type: "transit" });
      await post("/v1/transit/keys/sops", {});
      await post("/v1/sys/namespaces/team", {});
      await post("/v1/sys/mounts/transit", { type: "transit" }, "team");
      await post("/v1/transit/keys/sops", {}, "team");
      internet.services["vault.example.org"] = () => ({ port });
    });

    test("Vault: a key of the transit engine", async () => {
      await encrypt("secrets.yaml", ["--hc-vault-transit", name], { VAULT_TOKEN: token });
      await succeeds({ "kms-allow": "https://vault.example.org/v1/transit/keys/*" }, { VAULT_TOKEN: token });
      await refused(
        { "kms-allow": name },
        { VAULT_TOKEN: "wrong-token-1234" },
        "Vault (https://vault.example.org) refused (403)",
      );
      await refused({ "kms-allow": name }, {}, "No key was given");
      const ended = await decrypt({ "kms-allow": name, "missing-key": "skip" }, {});
      expect([ended.code, lab.outputs.decrypted]).toEqual([0, "false"]);
    });

    test("Vault: a key in a namespace, which another of the same name does not open", async () => {
      const env = { VAULT_TOKEN: token, VAULT_NAMESPACE: "team" };
      await encrypt("secrets.yaml", ["--hc-vault-transit", name], env);
      await succeeds({ "kms-allow": name }, env);
      await refused({ "kms-allow": name }, { VAULT_TOKEN: token }, "Vault (https://vault.example.org) refused (400)");
    });

    test("at most 20 keys are asked, however many the file names", async () => {
      await encrypt("secrets.json", ["--hc-vault-transit", name], { VAULT_TOKEN: token }, '{"a":"some-value"}');
      const file = JSON.parse(readFileSync(join(lab.workspace, "secrets.json"), "utf8"));
      const [own] = file.sops.hc_vault;
      const broken = Array.from({ length: 20 }, () => ({ ...own, enc: "vault:v1:AAAA" }));
      const write = (keys: object[]): string =>
        lab.write("secrets.json", JSON.stringify({ ...file, sops: { ...file.sops, hc_vault: keys } }));
      write([...broken, own]);
      const inputs = { files: "secrets.json", "kms-allow": name };
      await refused(inputs, { VAULT_TOKEN: token }, "is not asked: more than 20 were asked already");
      expect(internet.seen).toHaveLength(20);
      write([...broken.slice(1), own]);
      const ended = await decrypt(inputs, { VAULT_TOKEN: token });
      expect([ended.code, lab.variables]).toEqual([0, { a: "some-value" }]);
    });

    test("a service that does not answer, or not to the end, is left after three times 20 s", async () => {
      await encrypt("secrets.yaml", ["--hc-vault-transit", name], { VAULT_TOKEN: token });
      const real = internet.services["vault.example.org"]!;
      const silent = createHttpServer((request, response) => {
        if (request.headers["x-begin"]) response.writeHead(200).write("{");
      }).listen(0, "127.0.0.1");
      await once(silent, "listening");
      // A second of the action's clock takes 20 ms.
      const fast = before(
        "const { timeout } = AbortSignal; AbortSignal.timeout = (ms) => timeout.call(AbortSignal, ms / 50);",
      );
      try {
        for (const begin of [false, true]) {
          internet.services["vault.example.org"] = ({ headers }) => {
            if (begin) headers["x-begin"] = "1";
            return { port: (silent.address() as AddressInfo).port };
          };
          internet.seen.length = 0;
          await refused(
            { "kms-allow": name },
            { VAULT_TOKEN: token, ...fast },
            "could not be reached at vault.example.org (no answer in 20 s)",
          );
          expect(internet.seen).toHaveLength(3);
        }
      } finally {
        internet.services["vault.example.org"] = real;
        silent.close().closeAllConnections();
      }
    });

    test("a service that is busy is asked again", async () => {
      await encrypt("secrets.yaml", ["--hc-vault-transit", name], { VAULT_TOKEN: token });
      const real = internet.services["vault.example.org"]!;
      const busy = [503, 429];
      try {
        internet.services["vault.example.org"] = (seen) => {
          const status = busy.shift();
          return status === undefined ? real(seen) : { status };
        };
        await succeeds({ "kms-allow": name }, { VAULT_TOKEN: token });
        expect(internet.seen).toHaveLength(3);
      } finally {
        internet.services["vault.example.org"] = real;
      }
    });

    test("a proxy that this Node cannot use is not gone past", async () => {
      await encrypt("secrets.yaml", ["--hc-vault-transit", name], { VAULT_TOKEN: token });
      const older = before('delete require("node:http").setGlobalProxyFromEnv;');
      await refused(
        { "kms-allow": name },
        { VAULT_TOKEN: token, ...older },
        /HTTPS_PROXY names a proxy, which Node v24\S+ cannot be told to use/,
      );
      expect(internet.seen).toEqual([]);
      // Without one, such a Node asks directly, and here nobody is there.
      await refused(
        { "kms-allow": name },
        { VAULT_TOKEN: token, ...older, HTTPS_PROXY: "" },
        /could not be reached at vault\.example\.org \((ENOTFOUND|EAI_AGAIN)\)/,
      );
    });

    test("an address whose port is none is refused as one", async () => {
      await encrypt("secrets.yaml", ["--hc-vault-transit", name], { VAULT_TOKEN: token });
      const text = readFileSync(join(lab.workspace, "secrets.yaml"), "utf8");
      lab.write("secrets.yaml", text.replace("https://vault.example.org", "https://vault.example.org:99999"));
      await refused({ "kms-allow": name }, { VAULT_TOKEN: token }, "is not asked: it is no name of such a key");
      await refused({ "kms-allow": name.replace(".org", ".org:99999") }, { VAULT_TOKEN: token }, "is no name of a key");
    });

    test("a token of one line is masked, whatever it starts with and however short it is", async () => {
      await encrypt("secrets.yaml", ["--hc-vault-transit", name], { VAULT_TOKEN: token });
      for (const value of ["#token-like-a-comment\n", "s.1\n", "-----token\n"]) {
        const ended = await decrypt({ "kms-allow": name }, { VAULT_TOKEN: value });
        expect(ended.masks, value).toContain(value.trim());
      }
    });

    test("what the list does not allow is asked by not one byte", async () => {
      await encrypt("secrets.yaml", ["--hc-vault-transit", name], { VAULT_TOKEN: token });
      const key = await ageKey();
      for (const allow of [
        "https://vault.example.org/v1/transit/keys/other",
        "https://vault.example.com/v1/transit/keys/sops",
      ])
        await refused({ "kms-allow": allow }, { VAULT_TOKEN: token }, "not among the keys that are allowed");
      await refused({ "age-key": key.identity }, { VAULT_TOKEN: token }, "asked only when `kms-allow` lists them");
      await refused({ "kms-allow": "https://*/v1/transit/keys/sops" }, { VAULT_TOKEN: token }, "is no name of a key");
      expect(internet.seen).toEqual([]);
    });

    test("a service that sends elsewhere, or answers without end, is refused", async () => {
      await encrypt("secrets.yaml", ["--hc-vault-transit", name], { VAULT_TOKEN: token });
      const real = internet.services["vault.example.org"]!;
      try {
        internet.services["vault.example.org"] = () => ({
          status: 307,
          headers: { location: "https://oidc.example.org/" },
        });
        await refused({ "kms-allow": name }, { VAULT_TOKEN: token }, "sends elsewhere (307), which is refused");
        expect(hosts()).toEqual(["vault.example.org"]);
        internet.services["vault.example.org"] = () => ({ json: { data: { plaintext: "A".repeat(100_000) } } });
        await refused({ "kms-allow": name }, { VAULT_TOKEN: token }, "more than 65536 bytes");
        // What comes back as a key opens nothing, unless it is the one.
        internet.services["vault.example.org"] = () => ({
          json: { data: { plaintext: Buffer.alloc(32).toString("base64") } },
        });
        await refused({ "kms-allow": name }, { VAULT_TOKEN: token }, "does not authenticate");
      } finally {
        internet.services["vault.example.org"] = real;
      }
    });
  });

  describe("GCP KMS, on a server of ours that the client of sops takes for Google's", () => {
    const name = "projects/acme/locations/europe/keyRings/sops/cryptoKeys/files";
    const account = generateKeyPairSync("rsa", { modulusLength: 2048 });
    const secret = randomBytes(32);
    const forms: Pairs[] = [];
    const assertions: string[] = [];
    beforeAll(() => {
      const check =
        (token: string) =>
        ({ headers }: Seen) =>
          headers.authorization === `Bearer ${token}`;
      internet.services["oauth2.googleapis.com"] = ({ body }) => {
        const { assertion = "" } = Object.fromEntries(new URLSearchParams(body));
        assertions.push(assertion);
        const [head, claims, signature = ""] = assertion.split(".");
        const good = createVerify("RSA-SHA256")
          .update(`${head}.${claims}`)
          .verify(account.publicKey, signature, "base64url");
        const said = JSON.parse(Buffer.from(claims ?? "", "base64url").toString() || "{}");
        return good &&
          said.iss === "ci@acme.iam.gserviceaccount.com" &&
          said.aud === "https://oauth2.googleapis.com/token"
          ? { json: { access_token: "access-1", expires_in: 600, token_type: "Bearer" } }
          : { status: 400, json: { error: "invalid_grant" } };
      };
      internet.services["sts.googleapis.com"] = ({ body }) => {
        const fields = Object.fromEntries(new URLSearchParams(body));
        forms.push(fields);
        return fields.subject_token === identity
          ? {
              json: {
                access_token: "federated-1",
                issued_token_type: "urn:ietf:params:oauth:token-type:access_token",
                token_type: "Bearer",
                expires_in: 600,
              },
            }
          : { status: 400, json: { error: "invalid_grant" } };
      };
      internet.services["iamcredentials.googleapis.com"] = (seen) =>
        check("federated-1")(seen)
          ? { json: { accessToken: "access-1", expireTime: new Date(Date.now() + 600_000).toISOString() } }
          : { status: 403 };
      internet.services["cloudkms.googleapis.com"] = (seen) => {
        if (!check("access-1")(seen))
          return { status: 403, json: { error: { code: 403, status: "PERMISSION_DENIED" } } };
        const input = JSON.parse(seen.body) as { plaintext?: string; ciphertext?: string };
        if (seen.path.split("?")[0] === `/v1/${name}:encrypt`) {
          const cipher = createCipheriv("aes-256-gcm", secret, Buffer.alloc(12));
          const sealed = Buffer.concat([
            cipher.update(input.plaintext!, "base64"),
            cipher.final(),
            cipher.getAuthTag(),
          ]);
          return { json: { name, ciphertext: sealed.toString("base64") } };
        }
        if (seen.path.split("?")[0] !== `/v1/${name}:decrypt`)
          return { status: 404, json: { error: { status: "NOT_FOUND" } } };
        const sealed = Buffer.from(input.ciphertext!, "base64");
        const decipher = createDecipheriv("aes-256-gcm", secret, Buffer.alloc(12)).setAuthTag(sealed.subarray(-16));
        const plain = Buffer.concat([decipher.update(sealed.subarray(0, -16)), decipher.final()]);
        return { json: { plaintext: plain.toString("base64") } };
      };
    });
    const rest = { SOPS_GCP_KMS_CLIENT_TYPE: "rest" };
    const write = (credentials: object): string => {
      const file = join(folder, "google.json");
      writeFileSync(file, JSON.stringify(credentials));
      return file;
    };
    const serviceAccount = () => ({
      type: "service_account",
      client_email: "ci@acme.iam.gserviceaccount.com",
      private_key: account.privateKey.export({ type: "pkcs8", format: "pem" }),
      private_key_id: "1",
      token_uri: "https://oauth2.googleapis.com/token",
    });

    /** The request for the data key, as the service saw it last. */
    const asked = () => {
      const { host, method, path, body } = internet.seen.findLast((seen) => seen.path.includes(":decrypt"))!;
      // The client of sops says the name of the key once more in the body.
      return { host, method, path: path.split("?")[0], ciphertext: JSON.parse(body).ciphertext };
    };

    async function both(env: Pairs): Promise<void> {
      await encrypt("secrets.yaml", ["--gcp-kms", name], { ...rest, ...env });
      await succeeds({ "kms-allow": "projects/acme/locations/europe/keyRings/sops/cryptoKeys/*" }, env);
      const ours = asked();
      await execFile(sops, ["decrypt", join(lab.workspace, "secrets.yaml")], {
        env: { PATH: process.env.PATH, HOME: folder, ...internet.environment, ...rest, ...env },
      });
      expect(ours).toEqual(asked());
    }

    test("a token", () => both({ GOOGLE_OAUTH_ACCESS_TOKEN: "access-1" }));
    test.each<[string, () => Pairs]>([
      ["GOOGLE_APPLICATION_CREDENTIALS", () => ({ GOOGLE_APPLICATION_CREDENTIALS: write(serviceAccount()) })],
      ["GOOGLE_CREDENTIALS, a path", () => ({ GOOGLE_CREDENTIALS: write(serviceAccount()) })],
      ["GOOGLE_CREDENTIALS, the text", () => ({ GOOGLE_CREDENTIALS: JSON.stringify(serviceAccount()) })],
      ["GOOGLE_CREDENTIALS, in lines", () => ({ GOOGLE_CREDENTIALS: JSON.stringify(serviceAccount(), null, 2) })],
    ])("a service account: %s", async (_, env) => {
      await both(env());
      const { key, assertion } = { key: serviceAccount().private_key as string, assertion: assertions.at(-1)! };
      const ended = await decrypt({ "kms-allow": name }, env());
      expect(ended.masks).toEqual(expect.arrayContaining([assertions.at(-1), "access-1", key.split("\n")[3]]));
      expect(assertions.at(-1)).not.toBe(assertion);
      expect(ended.log).not.toMatch(/eyJ|access-1/);
    });

    test("workload identity with GitHub's token, as google-github-actions/auth writes it", async () => {
      const file = write({
        type: "external_account",
        audience: "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/github/providers/github",
        subject_token_type: "urn:ietf:params:oauth:token-type:jwt",
        token_url: "https://sts.googleapis.com/v1/token",
        service_account_impersonation_url:
          "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/ci@acme.iam.gserviceaccount.com:generateAccessToken",
        credential_source: {
          url: `${oidc.ACTIONS_ID_TOKEN_REQUEST_URL}&audience=x`,
          headers: { Authorization: `Bearer ${oidc.ACTIONS_ID_TOKEN_REQUEST_TOKEN}` },
          format: { type: "json", subject_token_field_name: "value" },
        },
      });
      await both({ ...oidc, GOOGLE_APPLICATION_CREDENTIALS: file });
      // The exchange, too, is asked for as Google's library does.
      const [theirs, ours] = forms.map(
        ({ grant_type, audience, subject_token, subject_token_type, requested_token_type }) => ({
          grant_type,
          audience,
          subject_token,
          subject_token_type,
          requested_token_type,
        }),
      );
      expect(ours).toEqual(theirs);
    });

    test("credentials that would be sent elsewhere are not", async () => {
      await encrypt("secrets.yaml", ["--gcp-kms", name], { ...rest, GOOGLE_OAUTH_ACCESS_TOKEN: "access-1" });
      for (const address of ["https://oidc.example.org/token", "https://storage.googleapis.com/token"])
        await refused(
          { "kms-allow": name },
          { GOOGLE_APPLICATION_CREDENTIALS: write({ ...serviceAccount(), token_uri: address }) },
          "have a `token_uri` that is not Google's own address",
        );
      const federated = {
        type: "external_account",
        token_url: "https://sts.googleapis.com/v1/token",
        credential_source: { file: tokenFile(identity) },
      };
      for (const more of [
        { token_url: "https://storage.googleapis.com/v1/token" },
        { service_account_impersonation_url: "https://run.googleapis.com/v1/x:generateAccessToken" },
      ])
        await refused(
          { "kms-allow": name },
          { GOOGLE_APPLICATION_CREDENTIALS: write({ ...federated, ...more }) },
          `have a \`${Object.keys(more)[0]}\` that is not Google's own address`,
        );
      await refused(
        { "kms-allow": name },
        { GOOGLE_OAUTH_ACCESS_TOKEN: "wrong-token-9" },
        "GCP KMS refused (403 PERMISSION_DENIED)",
      );
      expect(hosts()).toEqual(["cloudkms.googleapis.com"]);
    });
  });

  describe("Azure Key Vault, on a server of ours that the client of sops takes for Azure's", () => {
    const key = generateKeyPairSync("rsa", { modulusLength: 2048 });
    const url = "https://lab.vault.azure.net/keys/sops";
    const oaep = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: "sha256" };
    beforeAll(() => {
      const issuer = "https://login.microsoftonline.com/tenant-1";
      internet.services["login.microsoftonline.com"] = ({ path, body }) => {
        if (path.startsWith("/common/discovery"))
          return {
            json: { tenant_discovery_endpoint: `${issuer}/v2.0/.well-known/openid-configuration`, metadata: [] },
          };
        if (path.includes("openid-configuration"))
          return {
            json: {
              authorization_endpoint: `${issuer}/oauth2/v2.0/authorize`,
              token_endpoint: `${issuer}/oauth2/v2.0/token`,
              issuer: `${issuer}/v2.0`,
            },
          };
        const {
          client_id,
          client_secret,
          client_assertion,
          scope = "",
        } = Object.fromEntries(new URLSearchParams(body)) as Pairs;
        const known = client_secret === "azure-secret-1" || client_assertion === identity;
        return known &&
          client_id === "client-1" &&
          scope.includes("https://vault.azure.net/.default") &&
          path === "/tenant-1/oauth2/v2.0/token"
          ? { json: { access_token: "azure-access-1", expires_in: 3600, token_type: "Bearer" } }
          : { status: 401, json: { error: "invalid_client" } };
      };
      internet.services["lab.vault.azure.net"] = ({ headers, path, body }) => {
        if (headers.authorization !== "Bearer azure-access-1")
          return {
            status: 401,
            json: { error: { code: "Unauthorized" } },
            headers: {
              "www-authenticate":
                'Bearer authorization="https://login.microsoftonline.com/tenant-1", resource="https://vault.azure.net"',
            },
          };
        const where = path.split("?")[0]!;
        if (/^\/keys\/sops\/?$/.test(where)) return { json: { key: { kid: `${url}/0123abcd`, kty: "RSA" } } };
        const { alg, value } = JSON.parse(body) as Pairs;
        if (alg !== "RSA-OAEP-256") return { status: 400 };
        const input = Buffer.from(value!, "base64url");
        if (where === "/keys/sops/0123abcd/encrypt")
          return {
            json: { kid: url, value: publicEncrypt({ key: key.publicKey, ...oaep }, input).toString("base64url") },
          };
        if (where !== "/keys/sops/0123abcd/decrypt") return { status: 404, json: { error: { code: "KeyNotFound" } } };
        return {
          json: { kid: url, value: privateDecrypt({ key: key.privateKey, ...oaep }, input).toString("base64url") },
        };
      };
    });
    const application = { AZURE_TENANT_ID: "tenant-1", AZURE_CLIENT_ID: "client-1" };
    const withSecret = { ...application, AZURE_CLIENT_SECRET: "azure-secret-1" };

    test.each<[string, Pairs]>([
      ["a client secret", withSecret],
      ["GitHub's token", { ...application, ...oidc }],
      ["a token in a file", { ...application, AZURE_FEDERATED_TOKEN_FILE: "FILE" }],
      ["a token", { AZURE_ACCESS_TOKEN: "azure-access-1" }],
    ])("%s", async (_, given) => {
      const env = given.AZURE_FEDERATED_TOKEN_FILE
        ? { ...given, AZURE_FEDERATED_TOKEN_FILE: tokenFile(identity) }
        : given;
      await encrypt("secrets.yaml", ["--azure-kv", url], withSecret);
      await succeeds({ "kms-allow": url }, env);
      const asked = () => {
        const { host, method, path, body, headers } = internet.seen.findLast(
          (seen) => seen.path.includes("/decrypt") && seen.body !== "",
        )!;
        return { host, method, path: path.split("?")[0], authorization: headers.authorization, body: JSON.parse(body) };
      };
      const ours = asked();
      await execFile(sops, ["decrypt", join(lab.workspace, "secrets.yaml")], {
        env: { PATH: process.env.PATH, HOME: folder, ...internet.environment, ...withSecret },
      });
      expect(ours).toEqual(asked());
    });

    test("who may not is told", async () => {
      await encrypt("secrets.yaml", ["--azure-kv", url], withSecret);
      for (const tenant of ["..", ".", "a/b", "a..b"])
        await refused({ "kms-allow": url }, { ...withSecret, AZURE_TENANT_ID: tenant }, "is no name of a tenant");
      expect(internet.seen).toEqual([]);
      await refused(
        { "kms-allow": url },
        { ...withSecret, AZURE_CLIENT_SECRET: "wrong-secret-2" },
        "Azure's token service refused (401 invalid_client)",
      );
      await refused(
        { "kms-allow": url },
        { AZURE_ACCESS_TOKEN: "wrong-token-3" },
        "Azure Key Vault refused (401 Unauthorized)",
      );
    });
  });
});
