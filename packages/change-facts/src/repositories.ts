/** Real repositories for tests. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { run } from "@goatnote/action-io";
import { onTestFinished } from "vitest";

// The machine's own configuration must not change what a test sees.
const env = {
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_AUTHOR_NAME: "Ada",
  GIT_AUTHOR_EMAIL: "ada@example.org",
  GIT_COMMITTER_NAME: "Ada",
  GIT_COMMITTER_EMAIL: "ada@example.org",
};

/** A repository, and how to work in it. */
export interface Repository {
  path: string;
  git(...args: string[]): Promise<string>;
  /** Commits all that is in the work tree; gives back the commit's id. */
  commit(message: string, by?: { date: string; author: string }): Promise<string>;
}

/** A new folder that is removed when the test ends. */
export async function newFolder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "change-facts-"));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  return path;
}

function repositoryAt(path: string): Repository {
  const git = async (...args: string[]) => (await run(["git", ...args], { cwd: path, env })).stdout.trim();
  const commit = async (message: string, by?: { date: string; author: string }) => {
    await git("add", "--all");
    const who = by && { GIT_AUTHOR_NAME: by.author, GIT_AUTHOR_DATE: by.date, GIT_COMMITTER_DATE: by.date };
    const args = ["commit", "--quiet", "--allow-empty", "--message", message];
    await run(["git", ...args], { cwd: path, env: { ...env, ...who } });
    return git("rev-parse", "HEAD");
  };
  return { path, git, commit };
}

/** An empty repository with the branch `main`. */
export async function newRepository(): Promise<Repository> {
  const repository = repositoryAt(await newFolder());
  await repository.git("init", "--quiet", "--initial-branch=main");
  return repository;
}

/** A clone as actions/checkout makes it: one commit deep, of one ref. */
export async function shallowClone(origin: Repository, ref: string, depth = 1): Promise<Repository> {
  const clone = await newRepository();
  await clone.git("remote", "add", "origin", pathToFileURL(origin.path).href);
  await clone.git("fetch", "--quiet", "--no-tags", `--depth=${depth}`, "origin", `+${ref}:refs/remotes/origin/it`);
  await clone.git("checkout", "--quiet", "--detach", "refs/remotes/origin/it");
  return clone;
}
