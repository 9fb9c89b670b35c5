/** Reads a cache that is one file and that nobody vouches for: only what a trusted key signed becomes a file, and is hashed. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { constants, createZstdDecompress } from "node:zlib";
import { format, mostList, windowLog } from "./archive.ts";
import { archiveOf, type CheckedCache, makeCache, narinfoOf, readNarinfo } from "./binary-cache.ts";
import { NixError } from "./errors.ts";
import { mostNarinfo, readPublicKey } from "./narinfo.ts";
import type { PathInfo } from "./shapes.ts";

/** What the list says of an object. */
interface Listed {
  used: number;
  text: string;
  /** Bytes of its archive in this file. */
  size: number;
}

/**
 * Makes a folder into a cache of the objects in a file that are whole and signed.
 * @param folder must not exist
 * @param trusted public keys, as Nix writes them
 * @param limit bytes of archives; a file that states more is not used
 * @throws NixError when the file is of another form or ends early, and then there is no folder
 */
export async function unpackCache(
  file: string,
  folder: string,
  storeDir: string,
  trusted: readonly string[],
  limit: number,
): Promise<CheckedCache> {
  const keys = trusted.map(readPublicKey);
  await makeCache(folder, storeDir);
  try {
    return await pipeline(
      createReadStream(file, { highWaterMark: 1 << 20 }),
      createZstdDecompress({ chunkSize: 1 << 20, params: { [constants.ZSTD_d_windowLogMax]: windowLog } }),
      async (chunks: AsyncIterable<Buffer>) => {
        const source = new Source(chunks);
        const listed = await readList(source, limit);
        return unpack(source, listed, folder, (text) => readNarinfo(text, storeDir, keys));
      },
    );
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    const { code = "" } = error as NodeJS.ErrnoException;
    if (code === "ENOSPC")
      throw new NixError("The disk is full. Free space, or set a smaller cache-max-size.", { cause: error });
    throw /^(ERR_)?Z/.test(code) ? wrong(error) : error;
  }
}

const wrong = (cause?: unknown): NixError =>
  new NixError("The cache is not in the form that this action writes, or it is truncated; it was not used.", { cause });

async function readList(source: Source, limit: number): Promise<Listed[]> {
  if (`${await source.line()}\n` !== format) throw wrong();
  const number = async (): Promise<number> => {
    const text = await source.line();
    if (!/^\d{1,15}$/.test(text)) throw wrong();
    return Number(text);
  };
  const [bytes, total] = [await number(), await number()];
  if (bytes > mostList) throw wrong();
  if (total > limit)
    throw new NixError(
      `The cache has ${(total / 1e6).toFixed(0)} MB, far more than cache-max-size, so this action did not write it; it was not used.`,
    );
  const listed = parseList(await source.bytes(bytes));
  if (listed.reduce((sum, { size }) => sum + size, 0) !== total) throw wrong();
  return listed;
}

// So that a list has no more lines than objects are worth telling of.
const leastNarinfo = 50;

function parseList(list: Buffer): Listed[] {
  const listed: Listed[] = [];
  const now = Date.now();
  for (let at = 0; at < list.length; ) {
    const end = list.indexOf(10, at);
    const line = list.toString("latin1", at, Math.min(end, at + 100));
    const [, used, bytes, size] = /^(\d{1,15}) (\d{1,5}) (\d{1,15})$/.exec(line) ?? [];
    const next = end + 1 + Number(bytes);
    if (
      end < 0 ||
      used === undefined ||
      Number(bytes) < leastNarinfo ||
      Number(bytes) > mostNarinfo ||
      next > list.length
    )
      throw wrong();
    // What claims to be of the future would never be the oldest.
    listed.push({ used: Math.min(Number(used), now), text: list.toString("utf8", end + 1, next), size: Number(size) });
    at = next;
  }
  return listed;
}

async function unpack(
  source: Source,
  listed: readonly Listed[],
  folder: string,
  read: (text: string) => PathInfo,
): Promise<CheckedCache> {
  const refused: CheckedCache["refused"] = [];
  const found = new Map<Listed, PathInfo>();
  const names = new Set<string>();
  const refuse = ({ text }: Listed, reason: string): void => {
    const [, hash = "?"] = /^StorePath: \S*\/([0-9a-z]{32})-/.exec(text) ?? [];
    refused.push({ file: `${hash}.narinfo`, reason });
  };
  for (const each of listed)
    try {
      const info = read(each.text);
      const name = narinfoOf(info.path);
      if (names.has(name)) throw new NixError("it is there twice");
      if (each.size !== 0 && each.size !== info.narSize)
        throw new NixError(`its archive has ${each.size} bytes, not ${info.narSize}`);
      names.add(name);
      found.set(each, info);
    } catch (error) {
      refuse(each, (error as Error).message);
    }

  /** Of each archive that was there, whether its bytes are those that were signed. */
  const archives = new Map<string, boolean>();
  for (const each of listed) {
    if (each.size === 0) continue;
    const hash = found.get(each)?.narHash;
    if (hash === undefined || archives.has(hash)) await source.skip(each.size);
    else archives.set(hash, (await unpackOne(source, each, join(folder, archiveOf(hash)))) === hash);
  }
  if (!(await source.ended())) throw wrong();

  const paths: CheckedCache["paths"] = [];
  for (const [each, info] of found) {
    const sound = archives.get(info.narHash);
    if (sound) {
      await writeFile(join(folder, narinfoOf(info.path)), each.text, { flag: "wx", mode: 0o600 });
      paths.push({ ...info, used: each.used });
    } else
      refuse(each, sound === undefined ? "its archive is missing" : "its archive has other bytes than were signed");
  }
  for (const [hash, sound] of archives) if (!sound) await rm(join(folder, archiveOf(hash)));
  return { paths, refused };
}

/** @returns the SHA-256 of what was written, as `sha256-<base64>` */
async function unpackOne(source: Source, { size, used }: Listed, file: string): Promise<string> {
  const hash = createHash("sha256");
  const target = await open(file, "wx", 0o600);
  try {
    for (let left = size; left > 0; ) {
      const piece = await source.piece(left);
      const written = target.writeFile(piece); // in another thread
      hash.update(piece);
      await written;
      left -= piece.length;
    }
    await target.utimes(used / 1000, used / 1000);
  } finally {
    await target.close();
  }
  return `sha256-${hash.digest("base64")}`;
}

/** What is decompressed, piece by piece. */
class Source {
  readonly #chunks: AsyncIterator<Buffer>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(chunks: AsyncIterable<Buffer>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  async ended(): Promise<boolean> {
    while (this.#rest.length === 0) {
      const { done, value } = await this.#chunks.next();
      if (done) return true;
      this.#rest = value;
    }
    return false;
  }

  /** The next bytes, as they come; one at least. */
  async piece(most: number): Promise<Buffer> {
    if (await this.ended()) throw wrong();
    const piece = this.#rest.subarray(0, most);
    this.#rest = this.#rest.subarray(piece.length);
    return piece;
  }

  async bytes(count: number): Promise<Buffer> {
    const pieces: Buffer[] = [];
    for (let left = count; left > 0; left -= pieces.at(-1)!.length) pieces.push(await this.piece(left));
    return Buffer.concat(pieces);
  }

  async skip(count: number): Promise<void> {
    for (let left = count; left > 0; ) left -= (await this.piece(left)).length;
  }

  /** A line of the head, without its end. */
  async line(): Promise<string> {
    let text = "";
    for (;;) {
      const byte = (await this.piece(1)).toString("latin1");
      if (byte === "\n") return text;
      text += byte;
      if (text.length > 100) throw wrong();
    }
  }
}
