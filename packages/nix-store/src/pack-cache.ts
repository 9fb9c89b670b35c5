/** Writes a cache as one file: objects are read from the store or from another cache, hashed and compressed on the way. */
import { createHash } from "node:crypto";
import { closeSync, createWriteStream, constants as flags, openSync, readSync } from "node:fs";
import { rm } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { constants, createZstdCompress } from "node:zlib";
import { format, mostList, windowLog } from "./archive.ts";
import { archiveOf, type CachedPath, narinfoText } from "./binary-cache.ts";
import { NixError } from "./errors.ts";
import { type NarDigest, narBlocks } from "./nar.ts";

/** An object to pack, with its signature. */
export interface PackedPath extends CachedPath {
  /** The folder of the cache that has its archive; without it, the object is read from the store. */
  cache?: string;
}

/** What is there is not what was signed, so nothing was packed. */
export class ChangedContent extends NixError {
  override name = "ChangedContent";
  readonly path: string;

  constructor({ path, cache }: PackedPath) {
    super(
      cache === undefined
        ? `${path} has other bytes than the store registered; run \`nix store verify ${path}\`.`
        : `${path} has other bytes in the cache than were signed.`,
    );
    this.path = path;
  }
}

/**
 * Writes a new file, which is private to this user.
 * @throws ChangedContent when an object is not what its hash says; on any error there is no file
 */
export async function packCache(file: string, objects: readonly PackedPath[]): Promise<void> {
  const sorted = [...objects].sort(byName);
  const archives = new Map<string, PackedPath>();
  for (const info of sorted) if (!archives.has(info.narHash)) archives.set(info.narHash, info);
  const list = Buffer.from(
    sorted
      .map((info) => {
        const text = narinfoText(info);
        const size = archives.get(info.narHash) === info ? info.narSize : 0;
        return `${Math.round(info.used)} ${Buffer.byteLength(text)} ${size}\n${text}`;
      })
      .join(""),
  );
  if (list.length > mostList)
    throw new NixError(`${sorted.length} objects are too many for one cache; set a smaller cache-max-size.`);
  const total = [...archives.values()].reduce((sum, { narSize }) => sum + narSize, 0);
  const head = Buffer.concat([Buffer.from(`${format}${list.length}\n${total}\n`), list]);
  await rm(file, { recursive: true, force: true });
  try {
    await compress(all(head, archives.values()), head.length + total, file);
  } catch (error) {
    await rm(file, { force: true });
    throw (error as NodeJS.ErrnoException).code === "ENOSPC"
      ? new NixError("The disk is full: the cache could not be packed. Free space, or set a smaller cache-max-size.", {
          cause: error,
        })
      : error;
  }
}

const nameOf = (path: string): string => path.slice(path.lastIndexOf("/") + 34);

/** Versions and outputs of one thing are neighbours, since they have most in common. */
function byName(a: CachedPath, b: CachedPath): number {
  const [one, other] = [nameOf(a.path) + a.path, nameOf(b.path) + b.path];
  return one < other ? -1 : one > other ? 1 : 0;
}

function* all(head: Buffer, archives: Iterable<PackedPath>): Generator<Buffer> {
  yield head;
  for (const info of archives) {
    const { hash, size } = yield* info.cache === undefined
      ? narBlocks(info.path)
      : fileBlocks(join(info.cache, archiveOf(info.narHash)), info.narSize);
    if (hash !== info.narHash || size !== info.narSize) throw new ChangedContent(info);
  }
}

/** As `narBlocks`, of an archive that is a file. */
function* fileBlocks(path: string, most: number): Generator<Buffer, NarDigest> {
  const hash = createHash("sha256");
  const block = Buffer.allocUnsafeSlow(1 << 18);
  const file = openSync(path, flags.O_RDONLY | flags.O_NOFOLLOW);
  let size = 0;
  try {
    for (let read = 1; read > 0 && size < most; size += read) {
      read = readSync(file, block, 0, Math.min(block.length, most - size), null);
      const piece = block.subarray(0, read);
      hash.update(piece);
      yield piece;
    }
  } finally {
    closeSync(file);
  }
  return { hash: `sha256-${hash.digest("base64")}`, size };
}

const chunkSize = 1 << 25;

/** Compresses on all processors, while the next chunk is read. */
async function compress(blocks: Iterable<Buffer>, total: number, file: string): Promise<void> {
  const zstd = createZstdCompress({
    chunkSize: 1 << 23,
    pledgedSrcSize: total,
    // With workers, node takes input that is not yet consumed for the end of it (24.21), unless each write is flushed.
    flush: constants.ZSTD_e_flush,
    // With the long window, level 2 has fewer bytes than level 3, zstd's default, without it, in less time.
    params: {
      [constants.ZSTD_c_compressionLevel]: 2,
      [constants.ZSTD_c_windowLog]: windowLog,
      [constants.ZSTD_c_enableLongDistanceMatching]: 1,
      [constants.ZSTD_c_ldmMinMatch]: 32,
      [constants.ZSTD_c_nbWorkers]: Math.min(availableParallelism(), 16),
      [constants.ZSTD_c_jobSize]: chunkSize >> 2,
    },
  });
  const written = pipeline(zstd, createWriteStream(file, { flags: "wx", mode: 0o600 }));
  written.catch(() => {}); // told below
  const write = (chunk: Buffer): Promise<void> => {
    const done = new Promise<void>((resolve, reject) =>
      zstd.write(chunk, (error) => (error ? reject(error) : resolve())),
    );
    done.catch(() => {}); // told by `written`
    return done;
  };
  try {
    let [chunk, other] = [Buffer.allocUnsafeSlow(chunkSize), Buffer.allocUnsafeSlow(chunkSize)];
    let used = 0;
    let writing = Promise.resolve();
    for (const block of blocks)
      for (let at = 0; at < block.length; ) {
        const copied = block.copy(chunk, used, at);
        used += copied;
        at += copied;
        if (used < chunkSize) continue;
        await writing;
        writing = write(chunk);
        [chunk, other] = [other, chunk];
        used = 0;
      }
    await writing;
    zstd.end(chunk.subarray(0, used));
  } catch (error) {
    zstd.destroy(error as Error);
  }
  // What failed first: of a full disk, `zstd` knows only that nobody listens any more.
  await written;
}
