/** The artifacts that an attestation is about: names and digests, from files, checksum files, digests and the runner's list. */
import { glob, readdir, stat } from "node:fs/promises";
import { basename, join, relative, resolve, sep } from "node:path";
import { UserError } from "@goatnote/action-io";
import { algorithmOf, digestOf, parseDigest } from "./digest.ts";
import { imageOf, openLayout } from "./image-layout.ts";
import type { Subject } from "./statement.ts";

/** What one statement may hold: GitHub, cosign and sigstore-go refuse more. */
export const MAX_SUBJECTS = 1024;

/**
 * Subjects by name, each once, sorted by name.
 * @throws UserError for a name that stands for two contents
 */
export function distinct(subjects: readonly Subject[]): Subject[] {
  const byName = new Map<string, Subject>();
  for (const subject of subjects) {
    const known = byName.get(subject.name);
    if (known && JSON.stringify(known.digest) !== JSON.stringify(subject.digest))
      throw new UserError(
        `Two different artifacts have the name ${JSON.stringify(subject.name)}. Set \`subject-base\`, so that names are paths below it.`,
      );
    byName.set(subject.name, subject);
  }
  return [...byName.values()].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

/** Parts of a list, each of at most `size`. */
export function chunks<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
    items.slice(index * size, (index + 1) * size),
  );
}

const gnu = /^(\\?)([0-9a-f]{64}|[0-9a-f]{96}|[0-9a-f]{128}) [ *](.+)$/is;
const bsd = /^(\\?)SHA(256|384|512) \((.+)\) = ([0-9a-f]+)$/is;

/**
 * Reads what `sha256sum`, `sha384sum`, `sha512sum` and `shasum` write, also with `--tag`.
 * @param file its name, for messages
 * @throws UserError that names the line
 */
export function parseChecksums(text: string, file: string): Subject[] {
  const subjects = text.split(/\r?\n/).flatMap((line, index) => {
    if (line.trim() === "") return [];
    const [, escaped, hex = "", name = ""] = gnu.exec(line) ?? tagged(line) ?? [];
    const algorithm = algorithmOf(hex);
    if (!algorithm)
      throw new UserError(
        `${file}, line ${index + 1}, is no checksum: it has the form <hex>  <name>, of SHA-256, SHA-384 or SHA-512.`,
      );
    return [{ name: escaped ? unescaped(name) : name, digest: { [algorithm]: hex.toLowerCase() } }];
  });
  if (subjects.length === 0) throw new UserError(`${file} holds no checksum.`);
  return subjects;
}

function tagged(line: string): string[] | undefined {
  const [whole, escaped = "", bits, name = "", hex = ""] = bsd.exec(line) ?? [];
  return whole !== undefined && algorithmOf(hex) === `sha${bits}` ? [whole, escaped, hex, name] : undefined;
}

/** A line that begins with a backslash has a name with `\n`, `\r` and `\\` in it. */
const unescaped = (name: string): string =>
  name.replace(/\\([nr\\])/g, (_, letter: string) => ({ n: "\n", r: "\r", "\\": "\\" })[letter]!);

/** What the runner's list of declared artifacts holds: `{version: 1, subjects: [{name, digest, kind}]}`. */
export function parseArtifactsList(text: string): Subject[] {
  let list: { version?: unknown; subjects?: unknown };
  try {
    list = JSON.parse(text) as typeof list;
  } catch {
    throw new UserError("The runner's list of artifacts ($GITHUB_ARTIFACTS_LIST) is not JSON.");
  }
  if (list?.version !== 1 || !Array.isArray(list.subjects))
    throw new UserError(
      "The runner's list of artifacts ($GITHUB_ARTIFACTS_LIST) is of a version that is not known here.",
    );
  return (list.subjects as ({ name?: unknown; digest?: unknown } | null)[]).map((subject) => ({
    name: String(subject?.name),
    digest: parseDigest(String(subject?.digest)),
  }));
}

/** A file that was hashed. */
export interface HashedFile {
  /** Absolute. */
  path: string;
  subject: Subject;
  /** Bytes. */
  size: number;
  /** Whether it is the folder of an OCI image layout, and the digest that of the image. */
  isLayout: boolean;
}

export interface FileOptions {
  /** Where relative patterns begin. */
  root: string;
  /** Names are paths below this folder; "" means the file's name alone; undefined its path, as seen from the root. */
  base: string | undefined;
  /** Refuse files in folders that match a pattern, where no pattern names them: who uses the folder uses them too. */
  whole?: boolean;
  /** Told of progress: bytes done, and of how many. */
  progress?: (done: number, total: number) => void;
}

/**
 * Files that match the patterns, hashed. A pattern that begins with `!` takes out again. A pattern that is the path of an OCI
 * image layout stands for the image in it, whose every blob is hashed.
 * @throws UserError when a pattern matches nothing, a path is a folder that is no whole layout, or `whole` is not kept
 */
export async function hashFiles(patterns: readonly string[], options: FileOptions): Promise<HashedFile[]> {
  const paths = await matching(patterns, options);
  const sizes = await Promise.all(paths.map(async (path) => ({ path, stats: await stat(path) })));
  const folders = sizes.filter(({ stats }) => stats.isDirectory()).map(({ path }) => path);
  const layouts = await Promise.all(folders.map(openLayout));
  const files = sizes.filter(({ stats }) => stats.isFile());
  const other = sizes.find(({ stats }) => !stats.isFile() && !stats.isDirectory());
  if (other) throw new UserError(`${other.path} is neither a file nor a folder.`);
  const total = [...files.map(({ stats }) => stats), ...layouts].reduce((sum, { size }) => sum + size, 0);
  let done = 0;
  const onBytes = (bytes: number): void => {
    done += bytes;
    options.progress?.(done, total);
  };
  const hashed: HashedFile[] = [];
  for (const { path, stats } of files) {
    const digest = { sha256: await digestOf(path, "sha256", onBytes) };
    hashed.push({ path, size: stats.size, isLayout: false, subject: { name: nameOf(path, options), digest } });
  }
  for (const layout of layouts) {
    const [path, digest] = [layout.folder, await imageOf(layout, onBytes)];
    hashed.push({ path, size: layout.size, isLayout: true, subject: { name: nameOf(path, options), digest } });
  }
  return hashed.sort((a, b) => (a.path < b.path ? -1 : 1));
}

async function matching(patterns: readonly string[], { root, whole }: FileOptions): Promise<string[]> {
  const [found, folders] = [new Set<string>(), new Set<string>()];
  const [without, wanted] = [
    patterns.filter((each) => each.startsWith("!")),
    patterns.filter((each) => !each.startsWith("!")),
  ];
  for (const pattern of wanted) {
    let count = 0;
    for await (const { path, isFolder } of entries(pattern, root)) {
      (isFolder ? folders : found).add(path);
      if (!isFolder) count++;
    }
    if (count === 0)
      throw new UserError(`No file matches ${JSON.stringify(pattern)}. Check that an earlier step wrote it there.`);
  }
  const named = new Set(found);
  for (const pattern of without)
    for await (const { path } of entries(pattern.slice(1), root)) {
      found.delete(path);
      named.add(path);
    }
  if (found.size === 0) throw new UserError(`All files that match are taken out again by ${without.join(", ")}.`);
  if (whole) for (const folder of folders) await refuseUnnamed(folder, named);
  return [...found];
}

async function refuseUnnamed(folder: string, named: Set<string>): Promise<void> {
  if (named.has(folder)) return;
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (named.has(path)) continue;
    if (!entry.isDirectory())
      throw new UserError(
        `${path} lies in a folder that \`subject-path\` matches, and no pattern names it, so it would not be checked. End the pattern with /**, name hidden files and what links lead to one by one, or take it out by a line that begins with !.`,
      );
    await refuseUnnamed(path, named);
  }
  named.add(folder); // looked at once, also where each folder on the way matches
}

interface Entry {
  path: string;
  /** A pattern asks for files; a folder among its matches is not what it is about. */
  isFolder: boolean;
}

/** Paths of a pattern; one without wildcards is a path, also where its name has brackets. */
async function* entries(pattern: string, root: string): AsyncGenerator<Entry> {
  const literal = resolve(root, pattern);
  const exact = await stat(literal).catch(() => null);
  if (exact) {
    // A folder that is named itself may be an image layout.
    yield { path: literal, isFolder: false };
    return;
  }
  for await (const path of glob(pattern, { cwd: root })) {
    const found = resolve(root, path);
    const stats = await stat(found);
    if (stats.isFile() || stats.isDirectory()) yield { path: found, isFolder: stats.isDirectory() };
  }
}

function nameOf(path: string, { root, base }: FileOptions): string {
  if (base === "") return basename(path);
  if (base === undefined) {
    const seen = relative(root, path);
    return (seen.startsWith("..") ? path : seen).replaceAll(sep, "/");
  }
  const name = relative(resolve(root, base), path);
  if (name === "" || name.startsWith("..") || resolve(name) === name)
    throw new UserError(`${path} is not below \`subject-base\` (${base}), so its name would not be a path below it.`);
  return name.replaceAll(sep, "/");
}
