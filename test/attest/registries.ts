/** Real image registries on this machine, open or behind a login. */
import { type ChildProcess, spawn } from "node:child_process";
import { createHash, generateKeyPairSync, type KeyObject, randomInt, sign } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { type AddressInfo, createServer as createSocket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const user = "octo";
export const password = "geheim-pass";
// Of that password: made by `perl -e 'print crypt("geheim-pass", q{$2y$05$…})'`.
const bcrypt = "$2y$05$abcdefghijklmnopqrstuuTXKrTUluG/0HdUo.S/Vl8OcebQz494i";

export interface Registry {
  /** `127.0.0.1:<port>`. */
  host: string;
  /** Scopes that its token service was asked for, with who asked; rights in order, since the registry names them in any. */
  asked: string[];
  close: () => void;
}

/** How a registry wants to know who asks. */
type Login = "none" | "basic" | "bearer";

/**
 * A free port for a program that does not say which one it took. Not one that the system gives away: until the program has it,
 * the next server or connection of any process here could get it, and be taken for the program.
 */
async function freePort(): Promise<number> {
  for (;;) {
    // Above 10,080, which fetch refuses to ask.
    const port = randomInt(10_081, 32_000);
    const server = createSocket().listen(port, "127.0.0.1");
    try {
      await once(server, "listening");
    } catch {
      continue; // taken
    }
    server.close();
    await once(server, "close");
    return port;
  }
}

/** Starts CNCF's registry, which has no API for referrers. */
export async function startDistribution(program: string, login: Login = "none"): Promise<Registry> {
  const [folder, port] = [mkdtempSync(join(tmpdir(), "registry-")), await freePort()];
  const asked: string[] = [];
  const tokens = login === "bearer" ? await startTokens(folder, asked) : undefined;
  const auth = {
    none: {},
    basic: { auth: { htpasswd: { realm: "test", path: join(folder, "htpasswd") } } },
    bearer: { auth: { token: tokens?.config } },
  }[login];
  writeFileSync(join(folder, "htpasswd"), `${user}:${bcrypt}\n`);
  writeFileSync(
    join(folder, "config.yml"), // JSON is YAML
    JSON.stringify({
      version: "0.1",
      log: { level: "error" },
      storage: { filesystem: { rootdirectory: join(folder, "data") } },
      http: { addr: `127.0.0.1:${port}` },
      ...auth,
    }),
  );
  const env = { ...process.env, OTEL_TRACES_EXPORTER: "none" };
  const child = spawn(program, ["serve", join(folder, "config.yml")], { env, stdio: "ignore" });
  return ready(child, port, asked, () => {
    tokens?.server.close();
    rmSync(folder, { recursive: true, force: true });
  });
}

/** Starts the registry of `ociregistry`, which has that API. */
export async function startOciRegistry(program: string): Promise<Registry> {
  const port = await freePort();
  return ready(spawn(program, [`127.0.0.1:${port}`], { stdio: "ignore" }), port, [], () => {});
}

async function ready(child: ChildProcess, port: number, asked: string[], clean: () => void): Promise<Registry> {
  const host = `127.0.0.1:${port}`;
  const close = (): void => {
    child.once("exit", clean);
    child.kill("SIGKILL");
  };
  for (let tries = 0; tries < 100; tries++) {
    if (child.exitCode !== null) throw new Error(`the registry ended with ${child.exitCode}`);
    const answer = await fetch(`http://${host}/v2/`).catch(() => undefined);
    if (answer) return { host, asked, close };
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  close();
  throw new Error("the registry does not answer");
}

/** A token service: https://distribution.github.io/distribution/spec/auth/token */
async function startTokens(folder: string, asked: string[]): Promise<{ server: Server; config: object }> {
  const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const kid = keyId(publicKey);
  const jwk = { ...publicKey.export({ format: "jwk" }), kid, alg: "RS256", use: "sig" };
  writeFileSync(join(folder, "jwks.json"), JSON.stringify({ keys: [jwk] }));
  const [service, issuer] = ["test-registry", "test-issuer"];
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? "", "http://127.0.0.1");
    const [name, secret] = Buffer.from(request.headers.authorization?.split(" ")[1] ?? "", "base64")
      .toString()
      .split(":");
    const [type = "", repository = "", actions = ""] = (url.searchParams.get("scope") ?? "").split(":");
    const rights = actions === "" ? [] : actions.split(",").sort();
    asked.push(`${name} ${type}:${repository}:${rights.join(",")}`);
    if (name !== user || secret !== password) return void response.writeHead(401).end();
    const now = Math.floor(Date.now() / 1000);
    const access = type === "" ? [] : [{ type, name: repository, actions: rights }];
    const claims = {
      iss: issuer,
      sub: name,
      aud: service,
      exp: now + 300,
      nbf: now - 5,
      iat: now,
      jti: `${now}`,
      access,
    };
    const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
    const signed = `${encode({ typ: "JWT", alg: "RS256", kid })}.${encode(claims)}`;
    const token = `${signed}.${sign("sha256", Buffer.from(signed), privateKey).toString("base64url")}`;
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ token }));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const realm = `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`;
  return { server, config: { realm, service, issuer, jwks: join(folder, "jwks.json") } };
}

const keyId = (key: KeyObject): string =>
  createHash("sha256")
    .update(key.export({ format: "der", type: "spki" }))
    .digest("base64url");
