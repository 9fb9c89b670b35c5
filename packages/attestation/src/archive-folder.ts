/** The folder of an archive. Several steps may write into one, so what others left there stays true. */
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "@goatnote/action-io";
import { decodeStatement, type Statement, type Subject } from "./statement.ts";

/**
 * Writes files, all or none: nothing takes its name before everything is on the disk.
 * @param files their content by name; the last takes its name last. Absent content takes a file away
 * @returns their paths
 */
export async function writeTogether(folder: string, files: ReadonlyMap<string, string | undefined>): Promise<string[]> {
  await mkdir(folder, { recursive: true });
  const partial = (name: string): string => join(folder, `${name}.${process.pid}.partial`);
  const content = [...files].filter((entry): entry is [string, string] => entry[1] !== undefined);
  try {
    for (const [name, text] of content) {
      // Never through a link that lies there.
      await rm(partial(name), { force: true });
      await writeFile(partial(name), text, { flag: "wx" });
    }
  } catch (error) {
    for (const [name] of content) await rm(partial(name), { force: true });
    throw error;
  }
  for (const [name, text] of files)
    if (text === undefined) await rm(join(folder, name), { force: true });
    else await rename(partial(name), join(folder, name));
  return content.map(([name]) => join(folder, name));
}

/** What a step is about to write. */
export interface Writing {
  subjects: readonly Subject[];
  predicateType: string;
  /** Names of the files with bundles, one per line. */
  files: ReadonlySet<string>;
}

/**
 * The artifacts that bundles in the folder are about, other than those that are about to be written.
 * @throws UserError where something in the folder would be overwritten, or no longer be true: a file about something else, or an
 * artifact of the same name with another content
 */
export async function attestedBeside(folder: string, { subjects, predicateType, files }: Writing): Promise<Subject[]> {
  const byName = new Map(subjects.map((subject) => [subject.name, subject]));
  const beside = new Map<string, Subject>();
  for (const { file, statement } of await statementsIn(folder)) {
    const inTheWay = (what: string): UserError =>
      new UserError(
        `${join(folder, file)} holds an attestation of ${what}. Name another \`output-dir\` for this step, or empty that one before (a folder below \`\${{ runner.temp }}\` is empty in each job).`,
      );
    for (const subject of statement.subject) {
      const ours = byName.get(subject.name);
      if (ours && !isSame(ours, subject))
        throw inTheWay(`another ${JSON.stringify(subject.name)}, which has other content than the one to attest`);
      if (!ours && files.has(file))
        throw inTheWay(`${JSON.stringify(subject.name)}, which would be overwritten and lost`);
      // Also where ours is known by another algorithm only: the checksum stays.
      if (!ours?.digest.sha256) beside.set(subject.name, subject);
    }
    if (files.has(file) && statement.predicateType !== predicateType)
      throw inTheWay(`the type ${statement.predicateType}, which would be overwritten and lost`);
  }
  return [...beside.values()];
}

/** Whether no algorithm that both have says otherwise. */
function isSame(one: Subject, other: Subject): boolean {
  const shared = Object.keys(one.digest).filter((algorithm) => algorithm in other.digest);
  return shared.every((algorithm) => one.digest[algorithm] === other.digest[algorithm]);
}

/** What the bundles in a folder say, unverified. What is no bundle is passed over: it is not ours to judge here. */
async function statementsIn(folder: string): Promise<{ file: string; statement: Statement }[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw new UserError(`The folder ${folder} cannot be read: ${error.message}`);
  });
  const found: { file: string; statement: Statement }[] = [];
  for (const { name } of entries.filter((entry) => entry.isFile() && entry.name.endsWith(".intoto.jsonl")))
    for (const line of (await readFile(join(folder, name), "utf8")).split("\n")) {
      const statement = statementIn(line);
      if (statement) found.push({ file: name, statement });
    }
  return found;
}

function statementIn(line: string): Statement | undefined {
  try {
    const { dsseEnvelope } = JSON.parse(line) as { dsseEnvelope: { payload: string } };
    return decodeStatement(Buffer.from(dsseEnvelope.payload, "base64"));
  } catch {
    return undefined;
  }
}
