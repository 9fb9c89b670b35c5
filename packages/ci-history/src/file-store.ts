/** A store in a folder: any number of processes append to it, also over a network file system that knows hard links. */
import type { Dirent } from "node:fs";
import { constants, link, lstat, mkdir, open, readdir, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { isTemporary, writeBeside } from "./atomic-file.ts";
import { HistoryError } from "./checks.ts";
import { MAX_SEGMENT_BYTES } from "./segment.ts";
import { isStoreFolder, isStorePath, type Store } from "./store.ts";

/**
 * The store in `folder`, which is made at the first append. Reading a folder that is not there gives nothing.
 * Symbolic links inside the folder are not followed. Errors are {@link HistoryError}s that name the folder.
 */
export function fileStore(folder: string): Store {
  return {
    list: () => listFolder(folder),
    read: async (path) => readFileOf(folder, checked(path)),
    append: async (path, bytes) => appendFile(folder, checked(path), bytes),
  };
}

function checked(path: string): string {
  if (isStorePath(path)) return path;
  throw new HistoryError(
    `${JSON.stringify(path)} is no path of a store; they begin with v1/ and hold a segment, a model or a state.`,
  );
}

async function listFolder(folder: string): Promise<string[]> {
  const found: string[] = [];
  const walk = async (path: string): Promise<void> => {
    for (const entry of await entriesOf(folder, path)) {
      const inner = path === "" ? entry.name : `${path}/${entry.name}`;
      if (entry.isDirectory() && isStoreFolder(inner)) await walk(inner);
      else if (entry.isFile() && !isTemporary(entry.name) && isStorePath(inner)) found.push(inner);
    }
  };
  await walk("");
  return found.sort();
}

async function entriesOf(folder: string, path: string): Promise<Dirent[]> {
  try {
    return await readdir(join(folder, path), { withFileTypes: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw failed(folder, "list", path, error);
  }
}

async function readFileOf(folder: string, path: string): Promise<Buffer> {
  try {
    await refuseLinks(folder, dirname(path));
    // Windows has no O_NOFOLLOW; there links need a privilege to be made.
    const file = await open(join(folder, path), constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0));
    try {
      const stat = await file.stat();
      if (!stat.isFile()) throw new Error("it is not a regular file");
      if (stat.size > MAX_SEGMENT_BYTES) throw new Error(`it is larger than ${MAX_SEGMENT_BYTES >> 20} MiB`);
      return await file.readFile();
    } finally {
      await file.close();
    }
  } catch (error) {
    throw failed(folder, "read", path, error);
  }
}

async function appendFile(folder: string, path: string, bytes: Uint8Array): Promise<"written" | "present"> {
  const target = join(folder, path);
  try {
    await makeParents(folder);
    await makeFolders(folder, dirname(path));
    if (await exists(target)) return "present";
    return await writeBeside(
      target,
      (file) => file.writeFile(bytes),
      async (temporary) => {
        // Linking is the one step that fails where the name is taken; a rename would replace it.
        return link(temporary, target).then(
          () => "written" as const,
          (error: NodeJS.ErrnoException) => {
            if (error.code === "EEXIST") return "present" as const;
            throw error;
          },
        );
      },
    );
  } catch (error) {
    throw failed(folder, "write", path, error);
  }
}

async function exists(target: string): Promise<boolean> {
  return lstat(target).then(
    () => true,
    () => false,
  );
}

/**
 * Makes the folder and those above it, each tried once. Node's recursive `mkdir` tries for ever where a parent exists
 * and still says that it does not, as /proc does. Above the store symbolic links are the user's own and are followed.
 */
async function makeParents(folder: string): Promise<void> {
  const missing: string[] = [];
  let path = resolve(folder);
  while (!(await isFolder(path))) {
    missing.push(path);
    if (dirname(path) === path) break;
    path = dirname(path);
  }
  for (const path of missing.reverse()) {
    await mkdir(path).catch(async (error: NodeJS.ErrnoException) => {
      // Another process may have made it in between.
      if (!(error.code === "EEXIST" && (await isFolder(path)))) throw error;
    });
  }
}

/** @throws when something else than a folder is there */
async function isFolder(path: string): Promise<boolean> {
  try {
    if ((await stat(path)).isDirectory()) return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw error;
  }
  throw Object.assign(new Error(`${path} is a file, not a folder`), { code: "ENOTDIR" });
}

/** Makes folder by folder, since a recursive `mkdir` would follow a link and make them elsewhere. */
async function makeFolders(folder: string, inner: string): Promise<void> {
  for (const path of pathsDownTo(folder, inner)) {
    await mkdir(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "EEXIST") throw error;
    });
    await refuseLink(path);
  }
}

async function refuseLinks(folder: string, inner: string): Promise<void> {
  for (const path of pathsDownTo(folder, inner)) await refuseLink(path);
}

async function refuseLink(path: string): Promise<void> {
  if ((await lstat(path)).isDirectory()) return;
  throw new Error(`${path} is not a folder of its own (symbolic links are not followed)`);
}

function pathsDownTo(folder: string, inner: string): string[] {
  const names = inner.split("/");
  return names.map((_, i) => join(folder, ...names.slice(0, i + 1)));
}

const advice: Record<string, string> = {
  EACCES: "give this user the right to it",
  EPERM: "give this user the right to it, on a file system with hard links",
  EROFS: "the file system is read-only",
  ENOSPC: "the disk is full",
  EDQUOT: "the quota is used up",
  ELOOP: "symbolic links are not followed",
  ENOTDIR: "a file is where a folder has to be; name a folder",
};

function failed(folder: string, verb: string, path: string, cause: unknown): HistoryError {
  if (cause instanceof HistoryError) return cause;
  const { code, message } = cause as NodeJS.ErrnoException;
  const why = code && advice[code] ? `${advice[code]} (${code})` : message;
  return new HistoryError(`The store in ${folder} could not ${verb} ${path || "its files"}: ${why}.`, { cause });
}
