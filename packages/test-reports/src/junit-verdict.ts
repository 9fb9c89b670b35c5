/** How a JUnit case ended, from its children and attributes. */
import type { Status } from "@goatnote/ci-history";
import type { IncludeMessages } from "./formats.ts";
import type { Dialect } from "./junit-dialect.ts";
import { own } from "./own.ts";

/** A `<failure>`, `<error>`, `<flakyFailure>`, `<rerunError>`…: what it says, as far as it is needed. */
export interface Fault {
  kind: "fail" | "error";
  type: string;
  message: string;
  /** The begin of its text; its first line, read only where no attribute holds the message. */
  text: string;
}

export interface Outcome {
  faults: readonly Fault[];
  skipped: { type: string; message: string } | null;
  /** The attributes `status` and `result`, in lower case. */
  status: string;
  result: string;
}

/** How runners say that it was the runner's own time limit, not a message about time in the tested code. */
const timeoutType = /^(?:test timeout|testTimeoutFailure|TestTimeoutError|.*\.TestTimedOutException)$/;
const timeoutMessage =
  /^(?:Error: )?(?:Test timed out in \d+ms|test timed out after \d+ms|Test timeout of \d+ms exceeded|Failed: Timeout (?:\(?>)|thrown: "Exceeded timeout of \d+)|^(?:Failed: )?Timeout >[\d.]+s$/;

const words: Record<string, Status> = {
  disabled: "disabled",
  notrun: "disabled",
  suppressed: "disabled",
  skipped: "skip",
  pending: "skip",
  ignored: "skip",
  fail: "fail",
  failed: "fail",
  failure: "fail",
  error: "error",
  broken: "error",
  timeout: "timeout",
};

export function faultStatus(fault: Fault): Status {
  return timeoutType.test(fault.type) || timeoutMessage.test(fault.message || fault.text) ? "timeout" : fault.kind;
}

/** The status: failure beats skipped beats attributes; a case that says nothing has passed. */
export function statusOf(outcome: Outcome, dialect: Dialect): Status {
  const { faults, skipped } = outcome;
  // node:test runs tests that are to do, and does not count their failures.
  if (dialect === "node" && skipped?.type === "todo") return "todo";
  if (faults.length > 0) {
    const found = faults.map(faultStatus);
    return found.find((status) => status !== "error") ?? "error";
  }
  if (skipped) {
    if (/xfail|expected ?failure/i.test(skipped.type)) return "xfail";
    if (/xpass|unexpected ?success/i.test(skipped.type)) return "xpass";
    if (/^todo$/i.test(skipped.type)) return "todo";
    if (outcome.status === "disabled") return "disabled";
    // ctest writes a test that it could not start as skipped, and fails.
    if (dialect === "ctest" && /^(?:Unable to find executable|Required Files Missing|Fixture)/i.test(skipped.message))
      return "error";
    return "skip";
  }
  const word = (text: string) => (Object.hasOwn(words, text) ? words[text] : undefined);
  // GoogleTest: status says whether it ran, result how it ended; "skipped" is more than "run".
  return word(outcome.result) ?? word(outcome.status) ?? "pass";
}

/** One line without control characters and colours, of at most `limit` characters; undefined when nothing is kept. */
export function messageOf(faults: readonly Fault[], include: IncludeMessages, limit: number): string | undefined {
  const fault = faults[0];
  if (include === "none" || !fault) return undefined;
  const text = include === "type" ? fault.type : fault.message || fault.text;
  const line = text
    .slice(0, limit * 4)
    .replace(/\x1b\[[0-9;:?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)/g, "")
    .split(/[\r\n\u2028\u2029]+/)
    .map((part) => part.replace(/[\s\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]+/g, " ").trim())
    .find((part) => part !== "");
  return line && own(line.slice(0, limit));
}
