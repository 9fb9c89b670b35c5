/**
 * Writes and hashes NAR archives: file contents, symbolic links, the executable bit of the owner, and nothing else.
 * Format: E. Dolstra, The Purely Functional Software Deployment Model, figure 5.2; `dump` in
 * https://github.com/NixOS/nix/blob/master/src/libutil/archive.cc
 */
import { createHash } from "node:crypto";
import { closeSync, lstatSync, openSync, readdirSync, readlinkSync, readSync } from "node:fs";
import { NixError } from "./errors.ts";
import { HashThread } from "./hash-thread.ts";

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

function length(bytes: number): Buffer {
  const out = Buffer.alloc(8);
  out.writeBigUInt64LE(BigInt(bytes));
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

/** A piece of an archive: bytes as they are, then the content of a file. */
interface Part {
  head: Buffer;
  file?: { path: Buffer; size: number };
}

/** Bytes of names and marks that are gathered until they are handed on, where no file's content comes between. */
const mostHead = 1 << 16;

function* parts(root: Buffer): Generator<Part> {
  let head: Buffer[] = [mark.magic];
  let gathered = 0;
  const put = (...pieces: Buffer[]): void => {
    head.push(...pieces);
    for (const { length } of pieces) gathered += length;
  };
  const take = (): Buffer => {
    const bytes = Buffer.concat(head);
    [head, gathered] = [[], 0];
    return bytes;
  };
  function* node(at: Buffer): Generator<Part> {
    const stats = lstatSync(at);
    if (stats.isFile()) {
      put(mark.regular);
      if (stats.mode & 0o100) put(mark.executable);
      put(mark.contents, length(stats.size));
      if (stats.size > 0) yield { head: take(), file: { path: at, size: stats.size } };
      put(zeros.subarray(0, (8 - (stats.size % 8)) % 8));
    } else if (stats.isDirectory()) {
      put(mark.directory);
      const names = readdirSync(at, "buffer") as unknown as Buffer[];
      for (const name of names.sort(Buffer.compare)) {
        put(mark.entry, word(name), mark.node);
        yield* node(Buffer.concat([at, slash, name]));
        put(mark.close);
        if (gathered > mostHead) yield { head: take() };
      }
    } else if (stats.isSymbolicLink()) {
      put(mark.symlink, word(readlinkSync(at, "buffer") as unknown as Buffer));
    } else throw new NixError(`${at} is neither a file, a folder nor a link; a NAR cannot hold it.`);
    put(mark.close);
  }
  yield* node(root);
  yield { head: take() };
}

/**
 * The archive of a tree in blocks, so that memory does not grow with the tree, and many small files are one block.
 * @param next gives the block to fill next; the one before it was taken then
 */
function* filledBlocks(path: string, next: () => Buffer): Generator<Buffer> {
  let [block, used] = [next(), 0];
  /** @param read puts bytes from this one on into what is left of the block, and says how many */
  function* fill(length: number, read: (from: number) => number): Generator<Buffer> {
    for (let from = 0; from < length; ) {
      if (used === block.length) {
        yield block;
        [block, used] = [next(), 0];
      }
      const filled = read(from);
      used += filled;
      from += filled;
    }
  }
  for (const { head, file } of parts(Buffer.from(path))) {
    yield* fill(head.length, (from) => head.copy(block, used, from));
    if (file === undefined) continue;
    const handle = openSync(file.path, "r");
    try {
      yield* fill(file.size, (from) => {
        const read = readSync(handle, block, used, Math.min(block.length - used, file.size - from), null);
        if (read === 0) throw new NixError(`${file.path} became shorter while it was read.`);
        return read;
      });
    } finally {
      closeSync(handle);
    }
  }
  yield block.subarray(0, used);
}

const sri = (sha256: Buffer): string => `sha256-${sha256.toString("base64")}`;

/**
 * Gives the archive of a tree block by block and hashes it on the way.
 * @returns after the last block, its digest; a block that was given may not be kept, since the next one overwrites it
 */
export function* narBlocks(path: string): Generator<Buffer, NarDigest> {
  const hash = createHash("sha256");
  const block = Buffer.allocUnsafeSlow(blockSize);
  let size = 0;
  for (const piece of filledBlocks(path, () => block)) {
    hash.update(piece);
    size += piece.length;
    yield piece;
  }
  return { hash: sri(hash.digest()), size };
}

/** Hashes the archive of a tree: a small one here, a large one in a thread while this one reads. */
export function hashNar(path: string): NarDigest {
  const first = Buffer.allocUnsafeSlow(blockSize);
  let thread: HashThread | undefined;
  let size = 0;
  try {
    for (const piece of filledBlocks(path, () => thread?.free() ?? first)) {
      size += piece.length;
      if (thread === undefined) {
        if (piece.length < blockSize) return { hash: sri(createHash("sha256").update(piece).digest()), size };
        thread = new HashThread(blockSize);
        piece.copy(thread.free());
      }
      thread.put(piece.length);
    }
    return { hash: sri(thread!.digest()), size };
  } finally {
    thread?.stop();
  }
}
