/** ELF: its sections, and the build id among its notes. https://refspecs.linuxfoundation.org/elf/gabi4+/ch4.sheader.html */
import { type Budget, type Container, Extent, type Member, Names, NotOpened, nameAt, part } from "./container.ts";

const noBits = 8;

/** 64-bit little-endian only, which is what today's runners make; others are compared as bytes. */
export const isElf = (bytes: Buffer): boolean =>
  bytes.length > 64 && bytes.readUInt32BE(0) === 0x7f454c46 && bytes[4] === 2 && bytes[5] === 1;

export function openElf(bytes: Buffer, budget: Budget): Container {
  const table = Number(bytes.readBigUInt64LE(40));
  const [entrySize, count, nameIndex] = [bytes.readUInt16LE(58), bytes.readUInt16LE(60), bytes.readUInt16LE(62)];
  if (count === 0 || entrySize !== 64) throw new NotOpened("it has no section table");
  const header = (index: number): Buffer => part(bytes, table + index * entrySize, entrySize);
  const extent = new Extent(bytes);
  const content = (section: Buffer): Buffer =>
    section.readUInt32LE(4) === noBits
      ? Buffer.alloc(0)
      : part(bytes, Number(section.readBigUInt64LE(24)), Number(section.readBigUInt64LE(32)));
  const nameTable = content(header(nameIndex));
  const names = new Names();
  const members: Member[] = [];
  for (let index = 1; index < count; index++) {
    budget.member();
    const section = header(index);
    const name = nameAt(nameTable, section.readUInt32LE(0), 0);
    const own = content(section);
    extent.take(own.length);
    members.push({ name: names.unique(name), fields: { type: section.readUInt32LE(4) }, content: own });
  }
  return { format: "elf", fields: { type: bytes.readUInt16LE(16), machine: bytes.readUInt16LE(18) }, members };
}
