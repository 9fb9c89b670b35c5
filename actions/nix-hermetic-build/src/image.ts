/** An image archive of dockerTools: its layers and configuration are what its manifest says. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { createGunzip } from "node:zlib";
import { UserError } from "@goatnote/action-io";

export interface ImageFacts {
  /** `sha256:…` of the configuration: what `docker load` prints and `docker images` shows as the identity. */
  digest: string;
  layers: number;
  /** Bytes of all layers, uncompressed. */
  size: number;
  tags: string[];
}

const blockSize = 512;

/** Reads the entries of a tar stream: files whole up to 4 MB, of larger ones only digest and size. */
async function entriesOf(
  path: string,
): Promise<Map<string, { digest: string; size: number; text: string; link: string }>> {
  const head = Buffer.alloc(2);
  const file = await open(path);
  await file.read(head, 0, 2, 0).finally(() => file.close());
  const raw = createReadStream(path, { highWaterMark: 1 << 20 });
  const stream: AsyncIterable<Buffer> = head[0] === 0x1f && head[1] === 0x8b ? raw.pipe(createGunzip()) : raw;
  const entries = new Map<string, { digest: string; size: number; text: string; link: string }>();
  let pending: Buffer = Buffer.alloc(0);
  let current:
    | {
        name: string;
        left: number;
        pad: number;
        hash: ReturnType<typeof createHash>;
        kept: Buffer[];
        size: number;
        link: string;
      }
    | undefined;
  let longName = "";
  const finish = (): void => {
    if (!current) return;
    const { name, hash, size, kept, link } = current;
    if (name === "././@LongLink" || name.startsWith("PaxHeader"))
      longName =
        /path=(.*)\n/.exec(Buffer.concat(kept).toString())?.[1] ?? Buffer.concat(kept).toString().replace(/\0+$/, "");
    else
      entries.set(name.replace(/^\.\//, ""), {
        digest: hash.digest("hex"),
        size,
        text: size <= 4e6 ? Buffer.concat(kept).toString() : "",
        link,
      });
    current = undefined;
  };
  for await (const chunk of stream) {
    pending = pending.length > 0 ? Buffer.concat([pending, chunk]) : chunk;
    for (;;) {
      if (current) {
        const taken = pending.subarray(0, Math.min(current.left, pending.length));
        current.hash.update(taken);
        if (current.size <= 4e6) current.kept.push(Buffer.from(taken));
        current.left -= taken.length;
        pending = pending.subarray(taken.length);
        if (current.left > 0 || pending.length < current.pad) break;
        pending = pending.subarray(current.pad);
        finish();
      }
      if (pending.length < blockSize) break;
      const header = pending.subarray(0, blockSize);
      pending = pending.subarray(blockSize);
      if (header.every((byte) => byte === 0)) continue;
      const field = (from: number, to: number): string => header.toString("utf8", from, to).replace(/\0.*$/s, "");
      const size = Number.parseInt(field(124, 136).trim() || "0", 8);
      const type = String.fromCharCode(header[156]!);
      const prefix = field(257, 263).startsWith("ustar") ? field(345, 500) : "";
      const plainName = prefix ? `${prefix}/${field(0, 100)}` : field(0, 100);
      const name = type === "x" || type === "L" ? "PaxHeader" : longName || plainName;
      if (type !== "x" && type !== "L") longName = "";
      current = {
        name,
        left: size,
        pad: (blockSize - (size % blockSize)) % blockSize,
        hash: createHash("sha256"),
        kept: [],
        size,
        link: field(157, 257),
      };
    }
  }
  finish();
  return entries;
}

/**
 * Checks an image archive (`docker load` format, plain or gzip).
 * @throws UserError when a layer is missing or its digest is not the one that the configuration names
 */
export async function checkImage(path: string): Promise<ImageFacts> {
  const entries = await entriesOf(path);
  const wrong = (why: string): UserError =>
    new UserError(
      `${path} is no sound image archive: ${why}. Build it with dockerTools.buildImage or buildLayeredImage.`,
    );
  const parsed = <T>(name: string): T => {
    try {
      return JSON.parse(entries.get(name)?.text ?? "") as T;
    } catch {
      throw wrong(`${name} is missing or no JSON`);
    }
  };
  const [manifest] = parsed<{ Config: string; RepoTags: string[] | null; Layers: string[] }[]>("manifest.json");
  if (!manifest) throw wrong("its manifest is empty");
  const config = parsed<{ rootfs: { diff_ids: string[] } }>(manifest.Config);
  const digest = entries.get(manifest.Config)!.digest;
  if (/^[0-9a-f]{64}(\.json)?$/.test(manifest.Config) && !manifest.Config.startsWith(digest))
    throw wrong("its configuration has another digest than its name");
  const ids = config.rootfs?.diff_ids ?? [];
  if (ids.length !== manifest.Layers.length)
    throw wrong(`it has ${manifest.Layers.length} layers and the configuration names ${ids.length}`);
  let size = 0;
  for (const [i, layer] of manifest.Layers.entries()) {
    let entry = entries.get(layer);
    // Layers that are equal are stored once, and linked.
    if (entry?.link) entry = entries.get(entry.link.replace(/^(\.\.?\/)+/, "")) ?? entry;
    if (!entry) throw wrong(`the layer ${layer} is missing`);
    if (`sha256:${entry.digest}` !== ids[i])
      throw wrong(`the layer ${layer} has the digest sha256:${entry.digest}, and the configuration names ${ids[i]}`);
    size += entry.size;
  }
  return { digest: `sha256:${digest}`, layers: ids.length, size, tags: manifest.RepoTags ?? [] };
}
