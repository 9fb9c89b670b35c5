import { createHash } from "node:crypto";
import { Refusal, type Router } from "./router.ts";
import type { State, StoredAttestation } from "./state.ts";

/** GitHub's store of attestations: https://docs.github.com/en/rest/repos/attestations */
export function attestationRoutes(router: Router, state: State, url: () => string): void {
  const { attestations: stored } = state;
  const api = `/repos/${state.repository}/attestations`;

  router.on("POST", api, { permission: "attestations", level: "write" }, ({ json }) => {
    const bundle = json.bundle as StoredAttestation["bundle"] | undefined;
    const digests = digestsIn(bundle);
    if (!bundle || digests.length === 0) throw new Refusal(422, "Invalid bundle");
    const id = state.nextId();
    stored.push({ id, bundle, digests });
    return { status: 201, json: { id } };
  });
  router.on("GET", `${api}/:digest`, { permission: "attestations", level: "read" }, ({ params, url: asked }) => {
    const found = stored.filter(({ digests }) => digests.includes(params.digest!)).toReversed();
    if (found.length === 0) throw new Refusal(404, "Not Found");
    const size = Math.min(Number(asked.searchParams.get("per_page") ?? 30), 100);
    const after = Number(asked.searchParams.get("after") ?? 0);
    const page = found.slice(after, after + size);
    const next = `${url()}${api}/${params.digest}?per_page=${size}&after=${after + size}`;
    return {
      json: {
        // The list holds no bundles, only where to get them, compressed.
        attestations: page.map(({ id }) => ({
          bundle: null,
          bundle_url: `${url()}/attestation-blobs/${id}?sig=${signature(id)}`,
          repository_id: state.repositoryId,
        })),
      },
      ...(after + size < found.length ? { headers: { link: `<${next}>; rel="next"` } } : {}),
    };
  });
  router.on("GET", "/attestation-blobs/:id", "public", ({ params, url: asked, request }) => {
    const found = stored.find(({ id }) => String(id) === params.id);
    if (!found || asked.searchParams.get("sig") !== signature(found.id)) throw new Refusal(403, "Forbidden");
    // A signed URL together with a token is what a blob store refuses.
    if (request.headers.authorization) throw new Refusal(400, "Only one auth mechanism is allowed");
    const bytes = snappy(Buffer.from(JSON.stringify(found.bundle)));
    return { bytes, headers: { "content-type": "application/x-snappy" } };
  });
}

const signature = (id: number): string => createHash("sha256").update(`blob ${id}`).digest("hex").slice(0, 16);

function digestsIn(bundle: StoredAttestation["bundle"] | undefined): string[] {
  try {
    const payload = Buffer.from(bundle?.dsseEnvelope?.payload ?? "", "base64").toString();
    const { subject } = JSON.parse(payload) as { subject: { digest: Record<string, string> }[] };
    return subject.flatMap(({ digest }) => Object.entries(digest).map(([algorithm, hex]) => `${algorithm}:${hex}`));
  } catch {
    return [];
  }
}

/** Snappy's block format with literals only: https://github.com/google/snappy/blob/main/format_description.txt */
function snappy(content: Buffer): Buffer {
  const head: number[] = [];
  for (let rest = content.length; ; rest >>>= 7) {
    head.push(rest > 127 ? (rest & 127) | 128 : rest);
    if (rest <= 127) break;
  }
  const parts: Uint8Array[] = [Buffer.from(head)];
  for (let at = 0; at < content.length; at += 65536) {
    const literal = content.subarray(at, at + 65536);
    const length = Buffer.alloc(3);
    length[0] = 61 << 2;
    length.writeUInt16LE(literal.length - 1, 1);
    parts.push(length, literal);
  }
  return Buffer.concat(parts);
}
