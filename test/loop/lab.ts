/** A project on this machine whose CI is one of the examples: commits and pull requests are rehearsed, and what they did is read back. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { parseTestId, type Run } from "@goatnote/ci-history";
import { type Backend, type RehearsalOptions, type RehearsalResult, rehearse, startBackend } from "@goatnote/rehearsal";
import { build } from "../../scripts/build.ts";
import { storedRuns } from "../../scripts/stored-files.ts";

export const root = join(import.meta.dirname, "../..");
const repository = "octo/lab";

/** An example as its readers copy it, with the few words changed that a short history needs. */
export function example(
  name: string,
  changes: Record<string, string> = {},
  always: Record<string, string> = { "target-recall: 0.95": "target-recall: 0.5\n          explore: 0" },
): string {
  let text = readFileSync(join(root, "workflows-examples", name), "utf8");
  for (const [from, to] of Object.entries({ ...always, ...changes })) {
    if (!text.includes(from)) throw new Error(`${name} no longer says ${JSON.stringify(from)}.`);
    text = text.replaceAll(from, () => to);
  }
  return text;
}

/** What one rehearsal did. */
export class Outcome {
  readonly result: RehearsalResult;
  private readonly backend: Backend;

  constructor(result: RehearsalResult, backend: Backend) {
    this.result = result;
    this.backend = backend;
  }

  get conclusion(): string {
    return this.result.conclusion;
  }

  /** Logs of all jobs, for reading when a test fails. */
  get log(): string {
    return this.result.jobs.map(({ name, log }) => `===== ${name}\n${log}`).join("\n");
  }

  get summary(): string {
    return this.result.jobs.map(({ summary }) => summary).join("\n");
  }

  annotations(kind: "warning" | "error"): string[] {
    return this.result.jobs
      .flatMap(({ annotations }) => annotations)
      .flatMap((each) => (each.kind === kind ? [each.message] : []));
  }

  conclusionOf(job: string): string | undefined {
    return this.result.jobs.find(({ id }) => id === job)?.conclusion;
  }

  /** Outputs of the steps that use an action, one object per job. */
  outputs(action: string): Record<string, string>[] {
    return this.result.jobs
      .flatMap(({ steps }) => steps)
      .filter(({ name }) => name.includes(`goatnote/${action}@`) || name.endsWith(`$/dist/${action}`))
      .map(({ outputs }) => outputs);
  }

  get plan(): Record<string, string> {
    return this.outputs("ml-test-select")[0] ?? {};
  }

  /** The records that this run left for later ones, one per test job. */
  get records(): Run[] {
    return storedRuns(this.backend.state.gitDir!, this.result.runId);
  }

  artifacts(name: RegExp): { name: string; content: Buffer }[] {
    return this.backend.state.artifacts
      .filter((artifact) => artifact.runId === this.result.runId && name.test(artifact.name))
      .map((artifact) => ({ name: artifact.name, content: this.backend.state.blobs.get(artifact.blob)!.content! }));
  }

  /** Names of the tests that were really run, by the reports, sorted; each as often as it ran. */
  get ran(): string[] {
    return this.tests((status) => status !== "not_run");
  }

  get rested(): string[] {
    return this.tests((status) => status === "not_run");
  }

  get failed(): string[] {
    return this.tests((status) => status === "fail" || status === "error");
  }

  private tests(wanted: (status: string) => boolean): string[] {
    return this.records
      .flatMap(({ tests }) => tests)
      .filter(({ status }) => wanted(status))
      .map(({ id, param }) => {
        const { classPath, name } = parseTestId(id);
        return `${[...classPath, name].join(" > ")}${param === undefined ? "" : `[${param}]`}`;
      })
      .sort();
  }
}

export interface PullOptions extends Partial<RehearsalOptions> {
  labels?: string[];
  /** The repository of a fork, owner/name. */
  from?: string;
  branch?: string;
}

/** A repository, a back end that remembers its runs, and the actions as they are built now. */
export class Lab {
  readonly folder: string;
  readonly backend: Backend;
  private readonly actions: string;
  private readonly options: Partial<RehearsalOptions>;
  private pulls = 0;

  private constructor(folder: string, backend: Backend, actions: string, options: Partial<RehearsalOptions>) {
    this.folder = folder;
    this.backend = backend;
    this.actions = actions;
    this.options = options;
  }

  /** @param files of the first commit on main; `.github/workflows/ci.yml` is the workflow */
  static async make(files: Record<string, string>, options: Partial<RehearsalOptions> = {}): Promise<Lab> {
    const folder = mkdtempSync(join(tmpdir(), "lab-"));
    const lab = new Lab(folder, await startBackend({ repository, defaultBranch: "main" }), await build(), options);
    lab.git("init", "--quiet", "--initial-branch=main");
    lab.commit(files);
    return lab;
  }

  async close(): Promise<void> {
    await this.backend.close();
    rmSync(this.folder, { recursive: true, force: true });
  }

  git(...args: string[]): string {
    const author = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "core.quotePath=false"];
    return execFileSync("git", ["-C", this.folder, ...author, ...args], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    }).trim();
  }

  get head(): string {
    return this.git("rev-parse", "HEAD");
  }

  /** Commits on the current branch; a null removes the file. @returns the commit */
  commit(files: Record<string, string | null>): string {
    for (const [name, content] of Object.entries(files)) {
      const path = join(this.folder, name);
      if (content === null) rmSync(path);
      else {
        mkdirSync(dirname(path), { recursive: true });
        writeFileSync(path, content);
      }
    }
    this.git("add", "--all");
    this.git("commit", "--quiet", "--allow-empty", "--message", "Change");
    return this.head;
  }

  read(file: string): string {
    return readFileSync(join(this.folder, file), "utf8");
  }

  /** Commits on main and rehearses the push. */
  async push(files: Record<string, string | null> = {}, options: Partial<RehearsalOptions> = {}): Promise<Outcome> {
    this.git("checkout", "--quiet", "main");
    const first = this.git("rev-list", "--count", "HEAD") === "1" && Object.keys(files).length === 0;
    const before = first ? "0".repeat(40) : this.head;
    const after = first ? this.head : this.commit(files);
    const payload = {
      ref: "refs/heads/main",
      before,
      after,
      repository: { full_name: repository, default_branch: "main" },
    };
    return this.rehearse({ event: { name: "push", payload }, ref: "refs/heads/main", sha: after, ...options });
  }

  /** Commits on a new branch from main and rehearses the pull request, which is not merged. */
  async pull(
    files: Record<string, string | null>,
    { labels = [], from = repository, branch, ...options }: PullOptions = {},
  ): Promise<Outcome> {
    this.git("checkout", "--quiet", "main");
    const base = this.head;
    this.pulls += 1;
    const number = this.pulls;
    this.git("checkout", "--quiet", "-B", branch ?? `change-${number}`);
    const head = this.commit(files);
    this.git("checkout", "--quiet", "main");
    const pull_request = {
      number,
      labels: labels.map((name) => ({ name })),
      base: { ref: "main", sha: base, repo: { full_name: repository } },
      head: { ref: branch ?? `change-${number}`, sha: head, repo: { full_name: from } },
    };
    const payload = {
      action: "opened",
      number,
      pull_request,
      repository: { full_name: repository, default_branch: "main" },
    };
    return this.rehearse({
      event: { name: "pull_request", payload },
      ref: `refs/pull/${number}/merge`,
      sha: head,
      ...options,
    });
  }

  /** Rehearses what a workflow does when another one's run has ended. */
  async ended({ result: { runId, conclusion } }: Outcome, workflow: string): Promise<Outcome> {
    const run = this.backend.state.runs.get(runId)!;
    const workflow_run = {
      id: runId,
      run_attempt: run.attempt,
      name: run.workflow,
      event: run.event,
      head_branch: run.headBranch,
      head_sha: run.sha,
      head_repository: { full_name: run.headRepository },
      actor: { login: run.actor },
      conclusion,
    };
    const payload = {
      action: "completed",
      workflow_run,
      repository: { full_name: repository, default_branch: "main" },
    };
    return this.rehearse({
      event: { name: "workflow_run", payload },
      ref: "refs/heads/main",
      sha: this.head,
      workflow,
    });
  }

  /** Rehearses any event. */
  async rehearse(
    options: Pick<RehearsalOptions, "event" | "ref" | "sha"> & Partial<RehearsalOptions>,
  ): Promise<Outcome> {
    const result = await rehearse({
      workflow: ".github/workflows/ci.yml",
      repository: this.folder,
      backend: this.backend,
      actions: this.actions,
      ...this.options,
      ...options,
    });
    return new Outcome(result, this.backend);
  }
}
