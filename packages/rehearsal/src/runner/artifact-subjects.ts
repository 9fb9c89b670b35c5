import { createHash } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { basename, resolve } from "node:path";

/** Artifacts that the steps of a job have declared, by name. */
export type Subjects = Map<string, { digest: string; kind: "file" | "oci" }>;

const hexLength: Record<string, number> = { sha256: 64, sha384: 96, sha512: 128 };
const largestFile = 1024 * 1024;
const mostSubjects = 500;

/**
 * Adds what a step wrote to GITHUB_ARTIFACTS: a path, `file://path` or `[oci://]reference@sha256:hex` per line.
 * Paths are relative to the workspace. Nothing is added when one line is wrong.
 * @throws Error that names the line: a missing file, an unknown scheme, the same name with another digest
 */
export function declare(subjects: Subjects, content: string, workspace: string): void {
  if (Buffer.byteLength(content) > largestFile) throw new Error("$GITHUB_ARTIFACTS supports content up to 1024k.");
  const next: Subjects = new Map(subjects);
  for (const [index, raw] of content.split(/\r?\n/).entries()) {
    const line = raw.trim();
    if (line === "" || line.startsWith("#")) continue;
    const wrong = (why: string) => new Error(`Invalid line ${index + 1} in $GITHUB_ARTIFACTS: ${why}`);
    if (line.includes("=")) throw wrong("'=' is reserved");
    const [name, digest, kind] = image(line, wrong) ?? file(line, workspace, wrong);
    const known = next.get(name);
    if (known && known.digest !== digest) throw wrong(`${name} was declared as ${known.digest}, now as ${digest}`);
    next.set(name, { digest, kind });
    if (next.size > mostSubjects) throw wrong(`a job may declare ${mostSubjects} artifacts`);
  }
  for (const [name, subject] of next) subjects.set(name, subject);
}

type Wrong = (why: string) => Error;

function image(line: string, wrong: Wrong): [string, string, "oci"] | null {
  const explicit = /^oci:\/\//i.test(line);
  const [, name, algorithm = "", hex = ""] = /^(?:oci:\/\/)?(.+)@(sha(?:256|384|512)):([0-9a-f]+)$/i.exec(line) ?? [];
  const fits = name !== undefined && hex.length === hexLength[algorithm.toLowerCase()];
  if (explicit && !fits) throw wrong("an oci:// entry needs @sha256:<hex> of the right length");
  return fits && !/^file:\/\//i.test(line) ? [name, `${algorithm}:${hex}`.toLowerCase(), "oci"] : null;
}

function file(line: string, workspace: string, wrong: Wrong): [string, string, "file"] {
  const path = line.replace(/^file:\/\//i, "");
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(path)) throw wrong("unsupported URI scheme");
  const found = resolve(workspace, path);
  if (!statSync(found, { throwIfNoEntry: false })?.isFile()) throw wrong(`${path} is not a file`);
  return [basename(found), `sha256:${createHash("sha256").update(readFileSync(found)).digest("hex")}`, "file"];
}

/** What GITHUB_ARTIFACTS_LIST holds for the steps that follow. */
export function listed(subjects: Subjects): string {
  const sorted = [...subjects].sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify({ version: 1, subjects: sorted.map(([name, { digest, kind }]) => ({ name, digest, kind })) });
}
