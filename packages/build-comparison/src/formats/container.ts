/** What a file holds when it is an archive: members in order, and what is stored beside their bytes. */

/** Stored facts by name, such as `mtime` or `uid`. */
export type Fields = Record<string, string | number>;

export interface Member {
  /** Unique in its container; the second `a` of a tar is `a (2)`. */
  name: string;
  fields: Fields;
  content: Buffer;
}

export interface Container {
  format: "tar" | "gzip" | "zip" | "ar" | "xz" | "zstd" | "bzip2" | "elf" | "pyc";
  /** Of the container itself. */
  fields: Fields;
  members: Member[];
}

/** What opening may cost in all; archives of strangers expand without end otherwise. */
export class Budget {
  bytes: number;
  members: number;
  /** Bytes of contents that may be looked at word by word. */
  examined: number;
  constructor(bytes = 1024 ** 3, members = 500_000, examined = 64 * 1024 ** 2) {
    this.bytes = bytes;
    this.members = members;
    this.examined = examined;
  }
  /** @throws NotOpened when the members are too many */
  member(): void {
    this.members -= 1;
    if (this.members < 0) throw new NotOpened("it has too many members");
  }
  /** @throws NotOpened when the bytes are too many */
  expand(bytes: number): void {
    this.bytes -= bytes;
    if (this.bytes < 0) throw new NotOpened("it expands to too many bytes");
  }
}

/** A container that is broken, hostile or too large. Its bytes are still compared. */
export class NotOpened extends Error {
  override name = "NotOpened";
}

/** Makes names unique, in order. */
export class Names {
  readonly #seen = new Map<string, number>();
  unique(name: string): string {
    const count = (this.#seen.get(name) ?? 0) + 1;
    this.#seen.set(name, count);
    return count === 1 ? name : `${name} (${count})`;
  }
}

/** A part of a buffer, which has to be there. */
export function part(bytes: Buffer, start: number, length: number): Buffer {
  if (!Number.isSafeInteger(start) || !Number.isSafeInteger(length) || start < 0 || length < 0)
    throw new NotOpened("it has an impossible size");
  if (start + length > bytes.length) throw new NotOpened("it is cut off");
  return bytes.subarray(start, start + length);
}
