/**
 * An image archive of dockerTools: its layers and configuration are what its manifest says. The archive may be forged: what
 * another reader of tar could take for something else (a name twice, a name below a link, data after the end) is refused.
 */
import { createHash, type Hash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { posix } from "node:path";
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

/** Why an archive is refused, without its path. */
class Unsound extends Error {}

interface Entry {
  digest: string;
  size: number;
  /** Of JSON files. */
  text: string;
  /** What a link leads to, from the root of the archive. */
  link: string;
  folder: boolean;
}

/** The file that is being read. */
interface Current {
  name: string;
  type: string;
  link: string;
  size: number;
  left: number;
  pad: number;
  hash: Hash;
  /** Undefined where only the digest matters. */
  kept: Buffer[] | undefined;
}

const blockSize = 512;
const mostEntries = 100_000;
const mostText = 32e6;
const mostMetadata = 1e6;

/** Octal, or base 256 where the first bit is set: https://www.gnu.org/software/tar/manual/html_node/Extensions.html */
function sizeOf(field: Buffer): number {
  const text = field.toString("latin1").replace(/[\0 ]+$/, "");
  const size =
    field[0]! === 0x80 ? Number(BigInt(`0x${field.subarray(1).toString("hex")}`)) : Number(`0o${text.trim() || "0"}`);
  if (!Number.isSafeInteger(size)) throw new Unsound("a size in it is none");
  return size;
}

/** The records of an extended header, `<length> <name>=<value>\n` each, length in bytes. */
function paxRecords(content: Buffer): Map<string, string> {
  const records = new Map<string, string>();
  for (let at = 0; at < content.length; ) {
    const length = Number(/^(\d{1,7}) /.exec(content.toString("latin1", at, at + 8))?.[1] ?? Number.NaN);
    const record = /^\d+ ([^=]+)=([^\0]*)\n$/s.exec(content.toString("utf8", at, at + length));
    if (!record || at + length > content.length || records.has(record[1]!))
      throw new Unsound("an extended header in it has another form");
    if (record[1]!.startsWith("GNU.sparse")) throw new Unsound("it has a sparse file");
    records.set(record[1]!, record[2]!);
    at += length;
  }
  return records;
}

/** Reads a tar from pieces of any length. */
class TarReader {
  readonly entries = new Map<string, Entry>();
  #pending: Buffer = Buffer.alloc(0);
  #current: Current | undefined;
  #next = new Map<string, string>();
  #text = 0;
  #zeros = 0;

  push(chunk: Buffer): void {
    this.#pending = this.#pending.length > 0 ? Buffer.concat([this.#pending, chunk]) : chunk;
    while (this.#current ? this.#content(this.#current) : this.#header());
  }

  end(): Map<string, Entry> {
    if (this.#current || this.#pending.length > 0 || this.#next.size > 0) throw new Unsound("it ends too early");
    for (const name of this.entries.keys())
      for (let at = name.indexOf("/"); at >= 0; at = name.indexOf("/", at + 1))
        if (this.entries.get(name.slice(0, at))?.folder === false)
          throw new Unsound(`${name} lies below a file or a link`);
    return this.entries;
  }

  /** @returns whether there may be more to do with what is there */
  #content(current: Current): boolean {
    const taken = this.#pending.subarray(0, Math.min(current.left, this.#pending.length));
    current.hash.update(taken);
    current.kept?.push(Buffer.from(taken));
    current.left -= taken.length;
    this.#pending = this.#pending.subarray(taken.length);
    if (current.left > 0 || this.#pending.length < current.pad) return false;
    this.#pending = this.#pending.subarray(current.pad);
    this.#current = undefined;
    this.#finish(current);
    return true;
  }

  #finish({ name, type, link, size, hash, kept }: Current): void {
    const content = Buffer.concat(kept ?? []);
    // What says something of the next file is told by its type: a name is chosen by whoever wrote the archive.
    if (type === "x") for (const [key, value] of paxRecords(content)) this.#note(key, value);
    else if (type === "L") this.#note("path", content.toString().replace(/\0+$/, ""));
    else if (type === "K") this.#note("linkpath", content.toString().replace(/\0+$/, ""));
    else if (type !== "g")
      this.#add(name, { digest: hash.digest("hex"), size, text: content.toString(), link, folder: type === "5" });
    else if (["path", "linkpath", "size"].some((key) => paxRecords(content).has(key)))
      throw new Unsound("a global header in it names files");
  }

  #add(name: string, entry: Entry): void {
    const there = this.entries.get(name);
    if (there && !(there.folder && entry.folder)) throw new Unsound(`${name} is in it twice`);
    if (this.entries.size >= mostEntries) throw new Unsound(`it has more than ${mostEntries} files`);
    this.entries.set(name, entry);
  }

  #note(key: string, value: string): void {
    if (this.#next.has(key)) throw new Unsound("one of its files has two names");
    this.#next.set(key, value);
  }

  #header(): boolean {
    if (this.#pending.length < blockSize) return false;
    const header = this.#pending.subarray(0, blockSize);
    this.#pending = this.#pending.subarray(blockSize);
    if (header.every((byte) => byte === 0)) {
      this.#zeros++;
      return true;
    }
    if (this.#zeros > 0) throw new Unsound("it goes on after its end");
    const sum = header.reduce((total, byte, i) => total + (i >= 148 && i < 156 ? 32 : byte), 0);
    if (sizeOf(header.subarray(148, 156)) !== sum) throw new Unsound("it is no tar, or damaged");
    this.#current = this.#start(header);
    return true;
  }

  #start(header: Buffer): Current {
    const field = (from: number, to: number): string => header.toString("utf8", from, to).replace(/\0.*$/s, "");
    const type = header[156] === 0 ? "0" : String.fromCharCode(header[156]!);
    const metadata = "xgLK".includes(type);
    if (!metadata && !"01257".includes(type)) throw new Unsound(`it has an entry of the type ${JSON.stringify(type)}`);
    const next = metadata ? new Map<string, string>() : this.#next;
    if (!metadata) this.#next = new Map();
    const size = next.has("size") ? sizeOf(decimal(next.get("size")!)) : sizeOf(header.subarray(124, 136));
    if ("125".includes(type) && size > 0) throw new Unsound("a link or a folder in it has content");
    if (metadata && size > mostMetadata) throw new Unsound("an extended header in it is too large");
    const prefix = header.toString("latin1", 257, 263) === "ustar\0" ? field(345, 500) : "";
    const name = next.get("path") ?? (prefix ? `${prefix}/${field(0, 100)}` : field(0, 100));
    if (!metadata && type !== "5" && name.endsWith("/")) throw new Unsound(`${name} is a folder and a file`);
    const path = metadata ? "" : inside(name);
    const target = next.get("linkpath") ?? field(157, 257);
    const kept = metadata || ("07".includes(type) && /\.json$/.test(path));
    if (kept && !metadata) this.#text += size;
    if (this.#text > mostText) throw new Unsound("its JSON files are too large");
    return {
      name: path,
      type,
      // A hard link counts from the root, a symbolic one from its folder.
      link: type === "1" ? inside(target) : type === "2" ? posix.join(posix.dirname(path), target) : "",
      size,
      left: size,
      pad: (blockSize - (size % blockSize)) % blockSize,
      hash: createHash("sha256"),
      kept: kept ? [] : undefined,
    };
  }
}

/** A size of an extended header, which is decimal, as the octal field of an ordinary one. */
const decimal = (text: string): Buffer => Buffer.from(/^\d{1,15}$/.test(text) ? Number(text).toString(8) : "none");

/** A name without the detours that make one file look like two. */
function inside(name: string): string {
  const path = posix.normalize(name).replace(/\/$/, "");
  if (path.startsWith("/") || path === ".." || path.startsWith("../") || name === "")
    throw new Unsound(`${JSON.stringify(name)} is no name of a file in it`);
  return path;
}

async function entriesOf(path: string): Promise<Map<string, Entry>> {
  const head = Buffer.alloc(2);
  const file = await open(path);
  await file.read(head, 0, 2, 0).finally(() => file.close());
  const raw = createReadStream(path, { highWaterMark: 1 << 20 });
  const zipped = head[0] === 0x1f && head[1] === 0x8b;
  const reader = new TarReader();
  for await (const chunk of zipped ? raw.pipe(createGunzip()) : raw) reader.push(chunk as Buffer);
  return reader.end();
}

/** Without case, as Go folds it: it takes `ſ` for `s` as well. */
const folded = (text: string): string => text.toUpperCase().toLowerCase();

/** The fields of a JSON object. Docker's reader takes `config` for `Config` as well, so that only one spelling may be there. */
function fieldsOf(value: unknown, names: readonly string[]): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new Unsound("its JSON has another form");
  for (const key of Object.keys(value))
    if (!names.includes(key) && names.some((name) => folded(name) === folded(key)))
      throw new Unsound(`its JSON has the field ${JSON.stringify(key)} in an unusual spelling`);
  return value as Record<string, unknown>;
}

function texts(value: unknown, what: string): string[] {
  if (!Array.isArray(value) || !value.every((each) => typeof each === "string"))
    throw new Unsound(`its ${what} are no list of texts`);
  return value as string[];
}

/**
 * Checks an image archive (`docker load` format, plain or gzip).
 * @throws UserError when it could be read in two ways, a layer is missing, or its digest is not the one that the configuration names
 */
export async function checkImage(path: string): Promise<ImageFacts> {
  try {
    return factsOf(await entriesOf(path));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (!(error instanceof Unsound) && !code?.startsWith("Z_")) throw error;
    throw new UserError(
      `${path} is no sound image archive: ${(error as Error).message}. Build it with dockerTools.buildImage or buildLayeredImage.`,
    );
  }
}

function factsOf(entries: ReadonlyMap<string, Entry>): ImageFacts {
  const parsed = (name: string): unknown => {
    try {
      return JSON.parse(entries.get(name)?.text ?? "");
    } catch {
      throw new Unsound(`${name} is missing or no JSON`);
    }
  };
  const manifests = parsed("manifest.json");
  if (!Array.isArray(manifests) || manifests.length !== 1) throw new Unsound("its manifest does not name one image");
  const manifest = fieldsOf(manifests[0], ["Config", "RepoTags", "Layers"]);
  const [configName = ""] = texts([manifest.Config], "configurations");
  const layers = texts(manifest.Layers, "layers");
  const config = fieldsOf(parsed(configName), ["rootfs"]);
  const { digest } = entries.get(configName)!;
  if (/^[0-9a-f]{64}(\.json)?$/.test(configName) && !configName.startsWith(digest))
    throw new Unsound("its configuration has another digest than its name");
  const ids = texts(fieldsOf(config.rootfs ?? {}, ["diff_ids"]).diff_ids ?? [], "diff_ids");
  if (ids.length !== layers.length)
    throw new Unsound(`it has ${layers.length} layers and the configuration names ${ids.length}`);
  let size = 0;
  for (const [i, layer] of layers.entries()) {
    let entry = entries.get(layer);
    // Layers that are equal are stored once, and linked.
    if (entry?.link) entry = entries.get(entry.link);
    if (!entry || entry.folder || entry.link) throw new Unsound(`the layer ${layer} is missing`);
    if (`sha256:${entry.digest}` !== ids[i])
      throw new Unsound(
        `the layer ${layer} has the digest sha256:${entry.digest}, and the configuration names ${ids[i]}`,
      );
    size += entry.size;
  }
  return { digest: `sha256:${digest}`, layers: layers.length, size, tags: texts(manifest.RepoTags ?? [], "tags") };
}
