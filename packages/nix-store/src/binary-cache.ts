/**
 * A binary cache in a folder: `nix-cache-info`, one signed narinfo per object, archives uncompressed, since whoever packs the
 * folder compresses it once and as a whole. Nix reads it as the substituter `file://<folder>`.
 */
import { createHash } from "node:crypto";
import { closeSync, createReadStream, openSync, rmSync, writeSync } from "node:fs";
import { lstat, mkdir, readdir, readFile, rename, rm, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { encodeBase32 } from "./base32.ts";
import { isOfItsContent } from "./content-address.ts";
import { NixError } from "./errors.ts";
import { hashBase32, hashBytes } from "./hashes.ts";
import { hashNar } from "./nar.ts";
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

/** What a cache holds after the check, and what was taken out. */
export interface CheckedCache {
  paths: CachedPath[];
  refused: { file: string; reason: string }[];
}

const hashPart = (path: string): string => path.slice(path.lastIndexOf("/") + 1).slice(0, 32);
const urlOf = (narHash: string): string => `nar/${encodeBase32(hashBytes(narHash))}.nar`;
const infoFile = (folder: string, path: string): string => join(folder, `${hashPart(path)}.narinfo`);

/** A field that no signature covers is written, and believed, only where the others prove it. */
const provable = <T extends PathInfo>(info: T): T => ({
  ...info,
  deriver: null,
  ca: isOfItsContent(info) ? info.ca : null,
});

/** Makes a folder that is one: a link or a file in its place is removed, and not followed. */
async function realFolder(folder: string): Promise<void> {
  const there = await lstat(folder).catch(() => undefined);
  if (there && !there.isDirectory()) await rm(folder);
  if (!there?.isDirectory()) await mkdir(folder, { recursive: true, mode: 0o700 });
}

/** Its size and time, of regular files alone. */
async function regular(file: string): Promise<{ size: number; mtimeMs: number } | undefined> {
  const stats = await lstat(file).catch(() => undefined);
  return stats?.isFile() ? stats : undefined;
}

async function sha256File(file: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20 })) hash.update(chunk as Buffer);
  return `sha256-${hash.digest("base64")}`;
}

/**
 * Reads every object of a cache (with `bytes: false` without its archive's content, for one's own writing), and removes each
 * that is not whole, not what its name says, not written as `addToCache` writes it, or not signed by a key that is trusted.
 * After it, nothing is in the folder but `nix-cache-info`, narinfo files and their archives, all of them regular files.
 * @param trusted public keys, as Nix writes them
 * @param digests of archives `nar/…` as `unpackCache` gives them, which are then not read once more
 */
export async function checkCache(
  folder: string,
  storeDir: string,
  trusted: readonly string[],
  { bytes = true, digests = new Map() }: { bytes?: boolean; digests?: ReadonlyMap<string, string> } = {},
): Promise<CheckedCache> {
  const keys = trusted.map(readPublicKey);
  const paths: CachedPath[] = [];
  const refused: CheckedCache["refused"] = [];
  await realFolder(folder);
  await realFolder(join(folder, "nar"));
  for (const file of (await readdir(folder)).filter((name) => name.endsWith(".narinfo")).sort()) {
    try {
      paths.push(await checkOne(folder, file, storeDir, keys, (url) => (bytes ? digests.get(url) : null)));
    } catch (error) {
      refused.push({ file, reason: (error as Error).message });
      await rm(join(folder, file), { recursive: true, force: true });
    }
  }
  const expected = new Set(paths.map(({ narHash }) => urlOf(narHash).slice("nar/".length)));
  for (const name of await readdir(join(folder, "nar")))
    if (!expected.has(name)) await rm(join(folder, "nar", name), { recursive: true, force: true });
  const known = new Set(["nar", "nix-cache-info", ...paths.map(({ path }) => `${hashPart(path)}.narinfo`)]);
  for (const name of await readdir(folder))
    if (!known.has(name)) await rm(join(folder, name), { recursive: true, force: true });
  await rm(join(folder, "nix-cache-info"), { recursive: true, force: true });
  // Before cache.nixos.org, which has 40: what lies here needs no network.
  await writeFile(join(folder, "nix-cache-info"), `StoreDir: ${storeDir}\nWantMassQuery: 1\nPriority: 10\n`);
  return { paths, refused };
}

async function checkOne(
  folder: string,
  file: string,
  storeDir: string,
  keys: readonly ReturnType<typeof readPublicKey>[],
  digestOf: (url: string) => string | null | undefined,
): Promise<CachedPath> {
  const there = await regular(join(folder, file));
  if (!there || there.size > mostNarinfo) throw new NixError("it is no file, or too large for a narinfo");
  const text = await readFile(join(folder, file), "utf8");
  const info = parseNarinfo(text);
  const { path, narHash, narSize, url, compression } = info;
  if (!path.startsWith(`${storeDir}/`)) throw new NixError(`it is of another store: ${path}`);
  if (`${hashPart(path)}.narinfo` !== file) throw new NixError(`it names another path: ${path}`);
  if (!isSigned(info, keys)) throw new NixError("no trusted key signed it");
  if (url !== urlOf(narHash) || compression !== "none") throw new NixError(`its archive is elsewhere: ${url}`);
  // Nix reads it once more, and by other rules: only a text that leaves no choice is the same to both.
  if (text !== formatNarinfo(provable(info), url)) throw new NixError("its text is not what this action writes");
  const archive = join(folder, url);
  const { size, mtimeMs } = (await regular(archive)) ?? { size: -1, mtimeMs: 0 };
  if (size !== narSize)
    throw new NixError(size < 0 ? "its archive is missing" : `its archive has ${size} bytes, not ${narSize}`);
  // Null where the bytes are one's own; undefined where nobody has looked at them yet.
  const digest = digestOf(url);
  if (digest !== null && (digest ?? (await sha256File(archive))) !== narHash)
    throw new NixError("its archive has other bytes than were signed");
  return { ...info, used: mtimeMs };
}

/**
 * Adds an object of the store, signed. The narinfo comes last, so that a cache never names what is not there.
 * @throws NixError when the files are not those that the store registered
 */
export async function addToCache(folder: string, info: PathInfo, key: SigningKey): Promise<void> {
  const url = urlOf(info.narHash);
  const unfinished = join(folder, `nar/unfinished-${process.pid}`);
  await rm(unfinished, { force: true });
  const file = openSync(unfinished, "wx");
  let written: string;
  try {
    ({ hash: written } = hashNar(info.path, (block) => {
      for (let at = 0; at < block.length; ) at += writeSync(file, block, at);
    }));
  } catch (error) {
    rmSync(unfinished, { force: true });
    throw (error as NodeJS.ErrnoException).code === "ENOSPC"
      ? new NixError(
          `The disk is full: ${info.path} could not be added to the cache. Free space, or set a smaller cache-max-size.`,
          { cause: error },
        )
      : error;
  } finally {
    closeSync(file);
  }
  if (written !== info.narHash) {
    await rm(unfinished);
    throw new NixError(
      `${info.path} has other bytes than the store registered (${hashBase32(info.narHash)}); run \`nix store verify ${info.path}\`.`,
    );
  }
  await rename(unfinished, join(folder, url));
  const named = { ...provable(info), signatures: [signPath(info, key)] };
  const text = formatNarinfo(named, url);
  if (text.length > mostNarinfo) {
    await rm(join(folder, url));
    throw new NixError(`${info.path} has too many references for the cache.`);
  }
  await writeFile(`${unfinished}.narinfo`, text);
  await rename(`${unfinished}.narinfo`, infoFile(folder, info.path));
}

/** Notes that objects were used now, so that others are evicted first. */
export async function touchInCache(folder: string, infos: readonly PathInfo[], when: Date): Promise<void> {
  for (const { narHash } of infos) await utimes(join(folder, urlOf(narHash)), when, when).catch(() => {});
}

/**
 * Removes the objects that were not used for longest until the archives have at most so many bytes. One whose references
 * are gone would be of no use, so what refers to a removed object goes too.
 * @returns the paths that were removed
 */
export async function evict(folder: string, paths: readonly CachedPath[], maxBytes: number): Promise<string[]> {
  const kept = new Map(paths.map((info) => [info.path, info]));
  let total = paths.reduce((sum, { narSize }) => sum + narSize, 0);
  const removed: string[] = [];
  const remove = async (info: CachedPath): Promise<void> => {
    if (!kept.delete(info.path)) return;
    total -= info.narSize;
    removed.push(info.path);
    await rm(infoFile(folder, info.path), { force: true });
    if (![...kept.values()].some(({ narHash }) => narHash === info.narHash))
      await rm(join(folder, urlOf(info.narHash)), { force: true });
    for (const other of [...kept.values()]) if (other.references.includes(info.path)) await remove(other);
  };
  for (const info of [...paths].sort((a, b) => a.used - b.used)) {
    if (total <= maxBytes) break;
    await remove(info);
  }
  return removed;
}
