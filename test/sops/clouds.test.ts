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
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { build } from "../../scripts/build.ts";
import { describeWithPeer } from "../peers.ts";
import { answers, freePort, Internet, type Seen } from "./cloud-lab.ts";
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

  const hosts = (): string[] => [...new Set(internet.seen.map(({ host }) => host))];

  describeWithPeer("moto", (moto) => {
    let aws: Record<"arn" | "alias" | "replica" | "id" | "secret" | "role" | "denied", string>;
    let credentials: Pairs;
    let asOneMore: () => Promise<unknown>;
    beforeAll(async () => {
      const port = await freePort();
      children.push(spawn(moto, ["-p", String(port)], { stdio: "ignore" }));
      await answers(`http://127.0.0.1:${port}/moto-api/`);
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
    }, 120_000);

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
      const post = async (path: string, body: object): Promise<void> => {
        const response = await fetch(url + path, {
          method: "POST",
          headers: { "x-vault-token": token },
          body: JSON.stringify(body),
        });
        if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
      };
      await post("/v1/sys/mounts/transit", { type: "transit" });
      await post("/v1/transit/keys/sops", {});
      internet.services["vault.example.org"] = () => ({ port });
    }, 120_000);

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
    beforeAll(() => {
      const check =
        (token: string) =>
        ({ headers }: Seen) =>
          headers.authorization === `Bearer ${token}`;
      internet.services["oauth2.googleapis.com"] = ({ body }) => {
        const { assertion = "" } = Object.fromEntries(new URLSearchParams(body));
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
    test("a service account", () => both({ GOOGLE_APPLICATION_CREDENTIALS: write(serviceAccount()) }));

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
      const elsewhere = { ...serviceAccount(), token_uri: "https://oidc.example.org/token" };
      await refused(
        { "kms-allow": name },
        { GOOGLE_APPLICATION_CREDENTIALS: write(elsewhere) },
        "an address that is not Google's",
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
      ["a token", { AZURE_ACCESS_TOKEN: "azure-access-1" }],
    ])("%s", async (_, env) => {
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
