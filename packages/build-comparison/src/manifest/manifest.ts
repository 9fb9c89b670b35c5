/**
 * What a build left, as digests: small enough to pass between jobs, and read as data of strangers.
 * Directories, files and symbolic links, each with what is content of it. Of the permissions only the executable bit is,
 * as for git and Nix; the rest depends on who unpacks, and is kept beside it. Times are no content of a file.
 */
import { createHash } from "node:crypto";
import type { Environment, Inputs } from "./environment.ts";

export interface FileEntry {
  path: string;
  type: "file";
  size: number;
  /** Hex. */
  sha256: string;
  executable: boolean;
  /** All permission bits, octal, such as `0664`. */
  mode: string;
}
export interface DirectoryEntry {
  path: string;
  type: "directory";
  mode: string;
}
export interface LinkEntry {
  path: string;
  type: "link";
  target: string;
}
/** Something in a build's output; `path` is relative, with forward slashes, and unique in its manifest. */
export type Entry = FileEntry | DirectoryEntry | LinkEntry;

/** What one build left, and where it was made. */
export interface Manifest {
  schema: typeof schema;
  /** `sha256:<hex>` over all entries, or of the one file when the build left one file. */
  digest: string;
  /** In the order of their paths' code units. */
  entries: Entry[];
  environment: Environment;
  inputs: Inputs;
}

export const schema = "https://goatnote.dev/build-manifest/v1";

const byPath = (a: Entry, b: Entry): number => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0);

/** What of an entry is content, as one line that no other entry has. */
function line(entry: Entry): string {
  const content =
    entry.type === "file"
      ? [entry.executable ? "x" : "-", entry.sha256]
      : entry.type === "link"
        ? [JSON.stringify(entry.target)]
        : [];
  return `${[entry.type, ...content, JSON.stringify(entry.path)].join(" ")}\n`;
}

/**
 * The digest of entries in order. One file alone has the digest that `sha256sum` prints for it.
 * @returns `sha256:<hex>`
 */
export function digestOf(entries: readonly Entry[]): string {
  const [first, ...others] = entries.filter(({ type }) => type !== "directory");
  if (first?.type === "file" && others.length === 0) return `sha256:${first.sha256}`;
  const hash = createHash("sha256");
  for (const entry of entries) hash.update(line(entry));
  return `sha256:${hash.digest("hex")}`;
}

export function makeManifest(entries: readonly Entry[], environment: Environment, inputs: Inputs): Manifest {
  const sorted = [...entries].sort(byPath);
  return { schema, digest: digestOf(sorted), entries: sorted, environment, inputs };
}

/** One line per entry, so that a large manifest compares well in any tool. */
export function encodeManifest({ entries, ...head }: Manifest): string {
  const body = entries.map((entry) => JSON.stringify(entry)).join(",\n");
  return `${JSON.stringify(head).slice(0, -1)},"entries":[\n${body}\n]}\n`;
}

/** How one entry differs between two builds. */
export interface Difference {
  path: string;
  kind: "only-in-first" | "only-in-second" | "type" | "content" | "executable" | "target";
}

/** What differs, in the order of the paths; nothing means that all content is equal. */
export function compareEntries(first: readonly Entry[], second: readonly Entry[]): Difference[] {
  const others = new Map(second.map((entry) => [entry.path, entry]));
  const differences: Difference[] = [];
  for (const entry of first) {
    const other = others.get(entry.path);
    others.delete(entry.path);
    const kind = other ? differenceOf(entry, other) : "only-in-first";
    if (kind) differences.push({ path: entry.path, kind });
  }
  for (const path of others.keys()) differences.push({ path, kind: "only-in-second" });
  return differences.sort((a, b) => (a.path < b.path ? -1 : 1));
}

function differenceOf(a: Entry, b: Entry): Difference["kind"] | undefined {
  if (a.type === "file" && b.type === "file") {
    if (a.sha256 !== b.sha256 || a.size !== b.size) return "content";
    return a.executable === b.executable ? undefined : "executable";
  }
  if (a.type === "link" && b.type === "link") return a.target === b.target ? undefined : "target";
  return a.type === b.type ? undefined : "type";
}

/** Entries whose permissions differ in more than the executable bit: told, not counted. */
export function permissionNotes(first: readonly Entry[], second: readonly Entry[]): string[] {
  const others = new Map(second.map((entry) => [entry.path, entry]));
  return first.flatMap((entry) => {
    const other = others.get(entry.path);
    const bits = entry.type !== "link" && other && other.type !== "link" && entry.mode !== other.mode;
    return bits ? [`${entry.path}: ${entry.mode} and ${other.mode}`] : [];
  });
}
