import { crc32, inflateRawSync } from "node:zlib";

const endOfDirectory = Buffer.from("PK\x05\x06");

/** The files of a ZIP archive, read by its central directory. Throws when it is damaged or uses what is not known here. */
export function unzip(archive: Buffer): { name: string; content: Buffer }[] {
  const end = archive.lastIndexOf(endOfDirectory);
  if (end < 0) throw new Error("This is not a ZIP archive: it has no central directory.");
  const files = [];
  let at = archive.readUInt32LE(end + 16);
  for (let left = archive.readUInt16LE(end + 10); left > 0; left--) {
    const [method, crc, packedSize] = [
      archive.readUInt16LE(at + 10),
      archive.readUInt32LE(at + 16),
      archive.readUInt32LE(at + 20),
    ];
    const [nameLength, extra, comment] = [28, 30, 32].map((field) => archive.readUInt16LE(at + field)) as [
      number,
      number,
      number,
    ];
    const name = archive.toString("utf8", at + 46, at + 46 + nameLength);
    const local = archive.readUInt32LE(at + 42);
    const start = local + 30 + archive.readUInt16LE(local + 26) + archive.readUInt16LE(local + 28);
    const packed = archive.subarray(start, start + packedSize);
    if (method !== 0 && method !== 8)
      throw new Error(`${name} is packed by method ${method}, which is not known here.`);
    const content = method === 8 ? inflateRawSync(packed) : packed;
    if (crc32(content) !== crc) throw new Error(`${name} is damaged: its checksum differs.`);
    if (!name.endsWith("/")) files.push({ name, content });
    at += 46 + nameLength + extra + comment;
  }
  return files;
}
