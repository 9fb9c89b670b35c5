/** Segments: what one job appends to a store, and where it lies there. */
import { createHash } from "node:crypto";
import { constants, zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { HistoryError, type Intern, interner } from "./checks.ts";
import { zstdParams } from "./compression.ts";
import type { Run } from "./model.ts";
import { formatRun, MAX_LINE_BYTES, parseRun } from "./validate.ts";

/** Bytes of a segment as it is stored: what is larger is not read. */
export const MAX_SEGMENT_BYTES = 64 * 1024 * 1024;

const SAFE_RUN_ID = /^[0-9A-Za-z][0-9A-Za-z_.]{0,63}$/;
const SEGMENT =
  /^v1\/(fork\/|branch\/[0-9a-f]{16}\/)?(\d{4})\/(0[1-9]|1[0-2])\/([0-9A-Za-z][0-9A-Za-z_.]{0,63})-([1-9]\d{0,5})(?:-([0-9a-f]{16}))?\.ndjson\.zst$/;

/** What the path of a segment tells. */
export interface SegmentName {
  /** Whose run it was: empty for the default branch, else `fork/` or what {@link branchFolder} gives. */
  folder: string;
  /** `yyyy/mm` */
  month: string;
  run: string;
  attempt: number;
  /** Absent where the file holds all jobs of the run. */
  job?: string;
}

/** 16 hex digits that tell the jobs of one run apart, from job and variant. */
export function jobHash(run: Pick<Run, "job" | "variant">): string {
  const text = JSON.stringify([run.job ?? "", run.variant ?? ""]);
  return createHash("sha256").update(text).digest("hex").slice(0, 16);
}

/**
 * Path of one job's segment: `v1/<yyyy>/<mm>/<run>-<attempt>-<job hash>.ndjson.zst` for a run of the default branch,
 * and in a folder of its own below `v1/` for those of other branches and of forks, so that who learns from the default
 * branch reads nothing else, however many pull requests there are. Equal jobs, equal paths.
 */
export function segmentPath(run: Run): string {
  return `${runPrefix(run)}-${jobHash(run)}.ndjson.zst`;
}

/** Path of the file that holds all jobs of the run: `v1/<yyyy>/<mm>/<run>-<attempt>.ndjson.zst`. */
export function runPath(run: Run): string {
  return `${runPrefix(run)}.ndjson.zst`;
}

/** The folder of a branch's runs, below `v1/`: `branch/<hash of the name>/`. */
export function branchFolder(branch: string): string {
  return `branch/${createHash("sha256").update(branch).digest("hex").slice(0, 16)}/`;
}

function folderOf({ trust = "push", default_branch: isDefault = true, branch = "" }: Run): string {
  if (trust === "fork") return "fork/";
  return trust === "push" && isDefault ? "" : branchFolder(branch);
}

function runPrefix(run: Run): string {
  // Ids of other CI systems may hold anything; a path may not.
  const id = SAFE_RUN_ID.test(run.run_id)
    ? run.run_id
    : `h${createHash("sha256").update(run.run_id).digest("hex").slice(0, 16)}`;
  return `v1/${folderOf(run)}${run.started_at.slice(0, 4)}/${run.started_at.slice(5, 7)}/${id}-${run.run_attempt ?? 1}`;
}

/** What the path of a segment tells; null for any other path. */
export function parseSegmentPath(path: string): SegmentName | null {
  const match = SEGMENT.exec(path);
  if (!match) return null;
  const [, folder = "", year, month, run, attempt, job] = match;
  return { folder, month: `${year}/${month}`, run: run!, attempt: Number(attempt), ...(job && { job }) };
}

/** One job's run as it is stored: a line of NDJSON in one zstd frame with checksum. Equal runs give equal bytes. */
export function encodeSegment(run: Run): Buffer {
  return encodeRuns([run]);
}

/** As {@link encodeSegment}, for the jobs of one run. Throws HistoryError for a run that readers would refuse. */
export function encodeRuns(runs: Run[]): Buffer {
  const text = Buffer.from(runs.map((run) => `${formatRun(run, `run ${run.run_id}`)}\n`).join(""));
  if (text.length > MAX_LINE_BYTES) throw tooLarge("the segment", MAX_LINE_BYTES);
  return zstdCompressSync(text, { params: { ...zstdParams, [constants.ZSTD_c_contentSizeFlag]: 1 } });
}

const tooLarge = (where: string, bytes: number) =>
  new HistoryError(`${where}: more than ${bytes >> 20} MiB; store fewer tests per job.`);

/** The run of a segment. Throws as {@link decodeRuns}, and where there is not exactly one. */
export function decodeSegment(bytes: Uint8Array, where: string): Run {
  const runs = decodeRuns(bytes, where);
  if (runs.length !== 1) throw new HistoryError(`${where}: holds ${runs.length} runs; a segment holds one.`);
  return runs[0]!;
}

/**
 * The runs of a segment. It is data from strangers: bounded in size, packed and unpacked, and checked field by field.
 *
 * @throws HistoryError that names where, line and field, also for a damaged, cut or padded frame.
 */
export function decodeRuns(bytes: Uint8Array, where: string, intern: Intern = interner()): Run[] {
  if (bytes.length > MAX_SEGMENT_BYTES) throw tooLarge(where, MAX_SEGMENT_BYTES);
  const lines = unpack(bytes, where).split("\n");
  if (lines.pop() !== "") throw new HistoryError(`${where}: the last line has no end.`);
  return lines.map((line, i) => parseRun(line, `${where}:${i + 1}`, intern));
}

function unpack(bytes: Uint8Array, where: string): string {
  let text: Buffer;
  let used: number;
  try {
    // `info` is not in the types yet; it tells how many bytes the frame took, since Node passes over what follows it.
    const options = { maxOutputLength: MAX_LINE_BYTES, info: true };
    const result = zstdDecompressSync(bytes, options) as unknown as {
      buffer: Buffer;
      engine: { bytesWritten: number };
    };
    text = result.buffer;
    used = result.engine.bytesWritten;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE") throw tooLarge(where, MAX_LINE_BYTES);
    throw new HistoryError(`${where}: not a whole zstd frame (${(cause as Error).message}).`, { cause });
  }
  if (used !== bytes.length) throw new HistoryError(`${where}: ${bytes.length - used} bytes follow the zstd frame.`);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(text);
  } catch (cause) {
    throw new HistoryError(`${where}: not UTF-8.`, { cause });
  }
}
