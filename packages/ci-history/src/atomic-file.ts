/** Files that are there whole or not at all. */
import { randomBytes } from "node:crypto";
import { type FileHandle, open, unlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

const PREFIX = ".tmp-";

/** True for the name of an unfinished file, which every reader passes over. */
export const isTemporary = (name: string): boolean => name.startsWith(PREFIX);

/**
 * Writes a temporary file beside `path`, brings it to the disk, and hands it to `publish`, which links or renames it.
 * When anything fails the temporary file is removed and `path` is as it was.
 */
export async function writeBeside<T>(
  path: string,
  write: (file: FileHandle) => Promise<void>,
  publish: (temporary: string) => Promise<T>,
): Promise<T> {
  const temporary = join(dirname(path), `${PREFIX}${randomBytes(8).toString("hex")}-${basename(path).slice(0, 100)}`);
  const file = await open(temporary, "wx", 0o666);
  try {
    try {
      await write(file);
      await file.sync();
    } finally {
      await file.close();
    }
    const result = await publish(temporary);
    await syncFolder(dirname(path));
    return result;
  } finally {
    await unlink(temporary).catch(() => {});
  }
}

/** Brings a new name to the disk. Windows cannot open folders, and keeps names safe without. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === "win32") return;
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
