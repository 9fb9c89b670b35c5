/**
 * Writes and hashes NAR archives: file contents, symbolic links, the executable bit of the owner, and nothing else.
 * Format: E. Dolstra, The Purely Functional Software Deployment Model, figure 5.2; `dump` in
 * https://github.com/NixOS/nix/blob/master/src/libutil/archive.cc
 */
import { createHash } from "node:crypto";
import { closeSync, fstatSync, lstatSync, openSync, readdirSync, readlinkSync, readSync } from "node:fs";
import { NixError } from "./errors.ts";

/** The NAR hash and size of a tree. */
export interface NarDigest {
  /** `sha256-<base64>`. */
  hash: string;
  /** Bytes of the archive. */
  size: number;
}

const blockSize = 1 << 20;

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

/**
 * The archive of a tree, piece by piece. A piece is valid until the next one is asked for: file contents come in one buffer
 * that is used again, so that memory does not grow with the tree.
 */
export function* narPieces(path: string): Generator<Buffer> {
  const block = Buffer.allocUnsafe(blockSize);
  // Small pieces are collected, since each one costs a call of the hash.
  let pending: Buffer[] = [];
  let pendingBytes = 0;
  const flush = (): Buffer => {
    const all = Buffer.concat(pending);
    pending = [];
    pendingBytes = 0;
    return all;
  };
  const put = (piece: Buffer): void => {
    pending.push(piece);
    pendingBytes += piece.length;
  };
  function* node(at: Buffer): Generator<Buffer> {
    const stats = lstatSync(at);
    if (stats.isSymbolicLink()) {
      put(mark.symlink);
      put(word(readlinkSync(at, "buffer") as unknown as Buffer));
    } else if (stats.isDirectory()) {
      put(mark.directory);
      const names = readdirSync(at, "buffer") as unknown as Buffer[];
      for (const name of names.sort(Buffer.compare)) {
        put(mark.entry);
        put(word(name));
        put(mark.node);
        yield* node(Buffer.concat([at, slash, name]));
        put(mark.close);
      }
    } else if (stats.isFile()) {
      put(mark.regular);
      if (stats.mode & 0o100) put(mark.executable);
      put(mark.contents);
      yield* contents(at);
    } else throw new NixError(`${at} is neither a file, a folder nor a link; a NAR cannot hold it.`);
    put(mark.close);
    if (pendingBytes > blockSize) yield flush();
  }
  function* contents(at: Buffer): Generator<Buffer> {
    const file = openSync(at, "r");
    try {
      const { size } = fstatSync(file);
      const head = Buffer.alloc(8);
      head.writeBigUInt64LE(BigInt(size));
      put(head);
      let left = size;
      if (size <= 4096 && size > 0) {
        const small = Buffer.allocUnsafe(size);
        left -= readSync(file, small, 0, size, null);
        put(small.subarray(0, size - left));
      } else if (size > 0) yield flush();
      while (left > 0) {
        const read = readSync(file, block, 0, Math.min(block.length, left), null);
        if (read === 0) break;
        left -= read;
        yield block.subarray(0, read);
      }
      if (left > 0) throw new NixError(`${at} became shorter while it was read.`);
      put(Buffer.alloc((8 - (size % 8)) % 8));
    } finally {
      closeSync(file);
    }
  }
  put(mark.magic);
  yield* node(Buffer.from(path));
  yield flush();
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
