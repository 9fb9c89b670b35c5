/**
 * Archives, as slsa-attest leaves them in `output-dir`, verified again: every bundle in them by itself, every checksum, and the
 * artifacts where they lie there too. And what has aged: keys and certificates behind the bundles that are out of use.
 */
import { glob, readdir, readFile, stat } from "node:fs/promises";
import { basename, join, relative, resolve } from "node:path";
import { UserError } from "@goatnote/action-io";
import {
  type BundleSource,
  loadVerification,
  parseChecksums,
  type Root,
  type Subject,
  type Verdict,
  type VerifyOptions,
} from "@goatnote/attestation";
import { FilesBeside, isRootSnapshot } from "./archived-files.ts";
import { bundlesIn } from "./bundles-of.ts";

/** Something behind an archive that is no longer in use, or soon will not be. */
export interface Aged {
  archive: string;
  what: string;
  /** The day on which it ended or will end, as `YYYY-MM-DD`; "" where there is none. */
  end: string;
  /** What it means, and what to do. */
  note: string;
}

export interface Checked {
  verdicts: Verdict[];
  aged: Aged[];
  /** Files in the archives that nothing there is about, and that were not checked. */
  unattested: string[];
}

// Time enough to take a new snapshot of the root, and to attest what is still in use anew.
const soonMs = 90 * 24 * 60 * 60 * 1000;

/**
 * Verifies archives under the roots of `options`. An archive's own snapshot of the root lies where whoever changes the archive
 * could change it too, so it vouches for nothing.
 * @param patterns folders, or glob patterns of such
 * @throws UserError when one is none, or is damaged so that it cannot be read
 */
export async function verifyArchives(
  patterns: readonly string[],
  workspace: string,
  options: Omit<VerifyOptions, "predicateType" | "matchNames">,
): Promise<Checked> {
  const all: Checked = { verdicts: [], aged: [], unattested: [] };
  for (const folder of await folders(patterns, workspace)) {
    const { verdicts, aged, unattested } = await verifyArchive(folder, relative(workspace, folder) || ".", options);
    all.verdicts.push(...verdicts);
    all.aged.push(...aged);
    all.unattested.push(...unattested);
  }
  return all;
}

async function folders(patterns: readonly string[], workspace: string): Promise<string[]> {
  const found = new Set<string>();
  for (const pattern of patterns) {
    const before = found.size;
    for (const path of [pattern, ...(await Array.fromAsync(glob(pattern, { cwd: workspace })))]) {
      const folder = resolve(workspace, path);
      if ((await stat(folder).catch(() => undefined))?.isDirectory()) found.add(folder);
    }
    if (found.size === before) throw new UserError(`No folder matches ${JSON.stringify(pattern)}.`);
  }
  return [...found].sort();
}

async function verifyArchive(
  folder: string,
  name: string,
  options: Omit<VerifyOptions, "predicateType" | "matchNames">,
): Promise<Checked> {
  const { bundles, unreadable } = await bundlesIn(folder, name);
  if (unreadable.length > 0) throw new UserError(`The archive ${name} is damaged: ${unreadable[0]} is no bundle.`);
  if (bundles.length === 0) throw new UserError(`The folder ${name} is no archive: it holds no bundles.`);
  const verdicts: Verdict[] = [];
  const aged = new Map<string, Aged>();
  const snapshot = await snapshotIn(folder, name);
  for (const bundle of bundles) {
    const own = await verifyOne(bundle, snapshot, options);
    verdicts.push(...own);
    for (const each of await agingOf(bundle, own, name, options)) aged.set(each.what, each);
  }
  if (snapshot.length === 0)
    aged.set("", {
      archive: name,
      what: "trusted root",
      end: "",
      note: "The archive has no snapshot of it. Add the one that the bundles verify with as trusted_root.json.",
    });
  const beside = new FilesBeside(folder);
  const compared = await withFiles(beside, name, verdicts);
  return {
    verdicts: [...compared, ...(await checksumFaults(beside, name, verdicts))],
    aged: [...aged.values()],
    unattested: (await beside.others(verdicts.map(({ artifact }) => artifact.name))).map((file) => `${name}/${file}`),
  };
}

/** One bundle about each of its own subjects: a sound one beside it must not hide a broken one. */
async function verifyOne(
  bundle: BundleSource,
  snapshot: readonly Root[],
  options: Omit<VerifyOptions, "predicateType" | "matchNames">,
): Promise<Verdict[]> {
  const { peekStatement, verifyArtifacts, verifyBundle } = await loadVerification();
  let statement: ReturnType<typeof peekStatement>;
  try {
    statement = peekStatement(bundle.json);
  } catch (error) {
    throw new UserError(`${bundle.source} is damaged: ${(error as Error).message}`, { cause: error });
  }
  const { predicateType, subject } = statement;
  const kept = { ...options, predicateType, matchNames: true, anyResult: true as const };
  const verdicts = await verifyArtifacts(subject, [bundle], kept);
  const failed = verdicts.some(({ judgements }) =>
    judgements.some(({ rules }) => rules.some(({ name, passed }) => name === "signature" && !passed)),
  );
  const vouching = failed && snapshot.find((root) => holds(() => verifyBundle(bundle.json, [root])));
  if (!vouching) return verdicts;
  // Said where it helps: the bundle is sound, and the root has moved on.
  const reason = `only the archive's own snapshot of the trusted root still vouches for it. If nobody else could write to the archive, verify with \`trusted-root\` set to its ${basename(vouching.name)}`;
  return verdicts.map((verdict) => ({ ...verdict, reason }));
}

const holds = (check: () => unknown): boolean => {
  try {
    check();
    return true;
  } catch {
    return false;
  }
};

async function snapshotIn(folder: string, name: string): Promise<Root[]> {
  const { readTrustedRoots } = await loadVerification();
  const roots = (await readdir(folder))
    .filter(isRootSnapshot)
    .sort()
    .map(async (file) => {
      const text = await readFile(join(folder, file), "utf8").catch((cause: NodeJS.ErrnoException) => {
        throw new UserError(`${name}/${file} cannot be read: ${cause.code}.`, { cause });
      });
      return readTrustedRoots(text, `${name}/${file}`);
    });
  return (await Promise.all(roots)).flat();
}

async function agingOf(
  { json }: BundleSource,
  verdicts: readonly Verdict[],
  archive: string,
  { roots, now }: Pick<VerifyOptions, "roots" | "now">,
): Promise<Aged[]> {
  const { supportsOf } = await loadVerification();
  const name = verdicts.find(({ verified }) => verified)?.judgements[0]?.root;
  const root = roots.find((each) => each.name === name);
  if (!root) return [];
  return supportsOf(json, root).flatMap(({ name: what, end }) => {
    if (!end || end.getTime() > now.getTime() + soonMs) return [];
    const hasEnded = end <= now;
    const note = hasEnded
      ? "It signs nothing any more. What it signed before verifies as long as the trusted root names it: keep the snapshot."
      : "What it signs until then keeps verifying. Check that the root you verify with knows its successor.";
    return [{ archive, what, end: end.toISOString().slice(0, 10), note }];
  });
}

/** What lies in the archive under the name of an artifact has to be what was signed, whatever SHA256SUMS says. */
async function withFiles(beside: FilesBeside, name: string, verdicts: readonly Verdict[]): Promise<Verdict[]> {
  const compared: Verdict[] = [];
  for (const verdict of verdicts) {
    const fault = verdict.verified ? await beside.faultOf(verdict.artifact) : undefined;
    const reason = `what lies in the archive ${name} under this name ${fault}`;
    compared.push(fault === undefined ? verdict : { ...verdict, verified: false, level: 0, reason });
  }
  return compared;
}

/** Each line of SHA256SUMS has to be attested, and what lies in the archive has to be what the line says. */
async function checksumFaults(beside: FilesBeside, name: string, verdicts: readonly Verdict[]): Promise<Verdict[]> {
  const text = await readFile(join(beside.folder, "SHA256SUMS"), "utf8").catch(() => undefined);
  if (text === undefined) return [];
  const key = ({ name, digest }: Subject): string => `${digest.sha256} ${name}`;
  const known = new Set(verdicts.map(({ artifact }) => key(artifact)));
  const bad: Verdict[] = [];
  for (const artifact of parseChecksums(text, `${name}/SHA256SUMS`)) {
    const refuse = (reason: string) => bad.push({ artifact, verified: false, level: 0, judgements: [], reason });
    if (!known.has(key(artifact))) refuse(`no attestation in the archive ${name} is about it`);
    if ((await beside.faultOf(artifact)) !== undefined)
      refuse(`the file in the archive ${name} has another content than its checksum says`);
  }
  return bad;
}
