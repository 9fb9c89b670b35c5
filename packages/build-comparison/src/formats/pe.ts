/** PE: programs and libraries of Windows, with the times and ids that linkers write. https://learn.microsoft.com/windows/win32/debug/pe-format */
import {
  type Budget,
  type Container,
  Extent,
  type Fields,
  type Member,
  Names,
  NotOpened,
  nameAt,
  part,
} from "./container.ts";

const signature = 0x00004550;
const [exports, debug] = [0, 6];
const codeView = 2;

export const isPe = (bytes: Buffer): boolean => {
  if (bytes.length < 64 || bytes.toString("latin1", 0, 2) !== "MZ") return false;
  const at = bytes.readUInt32LE(60);
  return at + 24 <= bytes.length && bytes.readUInt32LE(at) === signature;
};

interface Section {
  name: string;
  /** Where it is in memory, and in the file. */
  address: number;
  at: number;
  content: Buffer;
}

export function openPe(bytes: Buffer, budget: Budget): Container {
  const coff = part(bytes, bytes.readUInt32LE(60) + 4, 20);
  const optionalAt = bytes.readUInt32LE(60) + 24;
  const optional = part(bytes, optionalAt, coff.readUInt16LE(16));
  const sections = readSections(bytes, optionalAt + optional.length, coff.readUInt16LE(2), budget);
  const fields: Fields = {
    machine: coff.readUInt16LE(0),
    timestamp: coff.readUInt32LE(4),
    flags: coff.readUInt16LE(18),
  };
  if (optional.length >= 68) {
    fields["linker version"] = `${optional[2]}.${optional[3]}`;
    fields.checksum = optional.readUInt32LE(64);
  }
  Object.assign(fields, directoryFields(optional, sections, budget));
  const names = new Names();
  const members = sections.map(
    ({ name, content }): Member => ({ name: names.unique(name), fields: { size: content.length }, content }),
  );
  return { format: "pe", fields, members };
}

function readSections(bytes: Buffer, table: number, count: number, budget: Budget): Section[] {
  const extent = new Extent(bytes);
  return Array.from({ length: count }, (_, i): Section => {
    budget.member();
    const header = part(bytes, table + i * 40, 40);
    const [size, at] = [header.readUInt32LE(16), header.readUInt32LE(20)];
    extent.take(at === 0 ? 0 : size);
    // A copy, since what is a field of its own is taken out of it.
    const content = at === 0 ? Buffer.alloc(0) : Buffer.from(part(bytes, at, size));
    return { name: nameAt(header.subarray(0, 8), 0, 0), address: header.readUInt32LE(12), at, content };
  });
}

/** Times and ids that stand in sections, which are zero there afterwards. */
function directoryFields(optional: Buffer, sections: readonly Section[], budget: Budget): Fields {
  const fields: Fields = {};
  const first = optional.length >= 2 && optional.readUInt16LE(0) === 0x20b ? 112 : 96;
  const directory = (index: number): { address: number; size: number } | undefined => {
    const at = first + index * 8;
    if (at + 8 > optional.length || optional.readUInt32LE(first - 4) <= index) return undefined;
    const [address, size] = [optional.readUInt32LE(at), optional.readUInt32LE(at + 4)];
    return address === 0 || size === 0 ? undefined : { address, size };
  };
  const inSection = (address: number, length: number): Buffer | undefined => {
    const section = sections.find(
      (each) => address >= each.address && address + length <= each.address + each.content.length,
    );
    return section && part(section.content, address - section.address, length);
  };
  const table = directory(exports);
  const exported = table && inSection(table.address, 8);
  if (exported) {
    fields["export timestamp"] = exported.readUInt32LE(4);
    exported.fill(0, 4);
  }
  const list = directory(debug);
  for (let i = 0; list && (i + 1) * 28 <= list.size; i++) {
    budget.member();
    const entry = inSection(list.address + i * 28, 28);
    if (!entry) throw new NotOpened("its debug directory is not there");
    fields[`debug timestamp ${i + 1}`] = entry.readUInt32LE(4);
    entry.fill(0, 4, 8);
    // RSDS, a GUID and an age: which debugging information belongs to it.
    const id = entry.readUInt32LE(12) === codeView ? inSection(entry.readUInt32LE(20), 24) : undefined;
    if (id?.toString("latin1", 0, 4) !== "RSDS") continue;
    fields[`debug id ${i + 1}`] = id.toString("hex", 4);
    id.fill(0, 4);
  }
  return fields;
}
