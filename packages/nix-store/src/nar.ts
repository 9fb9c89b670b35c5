/**
 * Writes and hashes NAR archives: file contents, symbolic links, the executable bit of the owner, and nothing else.
 * Format: E. Dolstra, The Purely Functional Software Deployment Model, figure 5.2; `dump` in
 * https://github.com/NixOS/nix/blob/master/src/libutil/archive.cc
 */
import { createHash } from "node:crypto";
import { closeSync, lstatSync, openSync, readdirSync, readlinkSync, readSync } from "node:fs";
import { NixError } from "./errors.ts";

/** What `nix hash path` and `nix path-info` give for a file, a folder or a link. */
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
 * Hashes the archive of a tree, block by block, so that memory does not grow with the tree, and many small files are one block.
 * @param take gets each block, of at most 256 KiB, and may not keep it
 */
export function hashNar(path: string, take: (block: Buffer) => void = () => {}): NarDigest {
  const hash = createHash("sha256");
  const block = Buffer.allocUnsafeSlow(blockSize);
  let [used, size] = [0, 0];
  function flush(): void {
    const piece = block.subarray(0, used);
    hash.update(piece);
    take(piece);
    size += used;
    used = 0;
  }
  function put(piece: Buffer): void {
    if (used + piece.length > blockSize) flush();
    used += piece.copy(block, used);
  }
  function node(at: Buffer): void {
    const stats = lstatSync(at);
    if (stats.isFile()) {
      put(mark.regular);
      if (stats.mode & 0o100) put(mark.executable);
      put(mark.contents);
      contents(at, stats.size);
    } else if (stats.isDirectory()) {
      put(mark.directory);
      const names = readdirSync(at, "buffer") as unknown as Buffer[];
      for (const name of names.sort(Buffer.compare)) {
        put(mark.entry);
        put(word(name));
        put(mark.node);
        node(Buffer.concat([at, slash, name]));
        put(mark.close);
      }
    } else if (stats.isSymbolicLink()) {
      put(mark.symlink);
      put(word(readlinkSync(at, "buffer") as unknown as Buffer));
    } else throw new NixError(`${at} is neither a file, a folder nor a link; a NAR cannot hold it.`);
    put(mark.close);
  }
  function contents(at: Buffer, size: number): void {
    const head = Buffer.alloc(8);
    head.writeBigUInt64LE(BigInt(size));
    put(head);
    if (size === 0) return;
    const file = openSync(at, "r");
    try {
      for (let left = size; left > 0; ) {
        if (used === blockSize) flush();
        const read = readSync(file, block, used, Math.min(blockSize - used, left), null);
        if (read === 0) throw new NixError(`${at} became shorter while it was read.`);
        used += read;
        left -= read;
      }
    } finally {
      closeSync(file);
    }
    put(zeros.subarray(0, (8 - (size % 8)) % 8));
  }
  put(mark.magic);
  node(Buffer.from(path));
  flush();
  return { hash: `sha256-${hash.digest("base64")}`, size };
}
