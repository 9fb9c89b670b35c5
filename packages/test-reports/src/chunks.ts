/** The bytes of a file, read ahead. */
import type { FileHandle } from "node:fs/promises";

const chunkBytes = 64 * 1024;

/**
 * The bytes of a file up to a limit. The next chunk is read while one is worked on, in two buffers that take turns:
 * each chunk is good until the next is asked for.
 * @param turn awaited whenever a chunk is done with.
 */
export async function* chunks(
  file: FileHandle,
  limit: number,
  turn: () => Promise<void> | undefined,
): AsyncGenerator<Uint8Array> {
  const buffers = [new Uint8Array(chunkBytes), new Uint8Array(chunkBytes)] as const;
  let at = 0;
  const read = (buffer: Uint8Array) => {
    const ahead = file.read(buffer, 0, Math.min(buffer.length, limit - at), at);
    // Awaited later, or never, when the reader stops: a failure is told then, or of no interest.
    ahead.catch(() => {});
    return ahead;
  };
  let ahead = read(buffers[0]);
  try {
    for (let count = 0; at < limit; ) {
      const { bytesRead } = await ahead;
      if (bytesRead === 0) return;
      at += bytesRead;
      const buffer = buffers[count++ & 1]!;
      if (at < limit) ahead = read(buffers[count & 1]!);
      yield buffer.subarray(0, bytesRead);
      const wait = turn();
      if (wait) await wait;
    }
  } finally {
    // The file is not closed below a read.
    await ahead.catch(() => {});
  }
}
