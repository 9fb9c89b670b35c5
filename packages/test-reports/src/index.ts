/** Report files of test runners, read as executions. */
import { constants } from "node:fs";
import { open, realpath } from "node:fs/promises";
import { relative, resolve } from "node:path";
import { type Execution, normalisePath } from "@goatnote/ci-history";
import { chunks } from "./chunks.ts";
import { addTeardown, type Batch, Collector } from "./collect.ts";
import {
  defaultLimits,
  formats,
  type IncludeMessages,
  type Limits,
  type ReadContext,
  type ReportFormat,
} from "./formats.ts";
import { own } from "./own.ts";
import { FileResolver } from "./resolve-file.ts";
import { makeStorable } from "./storable.ts";
import type { TimeUnit } from "./time.ts";

export { addTeardown, type Batch } from "./collect.ts";
export { defaultLimits, formats, type IncludeMessages, type Limits, type ReportFormat } from "./formats.ts";

export interface ReadOptions {
  /** The workspace, absolute; paths in reports become relative to it. */
  root: string;
  /** The files the repository has, relative to `root` with forward slashes; without them reports are believed. */
  files?: readonly string[];
  format?: "auto" | "junit";
  timeUnit?: "auto" | TimeUnit;
  /** Of all executions, such as the matrix leg. */
  variant?: string;
  /** What of a failure's message is kept; messages may hold secrets and personal data. Default: none. */
  includeMessages?: IncludeMessages;
  limits?: Partial<Limits>;
}

export interface ReportWarning {
  path: string;
  /** From 1, where it belongs to a line. */
  line?: number;
  message: string;
}

/** What is known of a reading beside its executions. */
export interface ReportSummary {
  /** How many files were read as reports, those without tests included. */
  reports: number;
  /** Files that no case could be read from. */
  invalid: { path: string; reason: string }[];
  /** At most `limits.warnings` per file; the last one of a file counts those left out. */
  warnings: ReportWarning[];
  /** False where a file was invalid, cut, or over a limit, so that an absent test says nothing. */
  complete: boolean;
  /** What the executions took together, in ms. */
  durationMs: number;
}

export interface ReportResult extends ReportSummary {
  executions: Execution[];
}

/**
 * Executions after which a batch is handed over, once the chunk that they came in is read. Few enough that they die
 * young: with four times as many, V8 doubles its young generation again and the peak is 230 MB instead of 120.
 */
const batchSize = 250;

/**
 * Reads report files. Never throws for what is in them: a broken one is named in `invalid` or `warnings`, the others
 * are read. The order of `paths` does not matter, and a file named twice is read once.
 */
export async function readReports(paths: readonly string[], options: ReadOptions): Promise<ReportResult> {
  const all: Execution[] = [];
  const summary = await streamReports(paths, options, ({ executions, teardowns }) => {
    for (const execution of executions) all.push(execution);
    for (const { index, teardown } of teardowns) addTeardown(all[index]!, teardown);
  });
  return { executions: all, ...summary };
}

/**
 * Reads report files as `readReports` does, and holds none of their executions: they are handed over in batches, as
 * the files are read. Only gotestsum's and go-junit-report's are held to the end of their file.
 * @param take is awaited before more is read.
 */
export async function streamReports(
  paths: readonly string[],
  options: ReadOptions,
  take: (batch: Batch) => void | Promise<void>,
): Promise<ReportSummary> {
  const root = resolve(options.root);
  const resolver = new FileResolver(normalisePath(root), options.files);
  const collector = new Collector();
  const result: ReportSummary = { reports: 0, invalid: [], warnings: [], complete: true, durationMs: 0 };
  let refusal: { reason: unknown } | undefined;
  const give = async () => {
    const batch = collector.give();
    for (const { duration_ms } of batch.executions) result.durationMs += duration_ms ?? 0;
    for (const { teardown } of batch.teardowns) result.durationMs += teardown.duration_ms ?? 0;
    try {
      await take(batch);
    } catch (reason) {
      refusal = { reason };
      throw reason;
    }
  };
  const known = new Set<string>();
  const wanted = paths.map((path) => resolve(root, path)).sort(byText);
  for (const path of wanted) {
    const real = await realpath(path).catch(() => path);
    if (known.has(real)) continue;
    known.add(real);
    const shown = normalisePath(relative(root, path).startsWith("..") ? path : relative(root, path));
    const limits = { ...defaultLimits, ...options.limits };
    const warnings = new Warnings(shown, limits.warnings);
    let left = 0;
    let refused: string | null = null;
    collector.beginReport();
    try {
      const outcome = await readReport(
        real,
        {
          path: shown,
          root: normalisePath(root),
          resolver,
          written: null,
          timeUnit: options.timeUnit ?? "auto",
          variant: options.variant,
          includeMessages: options.includeMessages ?? "none",
          limits,
          warn: (message, line) => warnings.add(message, line),
          emit: (attempts, repeats) => {
            const { file } = attempts[0]!;
            for (const execution of attempts) makeStorable(execution);
            // Once for the tests of one file, which follow each other.
            if (file !== null && attempts[0]!.file === null && file !== refused) {
              refused = file;
              warnings.add(
                `${file || "The root"} is no file of the repository; its tests are kept without a file.`,
                undefined,
              );
            }
            if (collector.size < limits.executions) collector.add(attempts, repeats);
            else left += attempts.length;
          },
        },
        options.format ?? "auto",
        () => (collector.waiting >= batchSize ? give() : undefined),
      );
      collector.endReport();
      result.complete &&= outcome.complete && outcome.invalid === undefined;
      if (outcome.invalid === undefined) result.reports++;
      else result.invalid.push({ path: shown, reason: outcome.invalid });
    } catch (error) {
      // Of who takes the executions, not of the report.
      if (refusal) throw refusal.reason;
      result.complete = false;
      collector.endReport();
      result.invalid.push({ path: shown, reason: reasonOf(error) });
    }
    if (left > 0) {
      result.complete = false;
      warnings.add(`${left} executions over the limit of ${limits.executions} were left out.`, undefined);
    }
    result.warnings.push(...warnings.done());
  }
  await give();
  return result;
}

// `path` is resolved: a link that stands there now was put there since. Without O_NONBLOCK a pipe would be waited for.
// Windows has neither.
const flags = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

async function readReport(
  path: string,
  context: ReadContext,
  wanted: "auto" | string,
  turn: () => Promise<void> | undefined,
) {
  await using file = await open(path, flags);
  const stats = await file.stat();
  if (stats.isDirectory()) return { complete: false, invalid: "It is a folder." };
  if (!stats.isFile()) return { complete: false, invalid: "It is no regular file." };
  const { size, mtimeMs } = stats;
  const head = new Uint8Array(4096);
  const { bytesRead } = await file.read(head, 0, head.length, 0);
  if (bytesRead === 0) return { complete: false, invalid: "It is empty." };
  const format = formats.find(({ name, sniff }) =>
    wanted === "auto" ? sniff(head.subarray(0, bytesRead), path) : name === wanted,
  );
  if (!format) return { complete: false, invalid: `It is in none of the formats that are read (${names(formats)}).` };
  const limit = context.limits.fileBytes;
  const outcome = await format.read(chunks(file, limit, turn), { ...context, written: mtimeMs });
  if (size <= limit) return outcome;
  context.warn(`The report has ${size} bytes; only the first ${limit} were read.`);
  return { ...outcome, complete: false };
}

/** Warnings of one file, bounded. */
class Warnings {
  readonly #path: string;
  readonly #limit: number;
  readonly #kept: ReportWarning[] = [];
  #dropped = 0;

  constructor(path: string, limit: number) {
    this.#path = path;
    this.#limit = limit;
  }

  add(message: string, line: number | undefined): void {
    if (this.#kept.length >= this.#limit) this.#dropped++;
    else this.#kept.push({ path: this.#path, ...(line === undefined ? {} : { line }), message: own(plain(message)) });
  }

  done(): ReportWarning[] {
    if (this.#dropped > 0)
      this.#kept.push({ path: this.#path, message: `${this.#dropped} more warnings are not shown.` });
    return this.#kept;
  }
}

/** Warnings quote reports, and are printed to logs. */
function plain(message: string): string {
  return message.replace(/[\x00-\x1f\x7f-\x9f\u2028\u2029]/g, "\ufffd").slice(0, 500);
}

const byText = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
const names = (list: readonly ReportFormat[]) => list.map(({ name }) => name).join(", ");

function reasonOf(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === "ENOENT") return "There is no such file.";
  if (code === "EISDIR") return "It is a folder.";
  return error instanceof Error ? error.message : String(error);
}
