/**
 * A cache as one file, which its reader need not trust: one stream of zstd with a window that spans many archives, so that what
 * they have in common is written once. It begins with three lines: the name of the format, the bytes of the list, the bytes of
 * all archives. The list has of each object a line `<used, in milliseconds since 1970> <bytes of its narinfo> <bytes of its
 * archive>` and the narinfo. Then come the archives in the same order; where several objects have the same one, it is that of
 * the first, and the others say 0. So all sizes and signatures are known before a byte of an archive, and nothing in it names a
 * file.
 */

export const format = "goatnote-nix-cache 2\n";

/** Bytes of the longest list: of 50,000 objects and more. */
export const mostList = 1 << 25;

/** 128 MiB: what a reader keeps in memory at most, and the most that zstd accepts unless told otherwise. */
export const windowLog = 27;
