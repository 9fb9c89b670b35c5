/**
 * An image in an OCI layout, believed only where every blob is what its name says.
 * https://github.com/opencontainers/image-spec/blob/main/image-layout.md
 */
import { createHash } from "node:crypto";
import { readdir, readFile, stat } from "node:fs/promises";
import { basename, join, relative, sep } from "node:path";
import { UserError } from "@goatnote/action-io";
import { digestOf, parseDigest } from "./digest.ts";
import type { DigestSet } from "./statement.ts";

/** A layout whose files are listed, and not yet read. */
export interface Layout {
  folder: string;
  /** Bytes of each blob, by `<algorithm>/<hex>`. */
  blobs: ReadonlyMap<string, number>;
  /** Bytes of all blobs. */
  size: number;
}

type Json = Record<string, unknown>;
type OnBytes = (bytes: number) => void;

// What registries take at most.
const maxManifestBytes = 4 * 1024 * 1024;

/**
 * Lists the files of a layout.
 * @throws UserError for a folder that is none, or that has anything beside an image in it
 */
export async function openLayout(folder: string): Promise<Layout> {
  const names = await readdir(folder);
  if (!names.includes("oci-layout") || !names.includes("index.json"))
    throw new UserError(
      `${folder} is a folder. Name the files in it, such as ${JSON.stringify(`${basename(folder)}/**`)}.`,
    );
  const blobs = new Map<string, number>();
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isDirectory()) continue;
    const path = join(entry.parentPath, entry.name);
    const name = relative(folder, path).replaceAll(sep, "/");
    const [, blob] = /^blobs\/([a-z0-9]+\/[0-9a-f]+)$/.exec(name) ?? [];
    // A link could lead to something else the next time it is read.
    if (!entry.isFile() || !(blob || name === "oci-layout" || name === "index.json"))
      throw new UserError(
        `${folder} is an OCI layout with something in it that is no part of an image: ${name}. Remove it, or name the files one by one.`,
      );
    if (blob) blobs.set(blob, (await stat(path)).size);
  }
  return { folder, blobs, size: [...blobs.values()].reduce((sum, size) => sum + size, 0) };
}

/**
 * The digest of the one image in a layout, after every blob was hashed, and every one that its manifests name was found.
 * @throws UserError for a blob that is missing or another than its name says, and for several images
 */
export async function imageOf({ folder, blobs }: Layout, onBytes: OnBytes = () => {}): Promise<DigestSet> {
  const refuse = (what: string): never => {
    throw new UserError(`${folder} is an OCI layout that cannot be trusted: ${what}.`);
  };
  const hashed = new Set<string>();

  /** Finds what a descriptor names: https://github.com/opencontainers/image-spec/blob/main/descriptor.md */
  function find(descriptor: Json): string {
    const digest = String(descriptor?.digest);
    const [[algorithm, hex] = ["", ""]] = Object.entries(parseDigest(digest));
    const blob = `${algorithm}/${hex}`;
    const size = blobs.get(blob);
    if (size === undefined) refuse(`the blob ${digest} is missing`);
    if (size !== descriptor.size) refuse(`the blob ${digest} has not the size that its descriptor says`);
    return blob;
  }

  async function hash(blob: string): Promise<void> {
    if (hashed.has(blob)) return;
    const [algorithm = "", hex] = blob.split("/");
    parseDigest(`${algorithm}:${hex}`);
    if ((await digestOf(join(folder, "blobs", blob), algorithm, onBytes)) !== hex)
      refuse(`the blob ${algorithm}:${hex} has another content`);
    hashed.add(blob);
  }

  /** Checks a manifest or an index of several, and all that it names. */
  async function walk(descriptor: Json): Promise<void> {
    const blob = find(descriptor);
    if (hashed.has(blob)) return;
    const digest = String(descriptor.digest);
    if (blobs.get(blob)! > maxManifestBytes) refuse(`the manifest ${digest} has more than 4 MiB`);
    const [algorithm = "", hex] = blob.split("/");
    // What was hashed is what is parsed.
    const bytes = await readFile(join(folder, "blobs", blob));
    if (createHash(algorithm).update(bytes).digest("hex") !== hex) refuse(`the blob ${digest} has another content`);
    hashed.add(blob);
    onBytes(bytes.length);
    const manifest = parsed(bytes) ?? refuse(`${digest} is no manifest`);
    const { schemaVersion, mediaType, manifests, config, layers } = manifest;
    if (schemaVersion !== 2) refuse(`${digest} is no manifest`);
    // The same bytes must not be read as one thing by one reader, and as another by the next.
    if (mediaType !== undefined && mediaType !== descriptor.mediaType)
      refuse(`the manifest ${digest} is of another media type than its descriptor says`);
    if (Array.isArray(manifests) && config === undefined && layers === undefined) {
      for (const each of manifests) await walk(each as Json);
    } else if (manifests === undefined && isObject(config) && Array.isArray(layers)) {
      for (const each of [config, ...layers]) await hash(find(each as Json));
    } else refuse(`${digest} is neither a manifest of an image nor an index of such`);
  }

  const index = parsed(await readFile(join(folder, "index.json")));
  if (!index) throw new UserError(`${folder} is no OCI layout that can be read: its index.json is no JSON object.`);
  const { manifests } = index;
  if (!Array.isArray(manifests) || manifests.length !== 1)
    throw new UserError(
      `${folder} is an OCI layout with ${Array.isArray(manifests) ? manifests.length : "no"} manifests, and it is not clear which is meant. Use \`subject-digest\` and \`subject-name\`.`,
    );
  const image = manifests[0] as Json;
  await walk(image);
  for (const blob of blobs.keys()) await hash(blob);
  return parseDigest(String(image.digest));
}

const isObject = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function parsed(bytes: Buffer): Json | undefined {
  try {
    const value: unknown = JSON.parse(bytes.toString());
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
