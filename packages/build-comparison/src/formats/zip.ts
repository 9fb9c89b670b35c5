/** zip, and what is zip by another name: jar, whl, nupkg. https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT */
import { inflateRawSync } from "node:zlib";
import { type Budget, type Container, Extent, type Fields, type Member, Names, NotOpened, part } from "./container.ts";

const [endMark, centralMark] = [0x06054b50, 0x02014b50];
// zip64: what does not fit into 32 bits is all ones there, and stands elsewhere.
const [end64Mark, locator64Mark, ones] = [0x06064b50, 0x07064b50, 0xffffffff];

/** Where the end of the central directory is, which a comment of up to 64 KiB may follow; -1 where there is none. */
function endOf(bytes: Buffer): number {
  for (let at = bytes.length - 22; at >= Math.max(0, bytes.length - 22 - 0xffff); at--) {
    if (bytes.readUInt32LE(at) === endMark) return at;
  }
  return -1;
}

/** Where the central directory begins. */
function directoryAt(bytes: Buffer, end: number): number {
  const stated = bytes.readUInt32LE(end + 16);
  const isLarge = end >= 20 && bytes.readUInt32LE(end - 20) === locator64Mark;
  if (!isLarge) return stated;
  const record = part(bytes, Number(bytes.readBigUInt64LE(end - 12)), 56);
  if (record.readUInt32LE() !== end64Mark) throw new NotOpened("its zip64 record is not there");
  return Number(record.readBigUInt64LE(48));
}

/** Size, packed size and place of a member; each that is all ones stands in the extra field 1, in this order. */
function sizesOf(head: Buffer, extra: Buffer): { size: number; packed: number; offset: number } {
  const stated = [head.readUInt32LE(24), head.readUInt32LE(20), head.readUInt32LE(42)];
  const large = extraOf(extra, 1);
  let at = 0;
  const [size, packed, offset] = stated.map((value) => {
    if (value !== ones || at + 8 > large.length) return value;
    at += 8;
    return Number(large.readBigUInt64LE(at - 8));
  }) as [number, number, number];
  return { size, packed, offset };
}

/** The extra field with an id; empty where there is none. */
function extraOf(bytes: Buffer, wanted: number): Buffer {
  for (let at = 0; at + 4 <= bytes.length; at += 4 + bytes.readUInt16LE(at + 2)) {
    if (bytes.readUInt16LE(at) === wanted) return part(bytes, at + 4, bytes.readUInt16LE(at + 2));
  }
  return Buffer.alloc(0);
}

/** Date and time of DOS, in steps of two seconds, without a zone. */
function dosTime(date: number, time: number): string {
  const two = (value: number): string => String(value).padStart(2, "0");
  const day = `${(date >> 9) + 1980}-${two((date >> 5) & 15)}-${two(date & 31)}`;
  return `${day} ${two(time >> 11)}:${two((time >> 5) & 63)}:${two((time & 31) * 2)}`;
}

/** Extra fields: Unix times and owners by name, the rest as hex. */
function extraFields(bytes: Buffer): Fields {
  const fields: Fields = {};
  for (let at = 0; at + 4 <= bytes.length; ) {
    const [id, length] = [bytes.readUInt16LE(at), bytes.readUInt16LE(at + 2)];
    const value = part(bytes, at + 4, length);
    if (id === 0x5455 && length >= 5) fields["unix mtime"] = value.readUInt32LE(1);
    else if (id === 1) fields.zip64 = "yes";
    else if (id === 0x7875) fields["unix owner"] = value.toString("hex");
    else fields[`extra ${id.toString(16)}`] = value.toString("hex");
    at += 4 + length;
  }
  return fields;
}

export function openZip(bytes: Buffer, budget: Budget): Container {
  const end = endOf(bytes);
  if (end < 0) throw new NotOpened("it has no central directory");
  const members: Member[] = [];
  const names = new Names();
  const extent = new Extent(bytes);
  let at = directoryAt(bytes, end);
  while (at + 46 <= end && bytes.readUInt32LE(at) === centralMark) {
    budget.member();
    const head = part(bytes, at, 46);
    const [nameLength, extraLength, commentLength] = [28, 30, 32].map((place) => head.readUInt16LE(place)) as [
      number,
      number,
      number,
    ];
    const name = part(bytes, at + 46, nameLength).toString("utf8");
    const extra = part(bytes, at + 46 + nameLength, extraLength);
    const comment = part(bytes, at + 46 + nameLength + extraLength, commentLength).toString("utf8");
    const { packed, size, offset } = sizesOf(head, extra);
    const method = head.readUInt16LE(10);
    const local = part(bytes, offset, 30);
    const start = offset + 30 + local.readUInt16LE(26) + local.readUInt16LE(28);
    extent.take(start - offset + packed);
    const localExtra = part(bytes, offset + 30 + local.readUInt16LE(26), local.readUInt16LE(28));
    members.push({
      name: names.unique(name),
      content: unpack(part(bytes, start, packed), method, size, budget),
      fields: {
        mtime: dosTime(head.readUInt16LE(14), head.readUInt16LE(12)),
        mode: (head.readUInt32LE(38) >>> 16).toString(8),
        attributes: head.readUInt32LE(38) & 0xffff,
        "made by": head.readUInt16LE(4),
        "needed version": head.readUInt16LE(6),
        flags: head.readUInt16LE(8),
        method,
        comment,
        ...extraFields(extra),
        "local extra": Object.entries(extraFields(localExtra))
          .filter(([field]) => !field.startsWith("unix"))
          .flat()
          .join(" "),
      },
    });
    at += 46 + nameLength + extraLength + commentLength;
  }
  return { format: "zip", fields: { comment: bytes.toString("utf8", end + 22) }, members };
}

function unpack(packed: Buffer, method: number, size: number, budget: Budget): Buffer {
  if (method === 0) return packed;
  // Encrypted, or by a method that is rare: its packed bytes are compared.
  if (method !== 8) return packed;
  if (size > budget.bytes) throw new NotOpened("it expands to too many bytes");
  try {
    const content = inflateRawSync(packed, { maxOutputLength: Math.max(1, size) });
    budget.expand(content.length);
    return content;
  } catch (error) {
    if (error instanceof NotOpened) throw error;
    throw new NotOpened("a member cannot be decompressed");
  }
}
