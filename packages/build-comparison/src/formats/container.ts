/** What a file holds when it is an archive: members in order, and what is stored beside their bytes. */

/** Stored facts by name, such as `mtime` or `uid`. */
export type Fields = Record<string, string | number>;

export interface Member {
  /** Unique in its container; the second `a` of a tar is `a (2)`. */
  name: string;
  fields: Fields;
  content: Buffer;
  /** Its name in the container, where it is compared under another one. */
  stored?: string;
  /** A JSON document, whose fields are compared one by one. */
  document?: boolean;
}

export interface Container {
  format: "tar" | "gzip" | "zip" | "ar" | "xz" | "zstd" | "bzip2" | "elf" | "pe" | "pyc" | "image";
  /** Of the container itself. */
  fields: Fields;
  members: Member[];
}

/** How long explaining what differs between two builds may take. */
export const explainingSeconds = 120;

/** What opening may cost in all; archives of strangers expand without end otherwise. */
export class Budget {
  bytes: number;
  members: number;
  /** Bytes of contents that may be looked at word by word. */
  examined: number;
  /** Seconds that all of it may take. */
  readonly seconds: number;
  readonly #until: number;
  constructor(bytes = 1024 ** 3, members = 500_000, examined = 64 * 1024 ** 2, seconds = explainingSeconds) {
    this.bytes = bytes;
    this.members = members;
    this.examined = examined;
    this.seconds = seconds;
    this.#until = performance.now() + seconds * 1000;
  }
  /** Whether something was not done since the time was used up. */
  stopped = false;
  /** Whether the time is used up; who asks does no more. */
  get late(): boolean {
    if (performance.now() >= this.#until) this.stopped = true;
    return this.stopped;
  }
  /** Milliseconds that are left, at least one. */
  get leftMs(): number {
    return Math.max(1, Math.ceil(this.#until - performance.now()));
  }
  /** @throws OutOfTime when the time is used up; for loops whose length a stranger chooses */
  tick(): void {
    if (this.late) throw new OutOfTime(`stopped after ${this.seconds} s`);
  }
  /** @throws NotOpened when the members are too many, OutOfTime when the time is used up */
  member(): void {
    this.tick();
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

/** Explaining has taken all the time that it may take. */
export class OutOfTime extends Error {
  override name = "OutOfTime";
}

/** Members that lie in a container side by side: together they are not larger than it is, or a few bytes stand for many. */
export class Extent {
  #left: number;
  constructor(bytes: Buffer) {
    this.#left = bytes.length;
  }
  /** @throws NotOpened when members overlap */
  take(bytes: number): void {
    this.#left -= bytes;
    if (this.#left < 0) throw new NotOpened("its members overlap");
  }
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

const longestName = 4096;

/** A name that ends with a mark, within bounds: nobody's file has a longer one. */
export function nameAt(bytes: Buffer, start: number, mark: number | string): string {
  const field = bytes.subarray(start, start + longestName);
  const end = field.indexOf(mark, 0, "latin1");
  return field.toString("latin1", 0, end < 0 ? field.length : end);
}
