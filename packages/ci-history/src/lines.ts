/** Bytes cut into lines, one in memory at a time. */
import { isUtf8 } from "node:buffer";
import { HistoryError } from "./checks.ts";

const NEWLINE = 0x0a;
const BOM = [0xef, 0xbb, 0xbf];

/** A line and its number, which counts from 1. */
export interface Line {
  text: string;
  number: number;
}

/**
 * Cuts chunks of UTF-8 into lines without their newline. A byte order mark is dropped.
 *
 * @param maxBytes bound of one line; a longer one is an error before it is in memory.
 * @param name the file, for errors.
 * @throws HistoryError for a line that is too long or is not UTF-8.
 */
export async function* readLines(chunks: AsyncIterable<Buffer>, maxBytes: number, name: string): AsyncGenerator<Line> {
  let parts: Buffer[] = [];
  let length = 0;
  let number = 1;
  const add = (part: Buffer) => {
    length += part.length;
    if (length > maxBytes) {
      throw new HistoryError(`${name}:${number}: the line is longer than ${maxBytes} bytes; is this a history file?`);
    }
    parts.push(part);
  };
  const take = (): Line => {
    let bytes = parts.length === 1 ? parts[0]! : Buffer.concat(parts, length);
    if (number === 1 && BOM.every((byte, i) => bytes[i] === byte)) bytes = bytes.subarray(3);
    if (!isUtf8(bytes)) throw new HistoryError(`${name}:${number}: the line is not UTF-8.`);
    parts = [];
    length = 0;
    return { text: bytes.toString("utf8"), number: number++ };
  };
  for await (const chunk of chunks) {
    let from = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, from)) {
      add(chunk.subarray(from, end));
      yield take();
      from = end + 1;
    }
    if (from < chunk.length) add(chunk.subarray(from));
  }
  if (length > 0) yield take();
}
