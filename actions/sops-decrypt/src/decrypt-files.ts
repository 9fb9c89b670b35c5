/** What `sops-decrypt` and `sops-decrypt/exec` share: from inputs to values that are masked and named. */
import { constants, globSync } from "node:fs";
import { open } from "node:fs/promises";
import { relative, resolve, sep } from "node:path";
import { notice, warning } from "@actions/core";
import { registerSecrets, UserError, type Values, type WorkflowContext } from "@goatnote/action-io";
import {
  type DecryptedFile,
  decryptFile,
  type EncryptedFile,
  type Format,
  formatOf,
  leavesOf,
  openDataKey,
  readEncrypted,
  type Scalar,
  SopsError,
  shown,
  textOf,
} from "@goatnote/sops-file";
import type { execInputs, mainInputs } from "./inputs.ts";
import { maskForms } from "./masks.ts";
import {
  checkNames,
  choose,
  matchesPattern,
  type Named,
  type Naming,
  nameOf,
  parseChoices,
  parsePath,
  showPath,
} from "./names.ts";
import { type GivenKeys, type KeyRing, openKeys, readKeys, whyNoKey } from "./offered-keys.ts";
import { refuseCheckedOutHead } from "./trust.ts";

type Inputs = Omit<Values<typeof mainInputs>, "export" | "output-file" | "output-format"> &
  Partial<Values<typeof execInputs>>;

/** One file, decrypted and verified. */
export interface OpenedFile extends DecryptedFile {
  /** As the user knows it. */
  path: string;
  format: Format;
}

/** What was decrypted; null when there is no key and that is allowed. */
export type Opened = { files: OpenedFile[] } | null;

/**
 * Decrypts all files and masks every value that was encrypted in them. Nothing is written before all are verified.
 * @throws UserError
 */
export async function openFiles(inputs: Inputs, context: WorkflowContext): Promise<Opened> {
  const paths = findFiles(inputs.files, context.workspace);
  const given = await readKeys(inputs, context.workspace);
  if (!inputs["allow-pull-request-head"] && mayOpen(given, inputs)) await refuseCheckedOutHead(context, paths);
  const ring = await openKeys(given, inputs, context.temp);
  if (ring === null) {
    if (inputs["missing-key"] === "fail") throw new UserError(`${noKey} ${whyNoKey(context)}`);
    notice(`${noKey} Nothing was decrypted, as \`missing-key\` is \`skip\`. ${whyNoKey(context)}`);
    return null;
  }
  const files: OpenedFile[] = [];
  try {
    for (const path of paths) files.push(await openFile(path, inputs, context.workspace, ring));
  } finally {
    await ring.close();
  }
  maskAll(files, inputs);
  return { files };
}

const noKey =
  "No key was given: `age-key`, `age-key-file` and `pgp-key` are empty, and for keys in `kms-allow` the environment has no credentials.";

const mayOpen = ({ age, pgp }: GivenKeys, inputs: Inputs): boolean =>
  age !== "" || pgp !== "" || inputs["kms-allow"].length > 0;

function findFiles(patterns: readonly string[], workspace: string): string[] {
  const found = patterns.map((pattern) =>
    globSync(pattern, { cwd: workspace })
      .map((file) => resolve(workspace, file))
      .sort(),
  );
  const empty = patterns.find((_, i) => found[i]?.length === 0);
  if (empty !== undefined)
    throw new UserError(
      `Input \`files\`: nothing is at ${JSON.stringify(empty)} below the workspace. Is the repository checked out?`,
    );
  return [...new Set(found.flat())];
}

async function openFile(
  path: string,
  inputs: Inputs,
  workspace: string,
  { openers, offered }: KeyRing,
): Promise<OpenedFile> {
  const name = relative(workspace, path).replaceAll(sep, "/");
  const format = inputs.format === "auto" ? formatOf(path) : inputs.format;
  try {
    const content = await readLimited(path, inputs["max-file-size"] ?? 0);
    const encrypted: EncryptedFile = await readEncrypted(content, format);
    const key = await openDataKey(encrypted.metadata, openers, offered);
    const file = await decryptFile(encrypted, key);
    if (file.invalidSelection)
      warning(
        `${encrypted.metadata.selection.rule} is no regular expression that SOPS can use (Go RE2), so SOPS encrypted nothing: its values stand in the repository for all to read. Mend the expression in .sops.yaml, encrypt anew, and change these secrets.`,
        { file: name },
      );
    return { ...file, path: name, format };
  } catch (error) {
    if (!(error instanceof SopsError)) throw error;
    const guess =
      format === "binary" && error.problem === "malformed"
        ? " By its name it was taken for a binary file; say what it is with `format`."
        : "";
    throw new SopsError(error.problem, `${shown(name)} is not decrypted. ${error.message}${guess}`);
  }
}

async function readLimited(path: string, limit: number): Promise<Buffer> {
  // Opening a pipe would wait for a writer.
  const file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0)).catch(
    (error: NodeJS.ErrnoException) => {
      throw new SopsError("malformed", `It cannot be read (${error.code}).`);
    },
  );
  try {
    const stats = await file.stat();
    const { size } = stats;
    if (!stats.isFile()) throw new SopsError("malformed", "It is no regular file.");
    if (size > limit) throw new SopsError("too-large", `It has ${size} bytes, more than \`max-file-size\` (${limit}).`);
    return await file.readFile();
  } finally {
    await file.close();
  }
}

const bytesOf = (value: Scalar): Buffer => (value.kind === "bytes" ? value.bytes : Buffer.from(textOf(value)));
const hidesNothing = ({ kind }: Scalar): boolean => kind === "bool" || kind === "null";

// From here on a line of the log takes milliseconds.
const manyMasks = 10_000;
// All forms of so much have 33 times its size, and are held in memory here and by the runner.
const maskableBytes = 10_000_000;

function maskAll(files: readonly OpenedFile[], inputs: Inputs): void {
  const patterns = inputs["no-mask"].map((pattern) => parsePath(pattern, "no-mask"));
  const secrets = files.flatMap(({ documents, encrypted }) => {
    const readable = new Set<unknown>(
      leavesOf(documents)
        .filter(({ path }) => patterns.some((pattern) => matchesPattern(path, pattern)))
        .map(({ value }) => value),
    );
    // Also what stands in the file and is given out nowhere, as a merge leaves it out.
    return [...encrypted]
      .filter((value): value is Scalar => value.kind !== "comment")
      .filter((value) => !hidesNothing(value) && !readable.has(value))
      .map((value) => ({ value, bytes: bytesOf(value) }));
  });
  checkMaskable(secrets, files);
  const forms = secrets.flatMap(({ bytes }) => maskForms(bytes));
  const shortest = inputs["min-mask-length"] ?? 0;
  const masks = forms.filter((form) => form.trim().length >= shortest);
  registerSecrets(masks);
  if (masks.length > manyMasks)
    warning(
      `The runner looks for ${masks.length} masks in every line of the log, which slows the steps that follow. Keep in a file what one job needs, or leave what is no secret unencrypted.`,
    );
}

function checkMaskable(secrets: { value: Scalar; bytes: Buffer }[], files: readonly OpenedFile[]): void {
  const total = secrets.reduce((sum, { bytes }) => sum + bytes.length, 0);
  if (total <= maskableBytes) return;
  const largest = secrets.reduce((a, b) => (b.bytes.length > a.bytes.length ? b : a));
  const { where = "a place that a merge leaves out" } =
    placesOf(files).find(({ value }) => value === largest.value) ?? {};
  throw new UserError(
    `The encrypted values have ${total} bytes, more than can be masked (${maskableBytes}); the largest, of ${largest.bytes.length} bytes, is at ${where}. List it in \`no-mask\` if no step prints it.`,
  );
}

type Place = Omit<Named, "name">;

const placesOf = (files: readonly OpenedFile[]): Place[] =>
  files.flatMap(({ documents, encrypted, path: file }) =>
    leavesOf(documents).map((leaf) => ({
      ...leaf,
      encrypted: encrypted.has(leaf.value),
      where: files.length > 1 ? `${showPath(leaf.path)} (${shown(file)})` : showPath(leaf.path),
    })),
  );

/** For files that leave the action whole. @throws UserError for secrets too short to be masked, unless the user said otherwise */
export const checkWhole = (files: readonly OpenedFile[], inputs: Inputs): void => checkShort(placesOf(files), inputs);

/**
 * The values that leave the action, with their names.
 * @throws UserError for names that are not allowed, and for secrets too short to be masked, unless the user said otherwise
 */
export function nameValues(files: readonly OpenedFile[], inputs: Inputs, kind: Naming["kind"]): Named[] {
  if (!/^[A-Za-z0-9_]*$/.test(inputs.prefix))
    throw new UserError("Input `prefix` holds something else than letters, digits and `_`.");
  const naming: Naming = { prefix: inputs.prefix, case: inputs.case, kind };
  const named = choose(placesOf(files), parseChoices(inputs.keys)).map(({ leaf, as }) => ({
    ...leaf,
    name: as ?? nameOf(leaf.path, naming),
  }));
  checkNames(named, naming);
  checkShort(named, inputs);
  return named;
}

function checkShort(given: readonly Place[], inputs: Inputs): void {
  const patterns = inputs["no-mask"].map((pattern) => parsePath(pattern, "no-mask"));
  const shortest = inputs["min-mask-length"] ?? 0;
  const short = given.filter(
    ({ value, path, encrypted }) =>
      encrypted &&
      !hidesNothing(value) &&
      bytesOf(value).length > 0 &&
      textForLength(value).length < shortest &&
      !patterns.some((pattern) => matchesPattern(path, pattern)),
  );
  if (short.length === 0 || inputs["short-secrets"] === "allow") return;
  const list = `${short
    .slice(0, 20)
    .map(({ where }) => where)
    .join(", ")}${short.length > 20 ? ` and ${short.length - 20} more` : ""}`;
  const said = `${short.length === 1 ? "A value is" : `${short.length} values are`} too short to be masked (fewer than ${shortest} characters), as masking would make the log unreadable: ${list}.`;
  if (inputs["short-secrets"] === "warn") warning(`${said} The log shows them where a step prints them.`);
  else
    throw new UserError(
      `${said} Make them longer; or, if they are no secrets, list them in \`no-mask\`; or set \`short-secrets: allow\`.`,
    );
}

const textForLength = (value: Scalar): string =>
  (value.kind === "bytes" ? value.bytes.toString("latin1") : textOf(value)).trim();

/** A chosen value as text. @throws UserError that names where it stands */
export function textOfNamed({ value, where }: Named): string {
  try {
    const text = textOf(value);
    if (!text.includes("\0")) return text;
  } catch (error) {
    if (error instanceof SopsError) throw new SopsError(error.problem, `The value at ${where} ${error.message}.`);
    throw error;
  }
  throw new UserError(
    `The value at ${where} holds a NUL character, which no variable can hold; write it to a file instead (\`export: file\`).`,
  );
}
