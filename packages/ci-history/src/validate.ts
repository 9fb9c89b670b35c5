/** A history line is data from strangers: every field is checked, and the run is built anew from the known ones. */
import {
  checkAmount,
  checkCount,
  checkFlag,
  checkInstant,
  checkList,
  checkName,
  checkObject,
  checkPath,
  checkSha,
  checkText,
  checkWord,
  type FieldName,
  type Fields,
  HistoryError,
  type Intern,
  interner,
  isPath,
} from "./checks.ts";
import {
  type Execution,
  type FileChange,
  type ImportDistance,
  type Run,
  type Selection,
  statuses,
  type TextSimilarity,
  trustLevels,
} from "./model.ts";

/** Bytes of one line, which is one run: about a million executions. It bounds what a reader holds in memory. */
export const MAX_LINE_BYTES = 128 * 1024 * 1024;
export const MAX_EXECUTIONS = 1_000_000;
export const MAX_CHANGES = 300_000;
/** Characters of a test id or of its parameters. */
export const MAX_ID_LENGTH = 8192;
export const MAX_PATH_LENGTH = 4096;
/** Characters of the short names: run, job, variant, event, author, branch. */
export const MAX_NAME_LENGTH = 1024;
export const MAX_MESSAGE_LENGTH = 4096;
/** A longer test is a broken clock; a writer stores null for it. */
export const MAX_DURATION_MS = 7 * 24 * 3600 * 1000;
export const MAX_ATTEMPTS = 100_000;
/** Jobs of one matrix; GitHub allows 256. */
const MAX_SHARDS = 10_000;
export const MAX_LINES_CHANGED = 2 ** 31;

/** A clock of 1970 is broken, and no older. */
export const MAX_AGE_DAYS = 100_000;

/** Whether a history takes this as a path. */
export const isRepositoryPath = (path: string): boolean => isPath(path, MAX_PATH_LENGTH);

const selectionModes = ["full", "select", "explore"] as const;
const DIGEST = /^sha256:[0-9a-f]{64}$/;

const isGiven = (value: unknown): boolean => value !== undefined && value !== null;

/**
 * Checks a parsed run and builds it anew: known fields only, always in the same order, so that equal runs are equal
 * bytes. An optional field that is null counts as absent.
 *
 * @param where file and line, for the error.
 * @throws HistoryError that names where, the field, its value and what is allowed.
 */
export function checkRun(value: unknown, where: string, intern: Intern = interner()): Run {
  const from = checkObject(value, where, () => "the line");
  const run: Run = {
    run_id: checkText(from.run_id, MAX_NAME_LENGTH, where, () => "run_id"),
    sha: from.sha === null ? null : checkSha(from.sha, where, () => "sha"),
    started_at: checkInstant(from.started_at, where, () => "started_at"),
    author: from.author === null ? null : checkName(from.author, MAX_NAME_LENGTH, where, () => "author"),
    changes: [],
    tests: [],
  };
  addOptional(run, from, where);
  const changes = checkList(from.changes, MAX_CHANGES, where, () => "changes");
  run.changes = changes.map((change, i) => checkChange(change, i, where, intern));
  const tests = checkList(from.tests, MAX_EXECUTIONS, where, () => "tests");
  run.tests = tests.map((test, i) => checkExecution(test, i, where, intern));
  return run;
}

/** The optional fields of a run, in the order in which they are written. */
function addOptional(run: Run, from: Fields, where: string): void {
  const name = (field: "job" | "variant" | "event" | "branch") => {
    if (isGiven(from[field])) run[field] = checkText(from[field], MAX_NAME_LENGTH, where, () => field);
  };
  const flag = (field: "default_branch" | "report_complete") => {
    if (isGiven(from[field])) run[field] = checkFlag(from[field], where, () => field);
  };
  if (isGiven(from.run_attempt)) {
    run.run_attempt = checkCount(from.run_attempt, 1, MAX_ATTEMPTS, where, () => "run_attempt");
  }
  name("job");
  name("variant");
  name("event");
  name("branch");
  flag("default_branch");
  if (isGiven(from.trust)) run.trust = checkWord(from.trust, trustLevels, where, () => "trust");
  flag("report_complete");
  if (isGiven(from.shards)) run.shards = checkCount(from.shards, 1, MAX_SHARDS, where, () => "shards");
  if (isGiven(from.import_distances)) {
    const list = checkList(from.import_distances, MAX_CHANGES, where, () => "import_distances");
    run.import_distances = list.map((item, i) => checkImportDistance(item, i, where));
  }
  if (isGiven(from.text_similarities)) {
    const list = checkList(from.text_similarities, MAX_CHANGES, where, () => "text_similarities");
    run.text_similarities = list.map((item, i) => checkTextSimilarity(item, i, where));
  }
  if (isGiven(from.selection)) run.selection = checkSelection(from.selection, where);
  if (isGiven(from.origin)) run.origin = checkWord(from.origin, ["mutation"] as const, where, () => "origin");
}

function checkSelection(value: unknown, where: string): Selection {
  const from = checkObject(value, where, () => "selection");
  const digest = from.plan_digest;
  if (typeof digest !== "string" || !DIGEST.test(digest)) {
    throw new HistoryError(`${where}: selection.plan_digest is not "sha256:" and 64 hex digits.`);
  }
  return {
    mode: checkWord(from.mode, selectionModes, where, () => "selection.mode"),
    plan_digest: digest,
    target_recall: checkAmount(from.target_recall, 1, where, () => "selection.target_recall"),
  };
}

function checkImportDistance(value: unknown, index: number, where: string): ImportDistance {
  const at =
    (field: string): FieldName =>
    () =>
      `import_distances[${index}].${field}`;
  const from = checkObject(value, where, () => `import_distances[${index}]`);
  return {
    path: checkPath(from.path, MAX_PATH_LENGTH, where, at("path")),
    distance: checkCount(from.distance, 0, MAX_CHANGES, where, at("distance")),
  };
}

function checkTextSimilarity(value: unknown, index: number, where: string): TextSimilarity {
  const at =
    (field: string): FieldName =>
    () =>
      `text_similarities[${index}].${field}`;
  const from = checkObject(value, where, () => `text_similarities[${index}]`);
  return {
    path: checkPath(from.path, MAX_PATH_LENGTH, where, at("path")),
    similarity: checkAmount(from.similarity, 1, where, at("similarity")),
  };
}

function checkChange(value: unknown, index: number, where: string, intern: Intern): FileChange {
  const at =
    (field: string): FieldName =>
    () =>
      `changes[${index}].${field}`;
  const from = checkObject(value, where, () => `changes[${index}]`);
  const change: FileChange = {
    path: intern(checkPath(from.path, MAX_PATH_LENGTH, where, at("path"))),
    added: checkCount(from.added, 0, MAX_LINES_CHANGED, where, at("added")),
    deleted: checkCount(from.deleted, 0, MAX_LINES_CHANGED, where, at("deleted")),
  };
  if (isGiven(from.decision_delta))
    change.decision_delta = checkCount(
      from.decision_delta,
      -MAX_LINES_CHANGED,
      MAX_LINES_CHANGED,
      where,
      at("decision_delta"),
    );
  if (isGiven(from.age_days)) change.age_days = checkAmount(from.age_days, MAX_AGE_DAYS, where, at("age_days"));
  if (isGiven(from.authors)) change.authors = checkCount(from.authors, 0, MAX_ATTEMPTS, where, at("authors"));
  return change;
}

function checkExecution(value: unknown, index: number, where: string, intern: Intern): Execution {
  const at =
    (field: string): FieldName =>
    () =>
      `tests[${index}].${field}`;
  const from = checkObject(value, where, () => `tests[${index}]`);
  const test: Execution = {
    id: intern(checkName(from.id, MAX_ID_LENGTH, where, at("id"))),
    file: from.file === null ? null : intern(checkPath(from.file, MAX_PATH_LENGTH, where, at("file"))),
    status: checkWord(from.status, statuses, where, at("status")),
    duration_ms:
      from.duration_ms === null ? null : checkAmount(from.duration_ms, MAX_DURATION_MS, where, at("duration_ms")),
  };
  if (test.id === "") throw new HistoryError(`${where}: tests[${index}].id is empty; a test needs an identity.`);
  if (isGiven(from.attempt)) test.attempt = checkCount(from.attempt, 1, MAX_ATTEMPTS, where, at("attempt"));
  if (isGiven(from.param)) test.param = intern(checkName(from.param, MAX_ID_LENGTH, where, at("param")));
  if (isGiven(from.variant)) test.variant = intern(checkName(from.variant, MAX_NAME_LENGTH, where, at("variant")));
  if (isGiven(from.p_run)) test.p_run = checkAmount(from.p_run, 1, where, at("p_run"));
  if (isGiven(from.message)) test.message = checkName(from.message, MAX_MESSAGE_LENGTH, where, at("message"));
  return test;
}

/**
 * Reads one line of a history file.
 *
 * @param where file and line, for the error.
 * @throws HistoryError as {@link checkRun}, and where the line is no JSON.
 */
export function parseRun(line: string, where: string, intern: Intern = interner()): Run {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (cause) {
    throw new HistoryError(`${where}: the line is not JSON; a history file has one JSON object per line.`, { cause });
  }
  return checkRun(value, where, intern);
}

/** The line of a run without its newline: checked, in a fixed order of fields. Throws as {@link checkRun}. */
export function formatRun(run: Run, where: string): string {
  const line = JSON.stringify(checkRun(run, where));
  if (Buffer.byteLength(line) >= MAX_LINE_BYTES) {
    throw new HistoryError(
      `${where}: the run takes more than ${MAX_LINE_BYTES >> 20} MiB as a line; store fewer tests.`,
    );
  }
  return line;
}
