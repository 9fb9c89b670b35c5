/**
 * What a build does not see of the machine: the checkout, and the folders where builds leave things for later ones. In their
 * place it has empty ones of its own, with passages to what its environment names.
 */
import {
  chmodSync,
  closeSync,
  lstatSync,
  mkdirSync,
  openSync,
  readlinkSync,
  realpathSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import { emptyFolder } from "./artifacts.ts";

/** A folder or file, and where it is seen in its place. */
export interface Mount {
  from: string;
  to: string;
}

/** Folders that every program may write, which outlive a build. Memory is one too, and gets a file system of its own. */
const sharedFolders = ["/tmp", "/var/tmp"];

const isBelow = (path: string, folder: string): boolean => path !== folder && `${path}${sep}`.startsWith(folder + sep);
const real = (path: string): string | undefined => {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
};

/**
 * Which folders a build gets in its own version: those that are there, none within another. One in the checkout goes with it.
 * @param checkout that builds do not see; empty where they do
 */
export function privateFolders(temp: string, checkout: string): string[] {
  const all = [...new Set([...sharedFolders, temp].flatMap((path) => (path ? (real(path) ?? []) : [])))];
  return all.filter(
    (path) =>
      path !== "/" &&
      statSync(path).isDirectory() &&
      !(checkout && (path === checkout || isBelow(path, checkout))) &&
      !all.some((other) => isBelow(path, other)),
  );
}

/**
 * Entries of a folder that the values of variables name, such as a tool on PATH or the socket of an agent.
 * @param except a folder of ours; of an entry that it is in, only what is named is taken
 */
export function namedIn(folder: string, values: Iterable<string>, except: string): string[] {
  const escaped = folder.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  // Not in the midst of a path; after an option of one letter, and in an address.
  const start = "(?:(?<![\\w./-])|(?<=(?:^|\\s)-[A-Za-z])|(?<=://))";
  const pattern = new RegExp(`${start}${escaped}/([^/\\s:;,"'=]+)[^\\s:;,"'=]*`, "g");
  const found = [...values].flatMap((value) => [...value.matchAll(pattern)]);
  const named = found.filter(([path]) => path !== except && !isBelow(path, except));
  const entries = named.map(([path, name]) => (isBelow(except, join(folder, name!)) ? path : join(folder, name!)));
  return [...new Set(entries)].sort();
}

/** The checkout, which builds do not see; empty where the home is in it, which has to stay. */
export const hiddenCheckout = (workspace: string, home = ""): string =>
  home === workspace || isBelow(home, workspace) ? "" : workspace;

/** Where a link leads, step by step and in the end. */
function targetsOf(path: string): string[] {
  if (!lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink()) return [];
  return [resolve(dirname(path), readlinkSync(path)), real(path) ?? ""];
}

/**
 * What builds see of the machine's folders, since variables name it, or a link that they name leads there.
 * @param base our folder, which is not meant
 */
export function passagesInto(folders: readonly string[], values: Iterable<string>, base: string): string[] {
  const found = new Set<string>();
  for (let next = [...values]; next.length > 0; ) {
    const named = folders.flatMap((folder) => namedIn(folder, next, base)).filter((path) => !found.has(path));
    for (const path of named) found.add(path);
    next = named.flatMap(targetsOf);
  }
  return [...found].sort();
}

/**
 * Prepares a build's own folders.
 * @param base our folder, which stays visible
 * @param environment of the build
 * @returns what is mounted, in this order
 */
export async function privateMounts(
  base: string,
  workspace: string,
  temp: string,
  environment: Readonly<Record<string, string>>,
): Promise<Mount[]> {
  const own = join(base, "private");
  await emptyFolder(own);
  const checkout = join(own, "checkout");
  mkdirSync(checkout);
  const [passages, places]: [Mount[], Mount[]] = [[], []];
  const hidden = hiddenCheckout(workspace, environment.HOME);
  const folders = privateFolders(temp, hidden);
  const allNamed = passagesInto(folders, Object.values(environment), base);
  for (const [i, folder] of folders.entries()) {
    const place = join(own, `${i}`);
    mkdirSync(place);
    // Not by mkdir, which heeds the umask.
    chmodSync(place, statSync(folder).mode & 0o7777);
    const named = allNamed.filter((path) => isBelow(path, folder));
    for (const path of [...named, join(folder, ".X11-unix"), ...(isBelow(base, folder) ? [base] : [])])
      if (path !== workspace && !isBelow(base, path) && makeTarget(path, join(place, relative(folder, path))))
        passages.push({ from: path, to: join(place, relative(folder, path)) });
    places.push({ from: place, to: folder });
  }
  return [...(hidden ? [{ from: checkout, to: hidden }] : []), ...passages, ...places];
}

/** Makes something of the same kind to mount on; false when there is nothing to mount. */
function makeTarget(path: string, target: string): boolean {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (!stats) return false;
  mkdirSync(stats.isDirectory() ? target : dirname(target), { recursive: true });
  if (stats.isSymbolicLink()) symlinkSync(readlinkSync(path), target);
  else if (!stats.isDirectory()) closeSync(openSync(target, "a"));
  return !stats.isSymbolicLink();
}
