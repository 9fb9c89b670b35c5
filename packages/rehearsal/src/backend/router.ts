import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Grant, Permission, Tokens } from "./tokens.ts";

/** What a handler knows of one request. */
export interface Call {
  request: IncomingMessage;
  response: ServerResponse;
  url: URL;
  /** Named parts of the path, decoded. */
  params: Record<string, string>;
  body: Buffer;
  /** The body read as JSON; `{}` when it is empty. */
  json: Record<string, unknown>;
  /** Who asks. Present wherever the route asks for a token. */
  grant: Grant;
}

/** What a handler gives back; a handler that answers by itself gives nothing. */
export interface Reply {
  status?: number;
  headers?: Record<string, string>;
  json?: unknown;
  bytes?: Uint8Array;
}

export type Handler = (call: Call) => Reply | undefined | Promise<Reply | undefined>;

/** Who may call: nobody in particular, a holder of the job's runtime token, or of a REST token with these permissions. */
export type Access = "public" | "runtime" | "rest" | { permission: Permission; level: "read" | "write" };

interface Route {
  method: string;
  pattern: RegExp;
  names: string[];
  access: Access;
  handler: Handler;
}

/** Thrown by a handler to answer with an error in the shape of the service it belongs to. */
export class Refusal extends Error {
  readonly status: number;
  readonly code: string;
  constructor(status: number, message: string, code = "invalid_argument") {
    super(message);
    this.status = status;
    this.code = code;
  }
}

type Lost = (path: string, method: string) => boolean;
type Before = (path: string, body: Buffer) => Reply | undefined | Promise<Reply | undefined>;

/** Routes by method and path; `:name` stands for one segment, a last `*rest` for all that follow. */
export class Router {
  readonly #routes: Route[] = [];
  readonly #tokens: Tokens;
  #before: Before | null = null;
  #lost: Lost | null = null;

  constructor(tokens: Tokens) {
    this.#tokens = tokens;
  }

  /** Adds a route. Of several that fit, the one added first answers. */
  on(method: string, path: string, access: Access, handler: Handler): void {
    const names: string[] = [];
    const source = path.replace(/\*(\w+)$|:(\w+)|[.+()]/g, (match, rest?: string, name?: string) => {
      if (rest ?? name) names.push((rest ?? name) as string);
      return rest ? "(.*)" : name ? "([^/]+)" : `\\${match}`;
    });
    this.#routes.push({ method, pattern: new RegExp(`^${source}$`), names, access, handler });
  }

  /** Asks this first for every request: what it gives back or throws is the answer. For playing faults. */
  intercept(before: Before | null): void {
    this.#before = before;
  }

  /** Of requests for which this says true, the work is done and the connection is cut before the answer. For playing faults. */
  loseAnswers(lost: Lost | null): void {
    this.#lost = lost;
  }

  /** Serves every request of this server. */
  attach(server: Server): void {
    server.on("request", (request, response) => void this.#serve(request, response));
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", "http://loopback");
    try {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const reply = await this.#answer(request, response, url, Buffer.concat(chunks));
      if (this.#lost?.(url.pathname, request.method ?? "")) return void response.destroy();
      if (reply) send(response, reply);
    } catch (error) {
      if (response.headersSent) return void response.destroy();
      const [status, code] = error instanceof Refusal ? [error.status, error.code] : [500, "internal"];
      const message = error instanceof Error ? error.message : String(error);
      // Twirp says `msg`, REST says `message`.
      send(response, { status, json: { code, msg: message, message, status: String(status) } });
    }
  }

  async #answer(
    request: IncomingMessage,
    response: ServerResponse,
    url: URL,
    body: Buffer,
  ): Promise<Reply | undefined> {
    const instead = await this.#before?.(url.pathname, body);
    if (instead) return instead;
    for (const route of this.#routes) {
      const match = route.method === request.method || route.method === "*" ? route.pattern.exec(url.pathname) : null;
      if (!match) continue;
      const params = Object.fromEntries(
        route.names.map((name, index) => [name, decodeURIComponent(match[index + 1] ?? "")]),
      );
      const grant = this.#tokens.check(request.headers.authorization, route.access);
      const call: Call = {
        request,
        response,
        url,
        params,
        body,
        grant,
        get json() {
          return parsed(body);
        },
      };
      return route.handler(call);
    }
    throw new Refusal(
      404,
      `Not Found: the rehearsal's back end has no ${request.method} ${url.pathname}.`,
      "bad_route",
    );
  }
}

function parsed(body: Buffer): Record<string, unknown> {
  if (body.length === 0) return {};
  try {
    return JSON.parse(body.toString()) as Record<string, unknown>;
  } catch {
    throw new Refusal(400, "Problems parsing JSON", "malformed");
  }
}

function send(response: ServerResponse, { status = 200, headers = {}, json, bytes }: Reply): void {
  const content = bytes ?? (json === undefined ? undefined : Buffer.from(JSON.stringify(json)));
  response.writeHead(status, {
    ...(json === undefined ? {} : { "content-type": "application/json; charset=utf-8" }),
    ...(response.req.method === "HEAD" ? {} : { "content-length": String(content?.length ?? 0) }),
    ...headers,
  });
  response.end(response.req.method === "HEAD" ? undefined : content);
}
