/** gzip and zstd of history files: which one it is, and how both are written. */
import type { FileHandle } from "node:fs/promises";
import { pipeline } from "node:stream";
import { constants, createGunzip, createGzip, createZstdCompress, createZstdDecompress } from "node:zlib";

export type Compression = "none" | "gzip" | "zstd";

const CHUNK = 256 * 1024;

/** Level 9 costs 6 s per million executions and gives a fifth less than level 3; a checksum finds each damaged byte. */
export const zstdParams = {
  [constants.ZSTD_c_compressionLevel]: 9,
  [constants.ZSTD_c_checksumFlag]: 1,
};

/** What the first bytes say (RFC 1952, RFC 8878). */
export function compressionOf(head: Uint8Array): Compression {
  if (head[0] === 0x1f && head[1] === 0x8b) return "gzip";
  if (head[0] === 0x28 && head[1] === 0xb5 && head[2] === 0x2f && head[3] === 0xfd) return "zstd";
  return "none";
}

/** What the name asks for: `.gz`, `.zst`, or none. */
export function compressionFor(path: string): Compression {
  if (path.endsWith(".gz")) return "gzip";
  return path.endsWith(".zst") ? "zstd" : "none";
}

/** The stream that compresses, or null for none. */
export function compressor(compression: Compression) {
  if (compression === "gzip") return createGzip({ chunkSize: CHUNK });
  return compression === "zstd" ? createZstdCompress({ params: zstdParams, chunkSize: CHUNK }) : null;
}

/**
 * The decompressed bytes of an open file. Node ends at the first zstd frame and says nothing of what follows it, so
 * each further frame gets a decoder of its own; what is no frame is then an error.
 */
export async function* decompressed(file: FileHandle, compression: Compression): AsyncGenerator<Buffer> {
  const { size } = await file.stat();
  let start = 0;
  while (start < size) {
    if (compression === "none") {
      yield* chunks(file, start);
      return;
    }
    const decoder =
      compression === "gzip" ? createGunzip({ chunkSize: CHUNK }) : createZstdDecompress({ chunkSize: CHUNK });
    const feed = chunks(file, start, (fed) => decoder.bytesWritten < fed);
    // The error reaches the loop below through the decoder itself.
    pipeline(feed, decoder, () => {});
    yield* decoder;
    start += decoder.bytesWritten;
  }
}

/** Reads on from `start`, until the end or until `isEnough` says that fewer bytes were used than were given. */
async function* chunks(
  file: FileHandle,
  start: number,
  isEnough: (fed: number) => boolean = () => false,
): AsyncGenerator<Buffer> {
  let fed = 0;
  while (!isEnough(fed)) {
    const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(CHUNK), 0, CHUNK, start + fed);
    if (bytesRead === 0) return;
    fed += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}
