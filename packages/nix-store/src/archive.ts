/**
 * A cache folder as one plain file, which its reader need not trust: a line that names the format, then of each file a line
 * `<name> <bytes> <used, in milliseconds since 1970>` and its content. It knows regular files of two names, and nothing that
 * leads out of a folder.
 */
import { createHash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { type FileHandle, lstat, mkdir, open, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { NixError } from "./errors.ts";
import { mostNarinfo } from "./narinfo.ts";

const format = "goatnote-nix-cache 1\n";
const longestLine = 200;
const line = /^([0-9a-z]{32}\.narinfo|nar\/[0-9a-z]{52}\.nar) (\d{1,15}) (\d{1,15})$/;

/** Writes the narinfo files and archives of a checked cache into a new file, which is private to this user. */
export async function packCache(folder: string, file: string): Promise<void> {
  const names = (await readdir(folder)).filter((name) => name.endsWith(".narinfo"));
  const archives = (await readdir(join(folder, "nar"))).map((name) => `nar/${name}`);
  await rm(file, { recursive: true, force: true });
  await pipeline(
    async function* () {
      yield format;
      for (const name of [...names, ...archives].sort()) {
        const stats = await lstat(join(folder, name));
        const head = `${name} ${stats.size} ${Math.round(stats.mtimeMs)}`;
        if (!stats.isFile() || !line.test(head)) throw new NixError(`${join(folder, name)} belongs in no cache.`);
        yield `${head}\n`;
        if (stats.size > 0)
          yield* createReadStream(join(folder, name), { end: stats.size - 1, highWaterMark: 1 << 20 });
      }
    },
    createWriteStream(file, { flags: "wx", mode: 0o600 }),
  );
}

/**
 * Writes what is in such a file into a new folder; the file's content is not trusted, and neither is what comes out.
 * @param folder must not exist
 * @returns of each archive `nar/…` the SHA-256 of what was written, as `sha256-<base64>`
 * @throws NixError when the file is of another form, and then there is no folder
 */
export async function unpackCache(file: string, folder: string): Promise<Map<string, string>> {
  await mkdir(folder, { mode: 0o700 });
  try {
    await mkdir(join(folder, "nar"), { mode: 0o700 });
    return await unpack(file, folder);
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw (error as NodeJS.ErrnoException).code === "EEXIST"
      ? new NixError("The cache has a file twice; it was not used.", { cause: error })
      : error;
  }
}

async function unpack(file: string, folder: string): Promise<Map<string, string>> {
  const wrong = new NixError(
    "The cache is not in the form that this action writes, or it is truncated; it was not used.",
  );
  let pending: Buffer = Buffer.alloc(0);
  let started = false;
  let left = 0;
  let target: FileHandle | undefined;
  let used = new Date(0);
  let current = "";
  let hash = createHash("sha256");
  const digests = new Map<string, string>();
  const close = async (): Promise<void> => {
    digests.set(current, `sha256-${hash.digest("base64")}`);
    hash = createHash("sha256");
    await target?.utimes(used, used);
    await target?.close();
    target = undefined;
  };
  try {
    for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20 })) {
      pending = pending.length > 0 ? Buffer.concat([pending, chunk as Buffer]) : (chunk as Buffer);
      while (pending.length > 0) {
        if (left > 0) {
          const piece = pending.subarray(0, Math.min(left, pending.length));
          const written = target!.writeFile(piece); // in another thread
          hash.update(piece);
          await written;
          left -= piece.length;
          pending = pending.subarray(piece.length);
          if (left === 0) await close();
          continue;
        }
        const end = pending.indexOf(10);
        if (end < 0 && pending.length < longestLine) break;
        const text = pending.toString("latin1", 0, Math.min(end < 0 ? longestLine : end, longestLine));
        pending = pending.subarray(end + 1);
        if (!started) {
          if (`${text}\n` !== format) throw wrong;
          started = true;
          continue;
        }
        const [, name, size, time] = line.exec(text) ?? [];
        if (name === undefined || (name.endsWith(".narinfo") && Number(size) > mostNarinfo)) throw wrong;
        target = await open(join(folder, name), "wx", 0o600);
        current = name;
        left = Number(size);
        used = new Date(Number(time));
        if (left === 0) await close();
      }
    }
    if (!started || left > 0 || pending.length > 0) throw wrong;
    return digests;
  } finally {
    await target?.close();
  }
}
