/**
 * A binary cache in a folder: `nix-cache-info`, one signed narinfo per object, archives uncompressed, since an entry is
 * compressed as a whole. Nix reads it as the substituter `file://<folder>`.
 */
import { lstat, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { encodeBase32 } from "./base32.ts";
import { isOfItsContent } from "./content-address.ts";
import { NixError } from "./errors.ts";
import { hashBytes } from "./hashes.ts";
import {
  formatNarinfo,
  isSigned,
  mostNarinfo,
  parseNarinfo,
  readPublicKey,
  type SigningKey,
  signPath,
} from "./narinfo.ts";
import type { PathInfo } from "./shapes.ts";

/** One object of a cache. */
export interface CachedPath extends PathInfo {
  /** When it was last written or used, in milliseconds since 1970. */
  used: number;
}

/** What a cache holds after the check, and what was left out. */
export interface CheckedCache {
  paths: CachedPath[];
  refused: { file: string; reason: string }[];
}

type PublicKeys = readonly ReturnType<typeof readPublicKey>[];

const hashPart = (path: string): string => path.slice(path.lastIndexOf("/") + 1).slice(0, 32);

/** Where the archive of this hash lies in a cache. */
export const archiveOf = (narHash: string): string => `nar/${encodeBase32(hashBytes(narHash))}.nar`;

/** The name of an object's narinfo. */
export const narinfoOf = (path: string): string => `${hashPart(path)}.narinfo`;

/** A field that no signature covers is written, and believed, only where the others prove it. */
const provable = <T extends PathInfo>(info: T): T => ({
  ...info,
  deriver: null,
  ca: isOfItsContent(info) ? info.ca : null,
});

/** The text of a narinfo as a cache has it. */
export const narinfoText = (info: PathInfo): string => formatNarinfo(provable(info), archiveOf(info.narHash));

/**
 * An object as a cache has it: with this one signature.
 * @throws NixError when its narinfo would be larger than one that is read
 */
export function signedBy<T extends PathInfo>(info: T, key: SigningKey): T {
  const signed = { ...provable(info), signatures: [signPath(info, key)] };
  if (narinfoText(signed).length > mostNarinfo)
    throw new NixError(`${info.path} has too many references for the cache.`);
  return signed;
}

/**
 * Reads a narinfo that nobody vouches for.
 * @throws NixError when it is of another store, not as this action writes it, or not signed by a key that is trusted
 */
export function readNarinfo(text: string, storeDir: string, trusted: PublicKeys): PathInfo {
  const { url, compression, ...info } = parseNarinfo(text);
  if (!info.path.startsWith(`${storeDir}/`)) throw new NixError(`it is of another store: ${info.path}`);
  // This action writes one; each is checked over all references.
  if (info.signatures.length > 1) throw new NixError(`it has ${info.signatures.length} signatures, and not one`);
  if (!isSigned(info, trusted)) throw new NixError("no trusted key signed it");
  if (url !== archiveOf(info.narHash) || compression !== "none") throw new NixError(`its archive is elsewhere: ${url}`);
  // Nix reads it once more, and by other rules: only a text that leaves no choice is the same to both.
  if (text !== narinfoText(info)) throw new NixError("its text is not what this action writes");
  return info;
}

/** Makes a folder, which must not exist, into a cache of nothing. */
export async function makeCache(folder: string, storeDir: string): Promise<void> {
  await mkdir(folder, { mode: 0o700 });
  await mkdir(join(folder, "nar"), { mode: 0o700 });
  // Before cache.nixos.org, which has 40: what lies here needs no network.
  await writeFile(join(folder, "nix-cache-info"), `StoreDir: ${storeDir}\nWantMassQuery: 1\nPriority: 10\n`);
}

/**
 * Reads every narinfo of a cache, and of the archives only their sizes: their content is checked where it is packed, and by
 * Nix. What is not sound is refused, and nothing is changed. A folder that is a link counts as none.
 * @param trusted public keys, as Nix writes them
 */
export async function readCache(folder: string, storeDir: string, trusted: readonly string[]): Promise<CheckedCache> {
  const keys = trusted.map(readPublicKey);
  const paths: CachedPath[] = [];
  const refused: CheckedCache["refused"] = [];
  if (!(await isFolder(folder)) || !(await isFolder(join(folder, "nar")))) return { paths, refused };
  for (const file of (await readdir(folder)).filter((name) => name.endsWith(".narinfo")).sort()) {
    try {
      paths.push(await readOne(folder, file, storeDir, keys));
    } catch (error) {
      refused.push({ file, reason: (error as Error).message });
    }
  }
  return { paths, refused };
}

const isFolder = async (at: string): Promise<boolean> =>
  (await lstat(at).catch(() => undefined))?.isDirectory() === true;

/** Its size and time, of regular files alone. */
async function regular(file: string): Promise<{ size: number; mtimeMs: number } | undefined> {
  const stats = await lstat(file).catch(() => undefined);
  return stats?.isFile() ? stats : undefined;
}

async function readOne(folder: string, file: string, storeDir: string, keys: PublicKeys): Promise<CachedPath> {
  const there = await regular(join(folder, file));
  if (!there || there.size > mostNarinfo) throw new NixError("it is no file, or too large for a narinfo");
  const info = readNarinfo(await readFile(join(folder, file), "utf8"), storeDir, keys);
  if (narinfoOf(info.path) !== file) throw new NixError(`it names another path: ${info.path}`);
  const archive = await regular(join(folder, archiveOf(info.narHash)));
  if (!archive) throw new NixError("its archive is missing");
  if (archive.size !== info.narSize) throw new NixError(`its archive has ${archive.size} bytes, not ${info.narSize}`);
  return { ...info, used: archive.mtimeMs };
}

/**
 * What remains when the objects that were not used for longest go until the archives have at most so many bytes. One whose
 * references are gone would be of no use, so what refers to a removed object goes too.
 */
export function evict<T extends CachedPath>(paths: readonly T[], maxBytes: number): T[] {
  const kept = new Map(paths.map((info) => [info.path, info]));
  let total = paths.reduce((sum, { narSize }) => sum + narSize, 0);
  const remove = (info: T): void => {
    if (!kept.delete(info.path)) return;
    total -= info.narSize;
    for (const other of [...kept.values()]) if (other.references.includes(info.path)) remove(other);
  };
  for (const info of [...paths].sort((a, b) => a.used - b.used)) {
    if (total <= maxBytes) break;
    remove(info);
  }
  return [...kept.values()];
}
