/** gzip, zstd, xz and bzip2: one stream, perhaps in several pieces. */
import { gunzipSync, zstdDecompressSync } from "node:zlib";
import { run } from "@goatnote/action-io";
import { type Budget, type Container, NotOpened, part } from "./container.ts";

const text = (bytes: Buffer, start: number): string => {
  const end = bytes.indexOf(0, start);
  return part(bytes, start, (end < 0 ? bytes.length : end) - start).toString("latin1");
};

/** https://www.rfc-editor.org/rfc/rfc1952 */
export function openGzip(bytes: Buffer, budget: Budget): Container {
  const flags = bytes[3] ?? 0;
  let at = 10;
  if (flags & 4) at += 2 + part(bytes, at, 2).readUInt16LE();
  const name = flags & 8 ? text(bytes, at) : "";
  if (flags & 8) at += name.length + 1;
  const comment = flags & 16 ? text(bytes, at) : "";
  const header = part(bytes, 0, 10);
  return {
    format: "gzip",
    fields: { mtime: header.readUInt32LE(4), level: header[8]!, system: header[9]!, name, comment },
    members: [{ name: "", fields: {}, content: expanded(budget, (limit) => gunzipSync(bytes, limit)) }],
  };
}

export function openZstd(bytes: Buffer, budget: Budget): Container {
  const content = expanded(budget, (limit) => zstdDecompressSync(bytes, limit));
  return { format: "zstd", fields: {}, members: [{ name: "", fields: {}, content }] };
}

function expanded(budget: Budget, expand: (limit: { maxOutputLength: number }) => Buffer): Buffer {
  budget.tick();
  let content: Buffer;
  try {
    content = expand({ maxOutputLength: Math.max(1, Math.min(budget.bytes, 1024 ** 3)) });
  } catch (error) {
    const tooLarge = (error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE";
    throw new NotOpened(tooLarge ? "it expands to too many bytes" : "it cannot be decompressed");
  }
  budget.expand(content.length);
  return content;
}

/** Node has neither; the machine's own programs do it, which every runner has. */
export async function openBy(program: "xz" | "bzip2", bytes: Buffer, budget: Budget): Promise<Container> {
  let content: Buffer;
  try {
    const { stdout } = await run([program, "--decompress", "--stdout"], {
      input: bytes,
      encoding: "latin1",
      maxOutput: Math.max(1, Math.min(budget.bytes, 400 * 1024 * 1024)),
      timeoutMs: Math.min(60_000, budget.leftMs),
    });
    content = Buffer.from(stdout, "latin1");
  } catch {
    budget.tick();
    throw new NotOpened(`${program} is not there, or cannot decompress it within bounds`);
  }
  budget.expand(content.length);
  return { format: program, fields: {}, members: [{ name: "", fields: {}, content }] };
}
