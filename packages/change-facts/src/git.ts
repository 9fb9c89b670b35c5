/** git, asked in a way that no repository, configuration or file name can turn into something else. */
import { run, SubprocessError } from "@goatnote/action-io";

/** Something git said no to, without credentials. */
export class GitError extends Error {
  override name = "GitError";
}

// Nothing asks, pages, translates or runs a program that the repository names.
const environment = {
  GIT_TERMINAL_PROMPT: "0",
  GIT_OPTIONAL_LOCKS: "0",
  GIT_PAGER: "cat",
  LC_ALL: "C",
  GIT_EXTERNAL_DIFF: undefined,
};
const settings = [
  "-c",
  "core.quotepath=off",
  "-c",
  "core.fsmonitor=false",
  "-c",
  "core.hooksPath=/dev/null",
  "-c",
  "protocol.ext.allow=never",
];

/** Runs git in a repository and returns what it prints. */
export async function git(repository: string, args: readonly string[], timeoutMs = 120_000): Promise<string> {
  try {
    const { stdout } = await run(["git", ...settings, ...args], {
      cwd: repository,
      env: environment,
      timeoutMs,
      maxOutput: 512 * 1024 * 1024,
    });
    return stdout;
  } catch (error) {
    if (!(error instanceof SubprocessError)) throw error;
    const message = error.message.includes("dubious ownership")
      ? `git refuses ${repository}, which another user owns; run: git config --global --add safe.directory ${repository}`
      : error.message;
    throw new GitError(message, { cause: error });
  }
}

const sha = /^[0-9a-f]{40}([0-9a-f]{24})?$/;

/** True for a full commit id that is not all zeros. */
export const isSha = (text: string): boolean => sha.test(text) && !/^0+$/.test(text);

/** True when the commit is in this clone. */
export async function hasCommit(repository: string, commit: string): Promise<boolean> {
  return git(repository, ["cat-file", "-e", `${commit}^{commit}`]).then(
    () => true,
    () => false,
  );
}
