/** Attestations beside an image in real registries, as clients that others wrote find and judge them. */
import { once } from "node:events";
import { chmodSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { run } from "@goatnote/action-io";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { forgeLayout } from "../../packages/attestation/src/forge-layout.ts";
import { describeWithPeer } from "../peers.ts";
import { AttestLab } from "./lab.ts";
import { password, type Registry, startDistribution, startOciRegistry, user } from "./registries.ts";

let lab: AttestLab;
const layout = forgeLayout();
beforeAll(async () => {
  lab = await AttestLab.make();
  lab.write(Object.fromEntries(Object.entries(layout.files).map(([name, content]) => [`image/${name}`, content])));
});
afterAll(() => lab.close());

const bundleType = "application/vnd.dev.sigstore.bundle.v0.3+json";
const provenance = "https://slsa.dev/provenance/v1";
const auth = (secret: string) => Buffer.from(`${user}:${secret}`).toString("base64");

/** A folder with what `docker login` leaves. */
function loggedIn(name: string, config: object): Record<string, string> {
  lab.write({ [`${name}/config.json`]: JSON.stringify(config) });
  return { DOCKER_CONFIG: join(lab.workspace, name) };
}

function attestImage(
  { host }: Registry,
  { inputs = {}, env = {} }: { inputs?: Record<string, string>; env?: Record<string, string> } = {},
) {
  const image = { "subject-name": `${host}/octo/app`, "subject-digest": layout.digest, "push-to-registry": "true" };
  return lab.attest(
    { ...image, upload: "none", "retry-for": "2s", "output-dir": "", ...inputs },
    { DOCKER_CONFIG: "/none", ...env },
  );
}

describeWithPeer("oras", (oras) => {
  const push = ({ host }: Registry, env: Record<string, string> = {}) => {
    const from = `${join(lab.workspace, "image")}@${layout.digest}`;
    return run([oras, "copy", "--from-oci-layout", "--to-plain-http", from, `${host}/octo/app:v1`], { env });
  };

  /** What clients see in a registry, with or without the API for referrers. */
  function showsBoth(hasReferrers: boolean, start: () => Promise<Registry>): void {
    describe(`${hasReferrers ? "with" : "without"} the API for referrers`, () => {
      let registry: Registry;
      beforeAll(async () => {
        registry = await start();
        await push(registry);
        lab.write({ "review.json": '{"reviewed":true}' });
        const custom = {
          predicate: "custom",
          "predicate-type": "https://example.org/review/v1",
          "predicate-path": "review.json",
        };
        for (const inputs of [{}, custom]) {
          const signed = await attestImage(registry, { inputs });
          expect(signed.code, signed.log).toBe(0);
          expect(signed.log).toContain(`Attached to ${registry.host}/octo/app@${layout.digest}`);
        }
      });
      afterAll(() => registry.close());

      test("the tag for referrers is there where it is needed, and only there", async () => {
        const { stdout } = await run([oras, "repository", "tags", "--plain-http", `${registry.host}/octo/app`]);
        const tag = layout.digest.replace(":", "-");
        expect(stdout.trim().split("\n").sort()).toEqual(hasReferrers ? ["v1"] : [tag, "v1"]);
      });

      test("oras finds both, each by its type", async () => {
        const image = `${registry.host}/octo/app@${layout.digest}`;
        const { stdout } = await run([oras, "discover", "--plain-http", "--format", "json", image]);
        const { referrers } = JSON.parse(stdout) as {
          referrers: { artifactType: string; annotations: Record<string, string> }[];
        };
        expect(referrers.map(({ artifactType }) => artifactType)).toEqual([bundleType, bundleType]);
        expect(referrers.map(({ annotations }) => annotations["dev.sigstore.bundle.predicateType"]).sort()).toEqual([
          "https://example.org/review/v1",
          provenance,
        ]);
      });

      describeWithPeer("cosign", (cosign) => {
        test("cosign verifies the image by what it finds there, and no other signer", async () => {
          const ask = (signer: string, type = provenance) =>
            run(
              [
                cosign,
                ...["verify-attestation", "--allow-http-registry", "--use-signed-timestamps", "--type", type],
                ...["--trusted-root", join(lab.workspace, "trusted_root.json")],
                ...["--certificate-identity", signer, "--certificate-oidc-issuer", lab.backend.url],
                `${registry.host}/octo/app@${layout.digest}`,
              ],
              { check: false, timeoutMs: 60_000 },
            );
          const good = await ask(lab.signer);
          expect(good.code, good.stderr).toBe(0);
          expect((await ask(lab.signer, "https://example.org/review/v1")).code).toBe(0);
          expect((await ask(lab.signer, "https://example.org/other/v1")).code).not.toBe(0);
          expect((await ask(`${lab.signer}4`)).code).not.toBe(0);
        });
      });
    });
  }

  describeWithPeer("ociregistry", (program) => showsBoth(true, () => startOciRegistry(program)));

  describeWithPeer("registry", (distribution) => {
    showsBoth(false, () => startDistribution(distribution));

    test.each(["basic", "bearer"] as const)("a registry that asks who it is (%s)", async (login) => {
      const registry = await startDistribution(distribution, login);
      try {
        const env = loggedIn("docker", { auths: { [registry.host]: { auth: auth(password) } } });
        await push(registry, env);
        const nobody = await attestImage(registry);
        expect(nobody.code).toBe(1);
        expect(nobody.log).toMatch(/::error::The registry \(127\.0\.0\.1:\d+\) did not take the attestation: .*log in/);
        const wrong = await attestImage(registry, {
          env: loggedIn("wrong", { auths: { [registry.host]: { auth: auth("other-password") } } }),
        });
        expect(wrong.code).toBe(1);
        expect(wrong.log).toContain("it answered 401 (log in to it in an earlier step");

        const signed = await attestImage(registry, { env });
        expect(signed.code, signed.log).toBe(0);
        const said = signed.log.replace(/^::add-mask::.*$/gm, "");
        for (const secret of [password, auth(password)]) {
          expect(signed.log).toContain(`::add-mask::${secret}`);
          expect(said).not.toContain(secret);
        }
        if (login === "bearer") expect(registry.asked.at(-1)).toBe(`${user} repository:octo/app:pull,push`);
      } finally {
        registry.close();
      }
    });

    test.skipIf(process.platform === "win32")("a credential helper, for this registry alone", async () => {
      const registry = await startDistribution(distribution, "basic");
      try {
        lab.write({
          "bin/docker-credential-lab": `#!/bin/sh\nread -r host || true\n[ "$host" = ${registry.host} ] && [ "$1" = get ] || { echo credentials not found in native keychain; exit 1; }\necho '{"ServerURL":"","Username":"${user}","Secret":"${password}"}'\n`,
        });
        chmodSync(join(lab.workspace, "bin/docker-credential-lab"), 0o755);
        const path = `${join(lab.workspace, "bin")}:${process.env.PATH}`;
        const env = { ...loggedIn("helped", { credHelpers: { [registry.host]: "lab" } }), PATH: path };
        await push(registry, env);
        const signed = await attestImage(registry, { env });
        expect(signed.code, signed.log).toBe(0);
        const all = { ...loggedIn("store", { credsStore: "lab", auths: {} }), PATH: path };
        expect((await attestImage(registry, { env: all })).code).toBe(0);
      } finally {
        registry.close();
      }
    });

    test("a login that an open registry does not ask for", async () => {
      const registry = await startDistribution(distribution);
      try {
        await push(registry);
        const env = loggedIn("needless", { auths: { [registry.host]: { auth: auth(password) } } });
        const signed = await attestImage(registry, { env });
        expect(signed.code, signed.log).toBe(0);
      } finally {
        registry.close();
      }
    });

    test("an image that is not there, and a registry that is not", async () => {
      const registry = await startDistribution(distribution);
      const missing = await attestImage(registry);
      registry.close();
      expect(missing.code).toBe(1);
      expect(missing.log).toContain(
        `it answered 404 (push ${registry.host}/octo/app@${layout.digest} before it is attested)`,
      );
      const away = await attestImage(registry, { inputs: { "on-unavailable": "warn" } });
      expect(away.code, away.log).toBe(0);
      expect(away.log).toMatch(/::warning::The attestations are in .*, and not all are published. The registry/);
    });
  });
});

describe("a registry", () => {
  const challenge = (realm: string) => ({
    "www-authenticate": `Bearer realm="${realm}",service="lab",scope="repository:octo/app:pull,push"`,
  });
  const servers: Server[] = [];
  afterAll(() => {
    for (const server of servers) server.close();
  });
  /** A server that answers as told, and the requests it got. */
  async function serve(answer: (request: IncomingMessage, body: string, response: ServerResponse) => void) {
    const asked: string[] = [];
    const server = createServer(async (request, response) => {
      const body = (await Array.fromAsync(request)).join("");
      asked.push(`${request.method} ${request.headers.authorization ?? ""} ${body}`);
      answer(request, body, response);
    }).listen(0, "0.0.0.0");
    servers.push(server);
    await once(server, "listening");
    return { port: (server.address() as AddressInfo).port, asked };
  }
  const registryAt = (port: number): Registry => ({ host: `127.0.0.1:${port}`, asked: [], close() {} });

  test("whose token service redirects gets no password there", async () => {
    const thief = await serve((_, __, response) => void response.end("{}"));
    const location = `http://127.0.0.1:${thief.port}/token`;
    const tokens = await serve((_, __, response) => void response.writeHead(307, { location }).end());
    const realm = `http://127.0.0.1:${tokens.port}/token`;
    const { port } = await serve((_, __, response) => void response.writeHead(401, challenge(realm)).end());
    const auths = { [`127.0.0.1:${port}`]: { username: "<token>", identitytoken: password } };
    const ended = await attestImage(registryAt(port), { env: loggedIn("redirected", { auths }) });
    expect([ended.code, thief.asked], ended.log).toEqual([1, []]);
    expect(tokens.asked.join()).toContain(password);
    expect(ended.log).toContain(`redirects to http://127.0.0.1:${thief.port}; the password was not sent there.`);
  });

  // What has no other addresses of its own cannot play a second machine.
  test.skipIf(process.platform !== "linux")("whose token service is not encrypted gets no password", async () => {
    const tokens = await serve((_, __, response) => void response.end("{}"));
    const realm = `http://127.0.0.2:${tokens.port}/token`;
    const { port } = await serve((_, __, response) => void response.writeHead(401, challenge(realm)).end());
    const auths = { [`127.0.0.1:${port}`]: { auth: auth(password) } };
    const ended = await attestImage(registryAt(port), { env: loggedIn("clear", { auths }) });
    expect([ended.code, tokens.asked], ended.log).toEqual([1, []]);
    expect(ended.log).toContain(`leads to http://127.0.0.2:${tokens.port}, which is not encrypted`);
  });

  test("that does not say the image's digest has an attestation that refers to nothing", async () => {
    const manifests = new Map<string, string>();
    const { port } = await serve(({ method, url = "" }, body, response) => {
      if (method === "POST") return void response.writeHead(202, { location: "/upload?id=1" }).end();
      if (url.includes("/referrers/")) return void response.end("{}");
      if (method === "HEAD") return void response.writeHead(url.includes("/blobs/") ? 404 : 200).end();
      if (method === "PUT") {
        manifests.set(url, body);
        return void response.writeHead(201, { "oci-subject": layout.digest }).end();
      }
      response.end(manifests.get(url));
    });
    const ended = await attestImage(registryAt(port));
    expect(ended.code, ended.log).toBe(1);
    expect(ended.log).toContain(`refers to "", and not to the image ${layout.digest}`);
  });
});

test.each([
  [
    "several subjects",
    { "subject-path": "image", "subject-base": "" },
    "one image at a time, and there are 2 subjects",
  ],
  ["a name without its registry", { "subject-name": "octo/app" }, '"octo/app" is no full name of an image'],
  ["a name that looks like Docker Hub's", { "subject-name": "evil-docker.io/octo/app" }, "is not Docker Hub"],
  ["a name with a tag", { "subject-name": "ghcr.io/octo/app:v1" }, "without a tag"],
  [
    "a digest that registries do not use",
    { "subject-digest": `sha512:${"a".repeat(128)}` },
    "SHA-256 digest of the image",
  ],
])("nothing is signed for %s", async (_, inputs, message) => {
  const before = lab.sigstore.log.size;
  const ended = await attestImage({ host: "ghcr.io", asked: [], close() {} }, { inputs });
  expect([ended.code, lab.sigstore.log.size]).toEqual([1, before]);
  expect(ended.log).toContain(message);
});
