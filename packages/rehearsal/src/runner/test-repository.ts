import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type Backend, startBackend } from "../backend/backend.ts";
import { type RehearsalOptions, type RehearsalResult, rehearse } from "./rehearse.ts";

/** A git repository with one commit of these files, and a folder of actions beside it. For tests. */
export class TestRepository {
  readonly folder = mkdtempSync(join(tmpdir(), "repository-"));
  readonly actions = mkdtempSync(join(tmpdir(), "actions-"));
  readonly backend: Backend;

  private constructor(backend: Backend) {
    this.backend = backend;
    this.git("init", "--quiet", "--initial-branch", "main");
  }

  static async make(): Promise<TestRepository> {
    return new TestRepository(await startBackend({ repository: "octo/lab" }));
  }

  /** Stops the back end and leaves nothing behind. */
  async close(): Promise<void> {
    await this.backend.close();
    for (const folder of [this.folder, this.actions]) rmSync(folder, { recursive: true, force: true });
  }

  git(...args: string[]): string {
    const author = ["-c", "user.name=Octo", "-c", "user.email=octo@example.org"];
    return execFileSync("git", ["-C", this.folder, ...author, ...args], { encoding: "utf8" }).trim();
  }

  /** Commits files on the current branch. @returns the commit */
  commit(files: Record<string, string>): string {
    write(this.folder, files);
    this.git("add", "--all");
    this.git("commit", "--quiet", "--allow-empty", "--message", "Change");
    return this.git("rev-parse", "HEAD");
  }

  /** Adds files to the actions folder: `name/action.yml` and what it runs. */
  publish(files: Record<string, string>): void {
    write(this.actions, files);
  }

  /** Commits the workflow and rehearses it on a push to main, unless told otherwise. */
  async run(workflow: string, options: Partial<RehearsalOptions> = {}): Promise<RehearsalResult> {
    const sha = options.sha ?? this.commit({ ".github/workflows/test.yml": workflow });
    return rehearse({
      workflow: ".github/workflows/test.yml",
      repository: this.folder,
      event: { name: "push", payload: {} },
      ref: "refs/heads/main",
      backend: this.backend,
      actions: this.actions,
      ...options,
      sha,
    });
  }
}

function write(folder: string, files: Record<string, string>): void {
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
}
