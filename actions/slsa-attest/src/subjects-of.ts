/** The artifacts that the inputs name. */
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { say, UserError } from "@goatnote/action-io";
import {
  distinct,
  type HashedFile,
  hashFiles,
  parseArtifactsList,
  parseChecksums,
  parseDigest,
  type Subject,
} from "@goatnote/attestation";
import { progressOf } from "./report.ts";

interface SubjectInputs {
  "subject-path": string[];
  "subject-checksums": string[];
  "subject-digest": string;
  "subject-name": string;
}

export interface Found {
  /** Those that are files here. */
  files: HashedFile[];
  /** All of them. */
  subjects: Subject[];
}

/**
 * @param base folder below which names are paths; "" for file names alone; undefined for paths
 * @param whole whether files that no pattern names are refused, in folders that match one
 * @throws UserError when they name nothing, or something that is not there
 */
export async function subjectsOf(
  inputs: SubjectInputs,
  workspace: string,
  base: string | undefined,
  whole = false,
): Promise<Found> {
  const patterns = inputs["subject-path"];
  const progress = progressOf("Hashing");
  const files = patterns.length > 0 ? await hashFiles(patterns, { root: workspace, base, whole, progress }) : [];
  for (const { path, subject, isLayout } of files)
    if (isLayout)
      say(
        `${path} is the folder of an OCI image layout, and stands for its image ${Object.values(subject.digest)[0]}.`,
      );
  const subjects = files.map(({ subject }) => subject);
  for (const file of inputs["subject-checksums"])
    subjects.push(...parseChecksums(await readText(resolve(workspace, file)), file));
  if (inputs["subject-digest"] !== "")
    subjects.push({ name: inputs["subject-name"], digest: parseDigest(inputs["subject-digest"]) });
  return { files, subjects };
}

/** What earlier steps declared in `$GITHUB_ARTIFACTS`. */
export async function declaredSubjects(list: string | undefined): Promise<Subject[]> {
  const subjects = list ? parseArtifactsList(await readText(list)) : [];
  if (subjects.length === 0)
    throw new UserError(
      "There is nothing to attest: name files in `subject-path`, or let an earlier step of this job write their paths to `$GITHUB_ARTIFACTS`.",
    );
  return distinct(subjects);
}

/** A text file that an input names. */
export async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new UserError(code === "ENOENT" ? `There is no file ${path}.` : `${path} cannot be read: ${message}`);
  }
}

/** A JSON file that an input names. */
export async function readJson(path: string): Promise<unknown> {
  const text = await readText(path);
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new UserError(`${path} is not JSON: ${(error as Error).message}`);
  }
}
