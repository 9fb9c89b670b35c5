/** ar: static libraries and Debian packages. https://man.freebsd.org/cgi/man.cgi?query=ar&sektion=5 */
import { type Budget, type Container, type Member, Names, NotOpened, nameAt, part } from "./container.ts";

export const arMark = "!<arch>\n";

export function openAr(bytes: Buffer, budget: Budget): Container {
  const members: Member[] = [];
  const names = new Names();
  let longNames: Buffer = Buffer.alloc(0);
  for (let at = arMark.length; at + 60 <= bytes.length; ) {
    budget.member();
    const header = part(bytes, at, 60).toString("latin1");
    if (header.slice(58) !== "`\n") throw new NotOpened("a header has no end");
    const field = (start: number, length: number): string => header.slice(start, start + length).trimEnd();
    const size = Number(field(48, 10));
    const content = part(bytes, at + 60, size);
    at += 60 + size + (size % 2);
    const stated = field(0, 16);
    if (stated === "//") {
      longNames = content;
      continue;
    }
    const long = /^\/(\d+)$/.exec(stated);
    const name = long ? nameAt(longNames, Number(long[1]), "/\n") : stated.replace(/(.)\/$/, "$1");
    members.push({
      name: names.unique(name),
      content,
      fields: { mtime: field(16, 12), uid: field(28, 6), gid: field(34, 6), mode: field(40, 8) },
    });
  }
  return { format: "ar", fields: {}, members };
}
