import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { Refusal, type Router } from "./router.ts";
import type { Blob, State } from "./state.ts";

/** Azure block blobs behind signed URLs, as far as @azure/storage-blob and plain clients use them. */
export class Blobs {
  readonly #state: State;
  readonly #url: () => string;
  readonly #key = randomBytes(32);

  constructor(state: State, url: () => string) {
    this.#state = state;
    this.#url = url;
  }

  /** A new empty blob. @returns its name */
  create(contentType = "application/octet-stream"): string {
    const name = randomBytes(12).toString("hex");
    this.#state.blobs.set(name, { content: undefined, contentType, blocks: new Map() });
    return name;
  }

  /** A URL that may read or write this blob. The path has account, container and name, which the Azure client asks for. */
  signed(name: string, right: "r" | "w"): string {
    return `${this.#url()}/blobs/results/${name}?sp=${right}&sig=${this.#signature(name, right)}`;
  }

  #signature(name: string, right: string): string {
    return createHmac("sha256", this.#key).update(`${right}:${name}`).digest("base64url");
  }

  #open(name: string, query: URLSearchParams, right: "r" | "w"): Blob {
    const given = Buffer.from(query.get("sig") ?? "");
    const wanted = Buffer.from(this.#signature(name, right));
    if (given.length !== wanted.length || !timingSafeEqual(given, wanted))
      throw new Refusal(403, "Server failed to authenticate the request: the signature does not allow this.");
    const blob = this.#state.blobs.get(name);
    if (!blob) throw new Refusal(404, "The specified blob does not exist.");
    return blob;
  }

  routes(router: Router): void {
    router.on("PUT", "/blobs/results/:name", "public", ({ params, url, body, request }) => {
      const blob = this.#open(params.name!, url.searchParams, "w");
      const headers = { etag: '"0x1"', "last-modified": new Date().toUTCString(), "x-ms-request-id": "1" };
      const comp = url.searchParams.get("comp");
      if (comp === "block") {
        blob.blocks.set(url.searchParams.get("blockid") ?? "", body);
      } else {
        const ids = [...body.toString().matchAll(/<(?:Latest|Uncommitted|Committed)>([^<]*)</g)].map(([, id]) => id!);
        blob.content = comp === "blocklist" ? Buffer.concat(ids.map((id) => block(blob, id))) : body;
        blob.contentType = String(request.headers["x-ms-blob-content-type"] ?? blob.contentType);
      }
      return { status: 201, headers };
    });
    for (const method of ["GET", "HEAD"])
      router.on(method, "/blobs/results/:name", "public", ({ params, url, request }) => {
        const blob = this.#open(params.name!, url.searchParams, "r");
        if (!blob.content) throw new Refusal(404, "The specified blob does not exist.");
        const range = /^bytes=(\d+)-(\d*)$/.exec(String(request.headers["x-ms-range"] ?? request.headers.range ?? ""));
        const from = Number(range?.[1] ?? 0);
        const to = Math.min(Number(range?.[2] || blob.content.length - 1), blob.content.length - 1);
        if (range && from > to) throw new Refusal(416, "The range specified is invalid for the blob's size.");
        const bytes = blob.content.subarray(from, to + 1);
        return {
          status: range ? 206 : 200,
          bytes,
          headers: {
            "content-type": blob.contentType,
            "content-length": String(bytes.length),
            "accept-ranges": "bytes",
            etag: '"0x1"',
            "last-modified": new Date(0).toUTCString(),
            "x-ms-blob-type": "BlockBlob",
            ...(range ? { "content-range": `bytes ${from}-${to}/${blob.content.length}` } : {}),
            ...(blob.fileName
              ? { "content-disposition": `attachment; filename*=UTF-8''${encodeURIComponent(blob.fileName)}` }
              : {}),
          },
        };
      });
  }
}

function block(blob: Blob, id: string): Buffer {
  const bytes = blob.blocks.get(id);
  if (!bytes) throw new Refusal(400, "The specified block list is invalid.");
  return bytes;
}
