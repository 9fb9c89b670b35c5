/** The seam where formats of reports plug in: each recognises its files and turns them into executions. */
import type { Execution } from "@goatnote/ci-history";
import { junit } from "./junit.ts";
import type { FileResolver } from "./resolve-file.ts";
import type { TimeUnit } from "./time.ts";

export type IncludeMessages = "none" | "type" | "first-line";

/** Bounds on what is read and kept. Over them a file is read in part, and is said to be incomplete. */
export interface Limits {
  /** Bytes of one report. */
  fileBytes: number;
  /** Executions of all reports of one reading. */
  executions: number;
  /** Nested suites that are told apart. */
  depth: number;
  /** Characters of one tag. */
  tag: number;
  /** Characters of a test's name, and of its class path. */
  name: number;
  /** Characters of a message. */
  message: number;
  /** Warnings per report. */
  warnings: number;
}

export const defaultLimits: Limits = {
  fileBytes: 512 * 2 ** 20,
  executions: 2_000_000,
  depth: 256,
  tag: 2 ** 20,
  name: 2000,
  message: 4096,
  warnings: 100,
};

/** What a format is given with each report. */
export interface ReadContext {
  /** Of the report: relative to the root where it lies inside, with forward slashes. */
  path: string;
  /** When the report was written, in ms since 1970; null when not known. */
  written: number | null;
  root: string;
  resolver: FileResolver;
  timeUnit: "auto" | TimeUnit;
  variant?: string | undefined;
  includeMessages: IncludeMessages;
  limits: Limits;
  warn(message: string, line?: number): void;
  /** Takes a case's executions, the last attempt last, in the order of the report. */
  emit(attempts: Execution[], repeats: Repeats): void;
}

/**
 * What a second case with the same identity in one report is: `"ordinal"`, another test, told apart by `#2`;
 * `"attempt"`, the same test run again, by a runner that also reports tests beside their subtests; `"teardown"`, the same execution, that also failed in its teardown.
 */
export type Repeats = "ordinal" | "attempt" | "teardown";

/** What became of a report. */
export interface ReadOutcome {
  /** False where the report ends too early or is cut at a limit. */
  complete: boolean;
  /** Why this is no report, when it holds no case. */
  invalid?: string;
}

export interface ReportFormat {
  name: string;
  /** Whether a report that begins with these bytes (up to 4 kB) is in this format. */
  sniff(head: Uint8Array, path: string): boolean;
  /** Reads a report to its end; a chunk of the stream may be overwritten once the next is asked for. */
  read(stream: AsyncIterable<Uint8Array>, context: ReadContext): Promise<ReadOutcome>;
}

/** In the order in which `auto` asks them. */
export const formats: readonly ReportFormat[] = [junit];
