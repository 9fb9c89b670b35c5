/** git as a program that answers questions: no prompt, no hook, no pager, no code of the repository. */
import { type RunOptions, type RunResult, redact, run, SubprocessError } from "@goatnote/action-io";

/** A question that git could not answer; the message says why and, where it is known, what to do. */
export class GitError extends Error {
  override name = "GitError";
  /** The message is meant for the user. */
  readonly foreseen = true;
}

const HARMLESS = [
  "--no-pager",
  ...["core.quotepath=off", "core.fsmonitor=false", "core.hooksPath=/dev/null", "gc.auto=0", "maintenance.auto=false"],
  ...["protocol.ext.allow=never", "diff.orderFile=/dev/null", "log.showSignature=false"],
].flatMap((option) => (option.startsWith("--") ? [option] : ["-c", option]));

// What the job sets for its own git must not lead ours elsewhere.
const ENVIRONMENT = {
  GIT_TERMINAL_PROMPT: "0",
  GIT_OPTIONAL_LOCKS: "0",
  GCM_INTERACTIVE: "never",
  GIT_PAGER: "cat",
  LC_ALL: "C",
  GIT_DIR: undefined,
  GIT_WORK_TREE: undefined,
  GIT_INDEX_FILE: undefined,
  GIT_OBJECT_DIRECTORY: undefined,
  GIT_ALTERNATE_OBJECT_DIRECTORIES: undefined,
  GIT_NO_REPLACE_OBJECTS: "1",
  GIT_EXTERNAL_DIFF: undefined,
  GIT_DIFF_OPTS: undefined,
  GIT_TRACE: undefined,
};

const MAX_OUTPUT = 512 * 1024 * 1024;
const TIMEOUT_MS = 120_000;

export type Asked = Pick<RunOptions, "input" | "encoding" | "env" | "maxOutput">;

/** Runs git in `repo` and gives back how it ended, whatever that was. Throws GitError where git cannot be run. */
export async function tryGit(repo: string, args: readonly string[], asked: Asked = {}): Promise<RunResult> {
  try {
    const limits = { timeoutMs: TIMEOUT_MS, maxOutput: MAX_OUTPUT, check: false };
    const options = { cwd: repo, ...limits, ...asked, env: { ...ENVIRONMENT, ...asked.env } };
    return await run(["git", ...HARMLESS, ...args], options);
  } catch (error) {
    if (error instanceof SubprocessError) throw new GitError(error.message, { cause: error });
    throw error;
  }
}

/** Standard output of git in `repo`; bytes that are not UTF-8 are U+FFFD. Throws GitError where git fails. */
export async function git(repo: string, args: readonly string[], asked: Asked = {}): Promise<string> {
  const result = await tryGit(repo, args, asked);
  if (result.code === 0) return result.stdout;
  throw new GitError(explain(repo, args[0]!, result));
}

/** Why git failed, in one sentence without credentials, with the fix where it is known. */
export function explain(repo: string, command: string, { stderr, code, signal }: RunResult): string {
  if (stderr.includes("dubious ownership")) {
    return `git refuses ${repo}, since another user owns it; run \`git config --global --add safe.directory ${repo}\` in the job.`;
  }
  if (stderr.includes("not a git repository")) return `${repo} is not a git repository; run actions/checkout first.`;
  const told = stderr.split("\n").filter((line) => /^(fatal|error):/.test(line));
  const why = told.at(-1) ?? stderr.trim().split("\n").at(-1) ?? "";
  return withoutCredentials(
    `git ${command} failed (${signal ?? `exit code ${code}`})${why ? `: ${why}` : ""}`.slice(0, 500),
  );
}

/** The text with known secrets, and with user and password of each URL, taken out. */
export function withoutCredentials(text: string): string {
  return redact(text.replace(/\b([a-z][a-z0-9+.-]*:\/\/)[^\s/'"]*@/gi, "$1"));
}

const COMMIT = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;
const REF = /^(?:HEAD|refs\/[0-9A-Za-z_][0-9A-Za-z_./+@-]*)$/;

/** True for the full id of a commit. Nothing else reaches git's command line as one, so that none can be an option. */
export const isCommitId = (text: string): boolean => COMMIT.test(text);

/** The full id of a commit, as it is. Throws GitError for anything else. */
export function commitId(text: string): string {
  if (isCommitId(text)) return text;
  throw new GitError(`${JSON.stringify(text.slice(0, 80))} is not the full id of a commit.`);
}

/** A commit id, `HEAD` or a full ref, as it is. Throws GitError for anything else. */
export function commitish(text: string): string {
  if (isCommitId(text) || (REF.test(text) && !text.includes(".."))) return text;
  throw new GitError(
    `${JSON.stringify(text.slice(0, 80))} is neither the full id of a commit, nor HEAD, nor a ref in refs/.`,
  );
}
