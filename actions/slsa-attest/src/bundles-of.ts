/** The bundles that the inputs name, or that lie beside the files. */
import { createHash } from "node:crypto";
import { glob, readdir, readFile, stat } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";
import { UserError } from "@goatnote/action-io";
import type { BundleSource, HashedFile } from "@goatnote/attestation";

export interface FoundBundles {
  bundles: BundleSource[];
  /** Files, or lines of files, that hold no JSON. */
  unreadable: string[];
}

interface BundleInputs {
  "bundle-path": string[];
}

// A statement of 1,024 subjects with a large SBOM is below that.
const largestFile = 256 * 1024 * 1024;

/** @throws UserError when a named bundle is not there */
export async function bundlesOf(
  inputs: BundleInputs,
  files: readonly HashedFile[],
  workspace: string,
): Promise<FoundBundles> {
  const patterns = inputs["bundle-path"];
  const paths = patterns.length > 0 ? await named(patterns, workspace) : await beside(files);
  const found: FoundBundles = { bundles: [], unreadable: [] };
  for (const path of paths) await readBundles(path, relative(workspace, path), found);
  return found;
}

async function named(patterns: readonly string[], workspace: string): Promise<string[]> {
  const found = new Set<string>();
  for (const pattern of patterns) {
    const before = found.size;
    const exact = resolve(workspace, pattern);
    if (await isFile(exact)) found.add(exact);
    else
      for await (const path of glob(pattern, { cwd: workspace }))
        if (await isFile(resolve(workspace, path))) found.add(resolve(workspace, path));
    if (found.size === before) throw new UserError(`No bundle matches ${JSON.stringify(pattern)}.`);
  }
  return [...found].sort();
}

const isFile = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isFile(),
    () => false,
  );

/** `<file>.intoto.jsonl` and `<file>.sigstore.json`, and every `*.intoto.jsonl` in the folders of the files. */
async function beside(files: readonly HashedFile[]): Promise<string[]> {
  const found = new Set<string>();
  for (const folder of new Set(files.map(({ path }) => dirname(path))))
    for (const name of await readdir(folder)) if (name.endsWith(".intoto.jsonl")) found.add(join(folder, name));
  for (const { path } of files) if (await isFile(`${path}.sigstore.json`)) found.add(`${path}.sigstore.json`);
  return [...found].sort();
}

/** Every bundle in a folder, each once: an archive holds them one by one and in lines of one file. */
export async function bundlesIn(folder: string, name: string): Promise<FoundBundles> {
  const found: FoundBundles = { bundles: [], unreadable: [] };
  for (const file of (await readdir(folder)).sort())
    if (/\.(intoto\.jsonl|sigstore\.json)$/.test(file)) await readBundles(join(folder, file), `${name}/${file}`, found);
  const once = new Map(found.bundles.map((bundle) => [JSON.stringify(bundle.json), bundle]));
  return { ...found, bundles: [...once.values()] };
}

/** One JSON document, or one per line. */
async function readBundles(path: string, name: string, found: FoundBundles): Promise<void> {
  const { size } = await stat(path);
  if (size > largestFile)
    throw new UserError(`${name} has ${size} bytes, more than the ${largestFile} a file of bundles may have.`);
  const text = await readFile(path, "utf8");
  const whole = parsed(text);
  if (whole !== undefined) {
    found.bundles.push({ source: name, json: whole, sha256: sha256(text) });
    return;
  }
  for (const [index, line] of text.split("\n").entries()) {
    if (line.trim() === "") continue;
    const json = parsed(line);
    const source = `${name}, line ${index + 1}`;
    if (json === undefined) found.unreadable.push(source);
    else found.bundles.push({ source, json, sha256: sha256(line) });
  }
}

function parsed(text: string): object | undefined {
  try {
    const json: unknown = JSON.parse(text);
    return typeof json === "object" && json !== null ? json : undefined;
  } catch {
    return undefined;
  }
}

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");
