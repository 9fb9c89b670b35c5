import { spawn } from "node:child_process";
import { type Access, type Call, Refusal, type Reply, type Router } from "./router.ts";
import type { State } from "./state.ts";
import type { Tokens } from "./tokens.ts";

/** The repository over git's smart HTTP, by git's own CGI. Pushes need `contents: write`, and reads of a private repository `contents: read`. */
export function gitRoutes(router: Router, state: State, tokens: Tokens): void {
  // As on GitHub, anyone reads a public repository.
  const access = (service: string | null): Access => {
    if (service === "git-receive-pack") return { permission: "contents", level: "write" };
    return state.visibility === "public" ? "public" : { permission: "contents", level: "read" };
  };
  for (const suffix of ["", ".git"]) {
    const base = `/${state.repository}${suffix}`;
    for (const service of ["git-upload-pack", "git-receive-pack"])
      router.on("POST", `${base}/${service}`, access(service), (call) => viaCgi(call, state, service));
    router.on("GET", `${base}/info/refs`, "public", (call) => {
      const asked = access(call.url.searchParams.get("service"));
      const { authorization } = call.request.headers;
      // git asks without a token first and sends one only after this answer.
      if (asked !== "public" && !authorization)
        return { status: 401, headers: { "www-authenticate": 'Basic realm="GitHub"' } };
      tokens.check(authorization, asked);
      return viaCgi(call, state, "info/refs");
    });
  }
}

async function viaCgi({ request, url, body }: Call, state: State, path: string): Promise<Reply> {
  if (!state.gitDir) throw new Refusal(404, "No run has named the repository's folder yet.");
  const config = {
    "http.receivepack": "true",
    "uploadpack.allowFilter": "true",
    "uploadpack.allowAnySHA1InWant": "true",
  };
  const entries = Object.entries({ ...config, "safe.directory": "*", "receive.denyCurrentBranch": "ignore" });
  const child = spawn("git", ["http-backend"], {
    env: {
      PATH: process.env.PATH,
      GIT_HTTP_EXPORT_ALL: "1",
      PATH_TRANSLATED: `${state.gitDir}/${path}`,
      REQUEST_METHOD: request.method,
      QUERY_STRING: url.search.slice(1),
      CONTENT_TYPE: request.headers["content-type"] ?? "",
      CONTENT_LENGTH: String(body.length),
      HTTP_CONTENT_ENCODING: request.headers["content-encoding"] ?? "",
      GIT_PROTOCOL: String(request.headers["git-protocol"] ?? ""),
      REMOTE_USER: "x-access-token",
      GIT_CONFIG_COUNT: String(entries.length),
      ...Object.fromEntries(
        entries.flatMap(([key, value], index) => [
          [`GIT_CONFIG_KEY_${index}`, key],
          [`GIT_CONFIG_VALUE_${index}`, value],
        ]),
      ),
    },
  });
  child.stdin.on("error", () => {});
  child.stdin.end(body);
  const chunks: Buffer[] = [];
  for await (const chunk of child.stdout) chunks.push(chunk as Buffer);
  const answer = Buffer.concat(chunks);
  const end = answer.indexOf("\r\n\r\n");
  const headers = Object.fromEntries(
    answer
      .subarray(0, end)
      .toString()
      .split("\r\n")
      .map((line) => [line.slice(0, line.indexOf(":")).toLowerCase(), line.slice(line.indexOf(":") + 1).trim()]),
  );
  const { status = "200", ...rest } = headers;
  return { status: Number.parseInt(status, 10), headers: rest, bytes: answer.subarray(end + 4) };
}
