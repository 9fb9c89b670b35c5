/** Files that lie in an archive beside its bundles: the artifacts themselves, and what does not belong there. */
import { readdir, stat } from "node:fs/promises";
import { isAbsolute, relative, resolve, sep } from "node:path";
import { digestOf, type Subject } from "@goatnote/attestation";

/** A snapshot of the trusted root; a kind of attestation that was signed under another than those before it has its own. */
export const isRootSnapshot = (name: string): boolean =>
  /^trusted_root(?:\.(?:provenance|sbom|test-result|custom))?\.json$/.test(name);

/** What slsa-attest writes into an archive, beside those. */
const ownFiles = /^(?:SHA256SUMS|VERIFY(?:\.[^/]+)?\.md|[^/]+\.(?:intoto\.jsonl|sigstore\.json|index\.json))$/;

// What digests are computed here for; a subject may have others beside them.
const algorithms = ["sha256", "sha384", "sha512"];

export class FilesBeside {
  readonly folder: string;
  // Several bundles are about one artifact, which may be large.
  readonly #digests = new Map<string, Promise<string>>();

  constructor(folder: string) {
    this.folder = folder;
  }

  /**
   * Why what lies at a subject's name is not the subject, as the end of a sentence; undefined where it is, where nothing lies
   * there, and where the name leads out of the folder.
   */
  async faultOf({ name, digest }: Subject): Promise<string | undefined> {
    const path = this.#inside(name);
    const found = path === undefined ? undefined : await stat(path).catch(nothingThere);
    if (path === undefined || found === undefined) return undefined;
    if (!found.isFile()) return "is no file";
    const comparable = algorithms.filter((algorithm) => digest[algorithm] !== undefined);
    if (comparable.length === 0)
      return "cannot be compared, since it was attested by none of SHA-256, SHA-384 and SHA-512";
    for (const algorithm of comparable)
      if ((await this.#digestOf(path, algorithm)) !== digest[algorithm]) return "has another content than was attested";
    return undefined;
  }

  /** Files, as paths below the folder, that are neither of these names nor part of the archive. */
  async others(names: readonly string[]): Promise<string[]> {
    const known = new Set(names.map((name) => this.#inside(name)));
    const entries = await readdir(this.folder, { recursive: true, withFileTypes: true });
    return entries
      .filter((entry) => !entry.isDirectory())
      .map((entry) => resolve(entry.parentPath, entry.name))
      .filter((path) => !known.has(path))
      .map((path) => relative(this.folder, path).replaceAll(sep, "/"))
      .filter((path) => !ownFiles.test(path) && !isRootSnapshot(path))
      .sort();
  }

  #digestOf(path: string, algorithm: string): Promise<string> {
    const key = `${algorithm} ${path}`;
    const digest = this.#digests.get(key) ?? digestOf(path, algorithm);
    this.#digests.set(key, digest);
    return digest;
  }

  /** The path of a name, where that is below the folder. */
  #inside(name: string): string | undefined {
    const path = resolve(this.folder, name);
    const way = relative(this.folder, path);
    return way === "" || way === ".." || way.startsWith(`..${sep}`) || isAbsolute(way) ? undefined : path;
  }
}

/** Names that no file can have lead to nothing too. What cannot be looked at is an error. */
function nothingThere(error: NodeJS.ErrnoException): undefined {
  if (!["ENOENT", "ENOTDIR", "ENAMETOOLONG", "ERR_INVALID_ARG_VALUE"].includes(error.code ?? "")) throw error;
}
