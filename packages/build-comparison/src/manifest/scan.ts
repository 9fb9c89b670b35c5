/** From a folder to manifest entries: every file is read once, several at a time, and no link is followed. */
import { createHash, hash as hashOnce } from "node:crypto";
import type { Stats } from "node:fs";
import { lstat, open, opendir, readlink } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import type { Entry } from "./manifest.ts";

/** How far a scan is. */
export interface Progress {
  files: number;
  bytes: number;
}

/** Says how far a scan is, every few seconds, so that a long one is seen to go on. */
export function progressTeller(tell: (text: string) => void, everyMs = 5000): (done: Progress) => void {
  let last = Date.now();
  return ({ files, bytes }) => {
    if (Date.now() - last < everyMs) return;
    last = Date.now();
    tell(`${files} files, ${Math.round(bytes / 2 ** 20)} MiB so far`);
  };
}

const chunkBytes = 1024 * 1024;
// Hashing is one thread's work; while it goes on, the next files are being read.
const atOnce = 4;

/** A path as manifests write it. */
export const slashed = (path: string): string => path.split(sep).join("/");

const modeOf = ({ mode }: Stats): string => (mode & 0o7777).toString(8).padStart(4, "0");

/**
 * Entries of the given paths and all that is below them.
 * @param root what paths are relative to
 * @param paths absolute, each within `root`; with `from`, what is there stands for it
 */
export async function scan(
  root: string,
  paths: readonly (string | { path: string; from: string })[],
  progress: (done: Progress) => void = () => {},
): Promise<Entry[]> {
  const found = new Map<string, Entry>();
  const files: { path: string; name: string; stats: Stats }[] = [];
  const visit = async (path: string, name: string): Promise<void> => {
    if (found.has(name)) return;
    const stats = await lstat(path);
    if (stats.isSymbolicLink()) {
      found.set(name, { path: name, type: "link", target: await readlink(path) });
    } else if (stats.isDirectory()) {
      if (name !== "") found.set(name, { path: name, type: "directory", mode: modeOf(stats) });
      for await (const entry of await opendir(path)) {
        await visit(join(path, entry.name), name === "" ? entry.name : `${name}/${entry.name}`);
      }
    } else if (stats.isFile()) {
      found.set(name, { path: name, type: "file", size: 0, sha256: "", executable: false, mode: "" });
      files.push({ path, name, stats });
    }
    // Sockets, pipes and devices hold nothing that could be compared.
  };
  for (const each of paths) {
    const { path, from } = typeof each === "string" ? { path: each, from: each } : each;
    await visit(from, slashed(relative(root, path)));
  }

  const done = { files: 0, bytes: 0 };
  const queue = files.values();
  const worker = async (): Promise<void> => {
    const buffer = Buffer.allocUnsafeSlow(chunkBytes);
    for (const { path, name, stats } of queue) {
      const { sha256, size } = await digestFile(path, buffer, (bytes) => {
        done.bytes += bytes;
        progress(done);
      });
      done.files += 1;
      const executable = (stats.mode & 0o100) !== 0;
      found.set(name, { path: name, type: "file", size, sha256, executable, mode: modeOf(stats) });
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  progress(done);
  return [...found.values()];
}

async function digestFile(
  path: string,
  buffer: Buffer,
  read: (bytes: number) => void,
): Promise<{ sha256: string; size: number }> {
  await using file = await open(path);
  const first = await file.read(buffer, 0, chunkBytes, 0);
  read(first.bytesRead);
  if (first.bytesRead < chunkBytes) {
    // Most files are small: one call does it.
    return { sha256: hashOnce("sha256", buffer.subarray(0, first.bytesRead)), size: first.bytesRead };
  }
  const hash = createHash("sha256").update(buffer);
  let size = first.bytesRead;
  for (;;) {
    const { bytesRead } = await file.read(buffer, 0, chunkBytes, size);
    if (bytesRead === 0) break;
    hash.update(buffer.subarray(0, bytesRead));
    size += bytesRead;
    read(bytesRead);
  }
  return { sha256: hash.digest("hex"), size };
}
