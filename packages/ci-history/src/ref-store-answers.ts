/** What the answers of git and of the host mean for a ref store, and what to do about each. */
import { HistoryError } from "./checks.ts";

/** How a push ended: only where it `raced` was another writer faster, and only where it `failed` may a second try help. */
export type PushOutcome = { kind: "done" | "raced" } | { kind: "denied" | "refused" | "failed"; reason: string };

interface Answer {
  code: number | null;
  stdout: Uint8Array;
  stderr: string;
}

const RACED = /lock|old value|already exists|failed to update|stale info|fetch first|non-fast-forward/i;
const NO_ACCESS =
  /returned error: 40[134]|HTTP 40[134]|Authentication failed|could not read Username|Permission .*denied|not granted|repository .*not found|access denied/i;

/** https://git-scm.com/docs/git-push#_output: a ref that was not updated has a line that begins with `!`. */
export function pushOutcome({ code, stdout, stderr }: Answer): PushOutcome {
  if (code === 0) return { kind: "done" };
  const [, kind, reason = ""] =
    /^!\t[^\t]*\t\[([a-z ]+)\] ?(?:\((.*)\))?/m.exec(Buffer.from(stdout).toString("utf8")) ?? [];
  if (kind === "rejected" || (kind === "remote rejected" && RACED.test(reason))) return { kind: "raced" };
  if (kind === "remote rejected") return { kind: "refused", reason };
  return { kind: NO_ACCESS.test(stderr) ? "denied" : "failed", reason: lastWords(stderr) };
}

/** The error of a ref that cannot be read. */
export function readFailure(ref: string, { stderr, code }: Pick<Answer, "stderr" | "code">): HistoryError {
  const why = lastWords(stderr) || `git ended with ${code ?? "a signal"}`;
  const advice = NO_ACCESS.test(stderr) ? " Give the job `permissions: contents: read`." : "";
  return new HistoryError(`The store at ${ref} could not be read: ${why}.${advice}`);
}

/** The error of a ref that cannot be written, with the way out. */
export function writeFailure(ref: string, outcome: PushOutcome, tries: number): HistoryError {
  const could = `The store at ${ref} could not be written`;
  switch (outcome.kind) {
    case "denied":
      return new HistoryError(
        `${could}: the token may not push (${outcome.reason}). Give this job \`permissions: contents: write\`.`,
      );
    case "refused":
      return new HistoryError(
        ref.startsWith("refs/heads/")
          ? `${could}: the host refused the push (${outcome.reason}). Let its rules for this branch allow pushes of this token, or name another branch.`
          : `${could}: the host refused this ref (${outcome.reason}). Set \`store: branch\`, which keeps the same files on a branch.`,
      );
    case "failed":
      return new HistoryError(`${could}: ${outcome.reason}.`);
    default:
      return new HistoryError(`${could}: other writers were faster ${tries} times.`);
  }
}

function lastWords(stderr: string): string {
  const told = stderr.split("\n").filter((line) => /^(fatal|error|remote):/.test(line));
  const cause = told.find((line) => line.startsWith("fatal:")) ?? told.at(-1) ?? stderr.trim().split("\n").at(-1) ?? "";
  return cause.trim().slice(0, 300).replace(/\.$/, "");
}
