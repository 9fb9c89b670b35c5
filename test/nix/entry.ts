/** Entries of the cache taken apart and put together again, by its documented form alone, so that a test can change anything. */
import { readFileSync, writeFileSync } from "node:fs";
import { zstdCompressSync, zstdDecompressSync } from "node:zlib";

/** One object as an entry has it. */
export interface Part {
  used: number;
  /** Its narinfo. */
  text: string;
  archive: Buffer;
}

export const plain = (file: string): Buffer => zstdDecompressSync(readFileSync(file));

export function readEntry(file: string): Part[] {
  const bytes = plain(file);
  let at = 0;
  const line = (): string => {
    const end = bytes.indexOf(10, at);
    const text = bytes.toString("latin1", at, end);
    at = end + 1;
    return text;
  };
  if (line() !== "goatnote-nix-cache 2") throw new Error("another form");
  const [list, total] = [Number(line()), Number(line())];
  const end = at + list;
  const parts: (Part & { size: number })[] = [];
  while (at < end) {
    const [used = 0, length = 0, size = 0] = line().split(" ").map(Number);
    parts.push({ used, text: bytes.toString("utf8", at, at + length), size, archive: Buffer.alloc(0) });
    at += length;
  }
  for (const part of parts) {
    part.archive = bytes.subarray(at, at + part.size);
    at += part.size;
  }
  if (at !== bytes.length || bytes.length - end !== total) throw new Error("bytes left over");
  return parts;
}

/** The content of an entry, which somebody then compresses. */
export function plainOf(parts: readonly Part[]): Buffer {
  const list = Buffer.concat(
    parts.map(({ used, text, archive }) =>
      Buffer.from(`${used} ${Buffer.byteLength(text)} ${archive.length}\n${text}`),
    ),
  );
  const archives = Buffer.concat(parts.map(({ archive }) => archive));
  return Buffer.concat([Buffer.from(`goatnote-nix-cache 2\n${list.length}\n${archives.length}\n`), list, archives]);
}

export const writeEntry = (file: string, parts: readonly Part[]): void =>
  writeFileSync(file, zstdCompressSync(plainOf(parts)));
