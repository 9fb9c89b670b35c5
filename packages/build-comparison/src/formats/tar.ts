/** tar: ustar, GNU and pax. https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html#tag_20_94_13_06 */
import { type Budget, type Container, type Fields, type Member, Names, NotOpened, part } from "./container.ts";

const block = 512;

export const isTar = (bytes: Buffer): boolean =>
  bytes.length >= block && bytes.toString("latin1", 257, 262) === "ustar" && checksumFits(bytes);

function checksumFits(bytes: Buffer): boolean {
  const stated = Number.parseInt(bytes.toString("latin1", 148, 156).replace(/[\0 ]/g, ""), 8);
  let sum = 8 * 32;
  for (let i = 0; i < block; i++) if (i < 148 || i >= 156) sum += bytes[i]!;
  return sum === stated;
}

const text = (header: Buffer, start: number, length: number): string => {
  const field = header.subarray(start, start + length);
  const end = field.indexOf(0);
  return field.toString("utf8", 0, end < 0 ? length : end);
};

/** Octal digits, or GNU's base 256. */
function number(header: Buffer, start: number, length: number): number {
  const field = header.subarray(start, start + length);
  if ((field[0]! & 0x80) === 0) return Number.parseInt(field.toString("latin1").replace(/[\0 ]/g, ""), 8) || 0;
  const value = field.subarray(1).reduce((sum, byte) => sum * 256 + byte, field[0]! & 0x7f);
  if (!Number.isSafeInteger(value)) throw new NotOpened("it has an absurd number");
  return value;
}

/** `length key=value\n`, again and again. Sizes that pax overrides are only used when they are numbers. */
function readPax(bytes: Buffer, fields: Fields, budget: Budget): void {
  for (let at = 0; at < bytes.length; ) {
    budget.tick();
    const space = at + bytes.subarray(at, at + 20).indexOf(0x20);
    const length = Number(bytes.toString("latin1", at, space));
    if (space < at || !Number.isInteger(length) || length <= space - at + 2) break;
    const record = part(bytes, at, length).toString("utf8", space - at + 1, length - 1);
    const equals = record.indexOf("=");
    if (equals > 0) fields[record.slice(0, equals)] = record.slice(equals + 1);
    at += length;
  }
}

export function openTar(bytes: Buffer, budget: Budget): Container {
  const members: Member[] = [];
  const names = new Names();
  let at = 0;
  let pax: Fields = {};
  let longName: string | undefined;
  let longLink: string | undefined;
  while (at + block <= bytes.length && bytes[at] !== 0) {
    budget.member();
    const header = part(bytes, at, block);
    if (!checksumFits(header)) throw new NotOpened("a header has a wrong checksum");
    const type = String.fromCharCode(header[156]!).replace("\0", "0");
    const paxSize = Number(pax.size);
    const size = Number.isSafeInteger(paxSize) && paxSize >= 0 ? paxSize : number(header, 124, 12);
    const content = part(bytes, at + block, /[1-6]/.test(type) ? 0 : size);
    at += block + Math.ceil(content.length / block) * block;
    if (type === "x" || type === "g") {
      if (type === "g") pax = {};
      readPax(content, pax, budget);
      continue;
    }
    if (type === "L" || type === "K") {
      const value = content.toString("utf8").replace(/\0+$/, "");
      if (type === "L") longName = value;
      else longLink = value;
      continue;
    }
    // GNU tar keeps other times where ustar has the prefix of the name.
    const gnu = header.toString("latin1", 257, 265) === "ustar  \0";
    const prefix = gnu ? "" : text(header, 345, 155);
    const name = String(pax.path ?? longName ?? (prefix ? `${prefix}/${text(header, 0, 100)}` : text(header, 0, 100)));
    const { path: _, linkpath, size: __, mtime, uid, gid, uname, gname, ...others } = pax;
    members.push({
      name: names.unique(name),
      content,
      fields: {
        mtime: mtime ?? number(header, 136, 12),
        mode: number(header, 100, 8).toString(8),
        uid: uid ?? number(header, 108, 8),
        gid: gid ?? number(header, 116, 8),
        uname: uname ?? text(header, 265, 32),
        gname: gname ?? text(header, 297, 32),
        type,
        link: linkpath ?? longLink ?? text(header, 157, 100),
        ...others,
      },
    });
    pax = {};
    longName = longLink = undefined;
  }
  return { format: "tar", fields: {}, members };
}
