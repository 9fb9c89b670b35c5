/** What kind of container bytes are, by their first bytes and never by a name. */
import { arMark, openAr } from "./ar.ts";
import { openBy, openGzip, openZstd } from "./compressed.ts";
import type { Budget, Container } from "./container.ts";
import { isElf, openElf } from "./elf.ts";
import { isPe, openPe } from "./pe.ts";
import { isPyc, openPyc } from "./pyc.ts";
import { isTar, openTar } from "./tar.ts";
import { openZip } from "./zip.ts";

/**
 * Opens an archive, or returns undefined for what is none.
 * @throws NotOpened when it is broken, or larger than the budget
 */
export async function openContainer(bytes: Buffer, budget: Budget): Promise<Container | undefined> {
  const begins = (...start: number[]): boolean => start.every((byte, i) => bytes[i] === byte);
  if (begins(0x1f, 0x8b, 8)) return openGzip(bytes, budget);
  if (begins(0x50, 0x4b, 3, 4) || begins(0x50, 0x4b, 5, 6)) return openZip(bytes, budget);
  if (begins(0x28, 0xb5, 0x2f, 0xfd)) return openZstd(bytes, budget);
  if (begins(0xfd, 0x37, 0x7a, 0x58, 0x5a, 0)) return openBy("xz", bytes, budget);
  if (begins(0x42, 0x5a, 0x68)) return openBy("bzip2", bytes, budget);
  if (bytes.toString("latin1", 0, 8) === arMark) return openAr(bytes, budget);
  if (isElf(bytes)) return openElf(bytes, budget);
  if (isPe(bytes)) return openPe(bytes, budget);
  if (isTar(bytes)) return openTar(bytes, budget);
  if (isPyc(bytes)) return openPyc(bytes);
  return undefined;
}
