import { crc32, deflateRawSync, inflateRawSync } from "node:zlib";

const localHeader = 0x04034b50;
const centralHeader = 0x02014b50;
const endOfDirectory = 0x06054b50;
/** General purpose flag 11: names are UTF-8. */
const utf8 = 0x0800;

/** A ZIP archive of these files, deflated. Names use forward slashes. (APPNOTE.TXT 6.3, no ZIP64: below 4 GiB.) */
export function zip(files: { name: string; content: Buffer }[]): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const { name, content } of files) {
    const packed = deflateRawSync(content);
    const path = Buffer.from(name);
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE(utf8, 2);
    common.writeUInt16LE(8, 4);
    common.writeUInt16LE(0x21, 8); // 1980-01-01, so that equal files make equal archives
    common.writeUInt32LE(crc32(content), 10);
    common.writeUInt32LE(packed.length, 14);
    common.writeUInt32LE(content.length, 18);
    common.writeUInt16LE(path.length, 22);
    const local = Buffer.concat([uint32(localHeader), common, path, packed]);
    const central = Buffer.alloc(14);
    central.writeUInt32LE(offset, 10);
    directory.push(Buffer.concat([uint32(centralHeader), Buffer.from([20, 0]), common, central, path]));
    parts.push(local);
    offset += local.length;
  }
  const size = directory.reduce((sum, entry) => sum + entry.length, 0);
  const end = Buffer.alloc(18);
  end.writeUInt16LE(files.length, 4);
  end.writeUInt16LE(files.length, 6);
  end.writeUInt32LE(size, 8);
  end.writeUInt32LE(offset, 12);
  return Buffer.concat([...parts, ...directory, uint32(endOfDirectory), end]);
}

/** The files of a ZIP archive, read by its central directory. Throws when it is damaged or uses what is not known here. */
export function unzip(archive: Buffer): { name: string; content: Buffer }[] {
  const end = archive.lastIndexOf(uint32(endOfDirectory));
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

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}
