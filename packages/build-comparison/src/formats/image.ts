/**
 * Container images as files: OCI layouts, and the archives of `docker save`. Their blobs are named by their digests, so that
 * two builds that differ anywhere have no blob of one name; what a blob is, the documents tell that lead to it.
 * https://github.com/opencontainers/image-spec/blob/main/image-layout.md https://github.com/moby/docker-image-spec
 */
import type { Budget, Container, Member } from "./container.ts";

/** The files of images among others, by their paths. */
export interface ImageParts {
  /** What a file is, such as `image layer 2`, below the folder of its image. */
  names: Map<string, string>;
  /** JSON documents. */
  documents: Set<string>;
}

/** Reads a file that is known to be there; undefined when it is too large for a document. */
export type ReadDocument = (path: string) => Promise<Buffer | undefined> | Buffer | undefined;

export const largestDocument = 8 * 1024 * 1024;

interface Descriptor {
  digest?: unknown;
  platform?: { os?: unknown; architecture?: unknown };
}

/** Finds images, and follows them from their index to their layers. What cannot be followed has no name. */
export async function imageParts(paths: ReadonlySet<string>, read: ReadDocument, budget: Budget): Promise<ImageParts> {
  const walk = new Walk(paths, read, budget);
  for (const path of paths) {
    const root = path.slice(0, path.lastIndexOf("/") + 1);
    if (path === `${root}oci-layout`) await walk.index(root, `${root}index.json`, "image");
    if (path === `${root}manifest.json`) await walk.dockerArchive(root, path);
  }
  return walk.parts;
}

class Walk {
  readonly parts: ImageParts = { names: new Map(), documents: new Set() };
  readonly #paths: ReadonlySet<string>;
  readonly #read: ReadDocument;
  readonly #budget: Budget;
  constructor(paths: ReadonlySet<string>, read: ReadDocument, budget: Budget) {
    this.#paths = paths;
    this.#read = read;
    this.#budget = budget;
  }

  /** An index, or in its place a manifest; each is visited once, whatever refers to whom. */
  async index(root: string, path: string, name: string): Promise<void> {
    const content = await this.#document(path);
    if (content === undefined) return;
    const manifests = list(content.manifests) as Descriptor[];
    for (const [i, each] of manifests.entries()) {
      const platform = [each?.platform?.os, each?.platform?.architecture].filter((part) => typeof part === "string");
      const label = [
        name,
        ...(manifests.length > 1 ? [i + 1, ...(platform.length > 0 ? [`(${platform.join("/")})`] : [])] : []),
      ];
      const below = this.#name(root, each, `${label.join(" ")} manifest`);
      if (below !== undefined) await this.index(root, below, label.join(" "));
    }
    const config = this.#name(root, content.config as Descriptor, `${name} config`);
    if (config !== undefined) await this.#document(config);
    for (const [i, layer] of list(content.layers).entries())
      this.#name(root, layer as Descriptor, `${name} layer ${i + 1}`);
  }

  async dockerArchive(root: string, path: string): Promise<void> {
    const content = await this.#parsed(path);
    if (
      !Array.isArray(content) ||
      !content.every((each) => typeof each?.Config === "string" && Array.isArray(each.Layers))
    )
      return;
    this.parts.documents.add(path);
    for (const [i, { Config, Layers }] of content.entries()) {
      const name = content.length > 1 ? `image ${i + 1}` : "image";
      const config = this.#nameAt(root, root + Config, `${name} config`);
      if (config !== undefined) await this.#document(config);
      for (const [j, layer] of list(Layers).entries()) this.#nameAt(root, `${root}${layer}`, `${name} layer ${j + 1}`);
    }
    await this.#oldFolders(root, "image");
  }

  /** Folders of the first version, which archives still hold for old readers: one for each layer, named by a digest too. */
  async #oldFolders(root: string, name: string): Promise<void> {
    const ids: string[] = [];
    for (const path of this.#paths) {
      const [, id, file] = /^([0-9a-f]{64})\/(json|VERSION|layer\.tar)$/.exec(path.slice(root.length)) ?? [];
      if (id === undefined || !path.startsWith(root)) continue;
      if (ids.at(-1) !== id) ids.push(id);
      const own = this.#nameAt(root, path, `${name} version 1 layer ${ids.length} ${file}`);
      if (own !== undefined && file === "json") await this.#document(own);
    }
  }

  #name(root: string, descriptor: Descriptor | undefined, name: string): string | undefined {
    const [, algorithm, hex] = /^([a-z0-9]+):([0-9a-f]+)$/.exec(String(descriptor?.digest)) ?? [];
    return hex === undefined ? undefined : this.#nameAt(root, `${root}blobs/${algorithm}/${hex}`, name);
  }

  /** The first name stays. @returns the path when it is there and had no name */
  #nameAt(root: string, path: string, name: string): string | undefined {
    this.#budget.member();
    if (!this.#paths.has(path) || this.parts.names.has(path)) return undefined;
    this.parts.names.set(path, root + name);
    return path;
  }

  async #document(path: string): Promise<Record<string, unknown> | undefined> {
    const content = await this.#parsed(path);
    if (typeof content !== "object" || content === null || Array.isArray(content)) return undefined;
    this.parts.documents.add(path);
    return content as Record<string, unknown>;
  }

  async #parsed(path: string): Promise<unknown> {
    const bytes = this.#paths.has(path) ? await this.#read(path) : undefined;
    try {
      return bytes && bytes.length <= largestDocument ? JSON.parse(bytes.toString("utf8")) : undefined;
    } catch {
      return undefined;
    }
  }
}

const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);

/** The name under which a file of an image is compared: what both have under its own name keeps it, since it is the same. */
export function namesToCompare(
  { names }: ImageParts,
  own: ReadonlySet<string>,
  other: ReadonlySet<string>,
): (path: string) => string {
  const taken = new Set(own);
  return (path) => {
    const name = names.get(path);
    return name === undefined || other.has(path) || taken.has(name) ? path : name;
  };
}

/** Two archives, with the members of images under the names by which they can be compared. */
export async function asImages(a: Container, b: Container, budget: Budget): Promise<[Container, Container]> {
  if (a.format !== "tar") return [a, b];
  const names = [a, b].map(({ members }) => new Set(members.map(({ name }) => name))) as [Set<string>, Set<string>];
  const parts = (await Promise.all(
    [a, b].map(async ({ members }, side) => {
      const contents = new Map(members.map(({ name, content }) => [name, content]));
      return imageParts(names[side]!, (path) => contents.get(path), budget);
    }),
  )) as [ImageParts, ImageParts];
  if (parts.some(({ documents }) => documents.size === 0)) return [a, b];
  const renamed = ({ members, ...container }: Container, side: 0 | 1): Container => {
    const nameOf = namesToCompare(parts[side], names[side], names[1 - side]!);
    const own = members.map(
      (member): Member => ({
        ...member,
        name: nameOf(member.name),
        stored: member.name,
        document: parts[side].documents.has(member.name),
      }),
    );
    return { ...container, members: own };
  };
  return [renamed(a, 0), renamed(b, 1)];
}
