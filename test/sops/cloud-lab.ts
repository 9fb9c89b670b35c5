/**
 * The internet of a cloud key, on this machine: a proxy through which the real `sops` and the action both ask the services by
 * their real names. Behind it stand servers that others wrote (moto for AWS, OpenBao for Vault), or ours (GCP, Azure, GitHub).
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import http, { type IncomingMessage } from "node:http";
import https from "node:https";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";

/** One request, as a service saw it. */
export interface Seen {
  host: string;
  method: string;
  path: string;
  headers: IncomingMessage["headers"];
  body: string;
}

/** What a service answers: a status with JSON, or the port of a server that answers instead. */
export type Service = (seen: Seen) => {
  status?: number;
  json?: unknown;
  headers?: Record<string, string>;
  port?: number;
};

export class Internet {
  /** Everything that was sent anywhere. */
  readonly seen: Seen[] = [];
  readonly services: Record<string, Service> = {};
  private readonly certificate: string;
  private readonly servers: http.Server[] = [];
  private port = 0;

  /** @param folder for the certificate @param names hosts, `*` for one part */
  constructor(folder: string, names: readonly string[]) {
    this.certificate = join(folder, "lab.pem");
    const key = join(folder, "lab.key");
    const alternatives = `subjectAltName=${names.map((name) => `DNS:${name}`).join(",")}`;
    const options = [
      "-x509",
      "-newkey",
      "rsa:2048",
      "-nodes",
      "-days",
      "2",
      "-subj",
      "/CN=lab",
      "-addext",
      alternatives,
    ];
    execFileSync("openssl", ["req", ...options, "-keyout", key, "-out", this.certificate], { stdio: "ignore" });
    const inner = https.createServer(
      { key: readFileSync(key), cert: readFileSync(this.certificate) },
      (request, response) => this.answer(request, response),
    );
    const proxy = http.createServer();
    proxy.on("connect", (_, socket) => {
      socket.on("error", () => {});
      socket.write("HTTP/1.1 200 OK\r\n\r\n");
      inner.emit("connection", socket);
    });
    this.servers.push(inner, proxy);
  }

  async start(): Promise<void> {
    const [, proxy] = this.servers;
    await new Promise<void>((resolve) => proxy!.listen(0, "127.0.0.1", resolve));
    this.port = (proxy!.address() as AddressInfo).port;
  }

  stop(): void {
    for (const server of this.servers) server.close().closeAllConnections();
  }

  /** Variables by which a program meets this internet and no other. */
  get environment(): Record<string, string> {
    const proxy = `http://127.0.0.1:${this.port}`;
    return { HTTPS_PROXY: proxy, SSL_CERT_FILE: this.certificate, NODE_EXTRA_CA_CERTS: this.certificate };
  }

  private async answer(request: IncomingMessage, response: http.ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks).toString();
    const { method = "", url = "", headers } = request;
    const host = (headers.host ?? "").replace(/:443$/, "");
    const seen = { host, method, path: url, headers, body };
    this.seen.push(seen);
    const found = Object.entries(this.services).find(
      ([name]) => host === name || (name.startsWith(".") && host.endsWith(name)),
    );
    const { status = 200, json = {}, headers: more = {}, port } = found?.[1](seen) ?? { status: 502 };
    if (port === undefined) {
      response.writeHead(status, { "content-type": "application/json", ...more }).end(JSON.stringify(json));
      return;
    }
    const onward = http.request({ port, host: "127.0.0.1", method, path: url, headers }, (reply) => {
      response.writeHead(reply.statusCode ?? 502, reply.headers);
      reply.pipe(response);
    });
    onward.on("error", () => response.writeHead(502).end());
    onward.end(body);
  }
}

/** AWS as moto plays it. @param moto its server */
export async function startMoto(moto: string): Promise<{ child: ChildProcess; port: number }> {
  const port = await freePort();
  const child = spawn(moto, ["-p", String(port)], { stdio: "ignore" });
  await answers(`http://127.0.0.1:${port}/moto-api/`);
  return { child, port };
}

/** A port that is free now. */
export const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });

/** Waits until a server answers at all. */
export async function answers(url: string): Promise<void> {
  for (let i = 0; i < 150; i++) {
    if (
      await fetch(url).then(
        () => true,
        () => false,
      )
    )
      return;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error(`${url} does not answer.`);
}
