/** History files: NDJSON, one run per line, oldest first, plain or compressed. */
import { type FileHandle, open, rename } from "node:fs/promises";
import { pipeline } from "node:stream";
import { writeBeside } from "./atomic-file.ts";
import { HistoryError, interner } from "./checks.ts";
import { compressionFor, compressionOf, compressor, decompressed } from "./compression.ts";
import { readLines } from "./lines.ts";
import type { Run } from "./model.ts";
import { formatRun, MAX_LINE_BYTES, parseRun } from "./validate.ts";

/**
 * Reads a history file as a stream: plain, gzip or zstd, told by its first bytes and not by its name. Blank lines are
 * passed over. Order is the file's.
 *
 * @throws HistoryError that names file, line and field, for a bad line as for damaged compression; and the error of
 * the file system as it is.
 */
export async function* readHistory(path: string): AsyncGenerator<Run> {
  const file = await open(path, "r");
  try {
    const head = Buffer.alloc(4);
    await file.read(head, 0, 4, 0);
    const compression = compressionOf(head);
    const intern = interner();
    let line = 0;
    try {
      for await (const { text, number } of readLines(decompressed(file, compression), MAX_LINE_BYTES, path)) {
        line = number;
        if (text.trim() !== "") yield parseRun(text, `${path}:${number}`, intern);
      }
    } catch (cause) {
      if (compression === "none" || !isDecoderError(cause)) throw cause;
      throw new HistoryError(
        `${path}:${line + 1}: the ${compression} data is damaged or cut off (${cause.message}); get the file again.`,
        { cause },
      );
    }
  } finally {
    await file.close();
  }
}

function isDecoderError(error: unknown): error is NodeJS.ErrnoException {
  const code = (error as NodeJS.ErrnoException | null)?.code;
  return error instanceof Error && typeof code === "string" && (code.startsWith("Z_") || code.startsWith("ZSTD_"));
}

/**
 * Writes a history file; `.gz` and `.zst` in its name choose the compression. Equal runs give equal bytes. The file
 * appears whole, by rename; on an error a file of that name is as it was.
 *
 * @throws HistoryError for a run that readers would refuse, and the error of the file system as it is.
 */
export async function writeHistory(path: string, runs: AsyncIterable<Run> | Iterable<Run>): Promise<void> {
  await writeBeside(
    path,
    (file) => writeLines(file, path, runs),
    (temporary) => rename(temporary, path),
  );
}

async function writeLines(file: FileHandle, path: string, runs: AsyncIterable<Run> | Iterable<Run>): Promise<void> {
  async function* lines() {
    let number = 0;
    for await (const run of runs) yield Buffer.from(`${formatRun(run, `${path}:${++number}`)}\n`);
  }
  const compress = compressor(compressionFor(path));
  // An error of the source reaches the write through the compressor itself.
  if (compress) pipeline(lines, compress, () => {});
  await file.writeFile(compress ?? lines());
}
