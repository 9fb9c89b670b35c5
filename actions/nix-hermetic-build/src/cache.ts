/** The cache of what was built here: restored and checked before the build, added to and saved after the job. */
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { warning } from "@actions/core";
import { redact, type WorkflowContext } from "@goatnote/action-io";
import {
  type BuildResult,
  ChangedContent,
  type CheckedCache,
  evict,
  isOfItsContent,
  isSigned,
  type KnownPath,
  makeCache,
  type Nix,
  type PackedPath,
  packCache,
  pathInfo,
  readCache,
  readPublicKey,
  readSigningKey,
  signedBy,
  unpackCache,
} from "@goatnote/nix-store";
import { fetchEntry } from "./entry.ts";
import type { Inputs } from "./inputs.ts";

// The path is part of what GitHub finds an entry by, so it is one that no runner changes.
const place = "~/.cache/goatnote-nix-hermetic-build.cache";
const placeFile = (): string => join(homedir(), place.slice(2));
const cacheFolder = (): string => placeFile().replace(/\.cache$/, "");

/** What was restored. */
export interface RestoredCache extends CheckedCache {
  seconds: number;
}

/** Why no cache is used, or undefined when one is. */
export function withoutCache(inputs: Inputs): string | undefined {
  if (inputs.cache === "false") return "No cache: `cache` is `false`.";
  return inputs["cache-public-key"] === ""
    ? "No cache: without `cache-public-key` nobody could tell whether it was poisoned."
    : undefined;
}

const prefixOf = (nix: Nix, publicKey: string): string =>
  `nix-hermetic-build-v3-${String(nix.settings.system)}-${readPublicKey(publicKey).name}-`;

/** Restores of the newest entry what the key signed. Trouble with the service is no trouble of the build. */
export async function restore(nix: Nix, inputs: Inputs): Promise<RestoredCache> {
  const started = performance.now();
  const publicKey = inputs["cache-public-key"];
  const prefix = prefixOf(nix, publicKey);
  const folder = cacheFolder();
  let checked: CheckedCache | undefined;
  const temporary = await mkdtemp(join(process.env.RUNNER_TEMP || tmpdir(), "nix-cache-"));
  try {
    await rm(folder, { recursive: true, force: true });
    await mkdir(dirname(folder), { recursive: true });
    const entry = join(temporary, "entry");
    // Its archives have at most cache-max-size. What is far beyond it was not written here.
    const limit = 2e6 * (inputs["cache-max-size"] ?? 5000) + 1e8;
    if (await fetchEntry(place, `${prefix}newest`, [prefix], entry, limit))
      checked = await unpackCache(entry, folder, nix.storeDir, [publicKey], limit);
  } catch (error) {
    warning(
      redact(
        `The cache could not be restored: ${(error as Error).message.replace(/\.?$/, ".")} The build goes on without it.`,
      ),
    );
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
  // Nix is told of the folder in any case.
  if (!checked) {
    await rm(folder, { recursive: true, force: true });
    await makeCache(folder, nix.storeDir);
  }
  return { ...(checked ?? { paths: [], refused: [] }), seconds: (performance.now() - started) / 1000 };
}

/** The options that let Nix take from the cache what it needs, and nothing that the key did not sign. */
export const cacheOptions = (inputs: Inputs): string[] => [
  ...["--option", "extra-substituters", `file://${cacheFolder()}`],
  ...["--option", "extra-trusted-public-keys", inputs["cache-public-key"]],
  ...["--option", "require-sigs", "true"],
];

/** What was substituted from this action's cache. */
export const fromCache = (runs: readonly BuildResult[]): BuildResult["substituted"] =>
  runs.flatMap((each) => each.substituted).filter(({ from }) => from.startsWith(`file://${cacheFolder()}`));

/** Why nothing may be saved, or undefined when it may. */
export function withoutSave(inputs: Inputs, context: WorkflowContext): string | undefined {
  if (inputs["cache-signing-key"] === "") return "The cache was only read: there is no `cache-signing-key`.";
  if (context.trust !== "push") return `The cache was only read: ${context.event} runs what others wrote.`;
  return readSigningKey(inputs["cache-signing-key"]).publicKey === inputs["cache-public-key"].trim()
    ? undefined
    : "The cache was only read: `cache-signing-key` and `cache-public-key` are no pair.";
}

/**
 * Whether the key may vouch for an object: it was built here, its path is that of its content, or the key did so before. Anything else came from
 * somewhere, and that it lies in the store unsigned says nothing for it.
 */
export const mayBeSigned = (info: KnownPath, publicKey: string): boolean =>
  info.ultimate || isOfItsContent(info) || isSigned(info, [readPublicKey(publicKey)]);

/**
 * Adds what the cache lacks of these outputs and of all they refer to, as far as it was made here.
 * @returns how many objects were added, and whether an entry was saved
 */
export async function save(nix: Nix, outputs: readonly string[], used: readonly string[], inputs: Inputs) {
  const cache = cacheFolder();
  const key = readSigningKey(inputs["cache-signing-key"]);
  const { paths: present } = await readCache(cache, nix.storeDir, [key.publicKey]);
  const has = new Set(present.map(({ path }) => path));
  const known = await pathInfo(nix, outputs, { recursive: true });
  const fresh = known.filter((info) => !has.has(info.path) && mayBeSigned(info, key.publicKey));
  if (fresh.length === 0) return { added: 0, bytes: 0, saved: false, evicted: 0 };
  const now = Date.now();
  const usedSet = new Set(used);
  const objects: PackedPath[] = [
    ...present.map((info) => ({ ...info, cache, ...(usedSet.has(info.path) && { used: now }) })),
    ...fresh.map((info) => ({ ...signedBy(info, key), used: now })),
  ];
  const kept = await pack(evict(objects, (inputs["cache-max-size"] ?? 5000) * 1e6));
  const unique = `${process.env.GITHUB_RUN_ID ?? ""}-${process.env.GITHUB_RUN_ATTEMPT ?? ""}-${now}`;
  // Loaded here: it takes longer than all else that starts.
  const id = await (await import("@actions/cache"))
    .saveCache([place], `${prefixOf(nix, key.publicKey)}${unique}`)
    .finally(() => rm(placeFile(), { force: true }));
  return {
    added: fresh.length,
    bytes: fresh.reduce((sum, { narSize }) => sum + narSize, 0),
    saved: id !== -1,
    evicted: objects.length - kept.length,
  };
}

/**
 * Packs objects, without those of the restored cache that a later step has changed.
 * @returns what was packed
 */
export async function pack(objects: readonly PackedPath[]): Promise<readonly PackedPath[]> {
  try {
    await packCache(placeFile(), objects);
    return objects;
  } catch (error) {
    const changed = error instanceof ChangedContent && objects.find(({ path }) => path === error.path);
    if (!changed || changed.cache === undefined) throw error;
    warning(`${error.message} It is left out.`);
    return pack(objects.filter((each) => each !== changed));
  }
}
