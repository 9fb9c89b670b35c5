/**
 * Writes and hashes NAR archives: file contents, symbolic links, the executable bit of the owner, and nothing else.
 * Format: E. Dolstra, The Purely Functional Software Deployment Model, figure 5.2; `dump` in
 * https://github.com/NixOS/nix/blob/master/src/libutil/archive.cc
 */
import { createHash } from "node:crypto";
import { closeSync, lstatSync, openSync, readdirSync, readlinkSync, readSync } from "node:fs";
import { NixError } from "./errors.ts";

/** The NAR hash and size of a tree. */
export interface NarDigest {
  /** `sha256-<base64>`. */
  hash: string;
  /** Bytes of the archive. */
  size: number;
}

const blockSize = 1 << 18;

/** A text of the archive: length as 64-bit little-endian, the bytes, zeros up to a multiple of 8. */
function word(bytes: Buffer | string): Buffer {
  const content = typeof bytes === "string" ? Buffer.from(bytes) : bytes;
  const out = Buffer.alloc(8 + Math.ceil(content.length / 8) * 8);
  out.writeBigUInt64LE(BigInt(content.length));
  content.copy(out, 8);
  return out;
}

const words = (...texts: string[]): Buffer => Buffer.concat(texts.map(word));
const mark = {
  magic: words("nix-archive-1"),
  regular: words("(", "type", "regular"),
  executable: words("executable", ""),
  contents: words("contents"),
  symlink: words("(", "type", "symlink", "target"),
  directory: words("(", "type", "directory"),
  entry: words("entry", "(", "name"),
  node: words("node"),
  close: words(")"),
};
const slash = Buffer.from("/");
const zeros = Buffer.alloc(8);

/**
 * The archive of a tree, in pieces of at most 256 KiB. A piece is valid until the next one is asked for: all of them lie in one
 * buffer, so that memory does not grow with the tree, and many small files are one piece.
 */
export function* narPieces(path: string): Generator<Buffer> {
  const block = Buffer.allocUnsafe(blockSize);
  let used = 0;
  function* put(piece: Buffer): Generator<Buffer> {
    if (used + piece.length > blockSize) yield* flush();
    used += piece.copy(block, used);
  }
  function* flush(): Generator<Buffer> {
    if (used > 0) yield block.subarray(0, used);
    used = 0;
  }
  function* node(at: Buffer): Generator<Buffer> {
    const stats = lstatSync(at);
    if (stats.isSymbolicLink()) {
      yield* put(mark.symlink);
      yield* put(word(readlinkSync(at, "buffer") as unknown as Buffer));
    } else if (stats.isDirectory()) {
      yield* put(mark.directory);
      const names = readdirSync(at, "buffer") as unknown as Buffer[];
      for (const name of names.sort(Buffer.compare)) {
        yield* put(mark.entry);
        yield* put(word(name));
        yield* put(mark.node);
        yield* node(Buffer.concat([at, slash, name]));
        yield* put(mark.close);
      }
    } else if (stats.isFile()) {
      yield* put(mark.regular);
      if (stats.mode & 0o100) yield* put(mark.executable);
      yield* put(mark.contents);
      yield* contents(at, stats.size);
    } else throw new NixError(`${at} is neither a file, a folder nor a link; a NAR cannot hold it.`);
    yield* put(mark.close);
  }
  function* contents(at: Buffer, size: number): Generator<Buffer> {
    const head = Buffer.alloc(8);
    head.writeBigUInt64LE(BigInt(size));
    yield* put(head);
    if (size === 0) return;
    const file = openSync(at, "r");
    try {
      let left = size;
      while (left > 0) {
        if (used === blockSize) yield* flush();
        const read = readSync(file, block, used, Math.min(blockSize - used, left), null);
        if (read === 0) throw new NixError(`${at} became shorter while it was read.`);
        used += read;
        left -= read;
      }
    } finally {
      closeSync(file);
    }
    yield* put(zeros.subarray(0, (8 - (size % 8)) % 8));
  }
  yield* put(mark.magic);
  yield* node(Buffer.from(path));
  yield* flush();
}

/** What `nix hash path` and `nix path-info` give for a file, a folder or a link, in memory that does not grow with it. */
export function hashNar(path: string): NarDigest {
  const hash = createHash("sha256");
  let size = 0;
  for (const piece of narPieces(path)) {
    hash.update(piece);
    size += piece.length;
  }
  return { hash: `sha256-${hash.digest("base64")}`, size };
}
