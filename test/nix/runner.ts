/** The built action on this machine, as the runner starts it: main, then post with its state, against a back end of caches. */
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { type Backend, startBackend } from "@goatnote/rehearsal";
import { parse } from "yaml";
import type { Lab } from "./lab.ts";

export interface Ran {
  code: number | null;
  log: string;
  outputs: Record<string, string>;
  summary: string;
  /** What the following steps get. */
  variables: Record<string, string>;
  artifacts: string;
  /** The log of the post step. */
  post: string;
}

/** A repository with a cache, whose jobs run on a machine with one Nix. */
export class Runner {
  readonly backend: Backend;
  readonly #actions: string;
  readonly #program: string;
  readonly #lab: Lab;

  private constructor(backend: Backend, actions: string, program: string, lab: Lab) {
    this.backend = backend;
    this.#actions = actions;
    this.#program = program;
    this.#lab = lab;
  }

  static async start(actions: string, program: string, lab: Lab): Promise<Runner> {
    return new Runner(await startBackend({ repository: "octo/lab" }), actions, program, lab);
  }

  /**
   * One job with one step. Every job has an empty home and temporary folder.
   * @param inputs beside the defaults of action.yml
   * @param payload of the event, unless that is a pull request
   * @param path a folder that comes first on PATH
   */
  async job(
    inputs: Record<string, string>,
    {
      event = "push",
      env = {},
      payload = {},
      path = "",
    }: { event?: string; env?: Record<string, string>; payload?: object; path?: string } = {},
  ): Promise<Ran> {
    const folder = mkdtempSync(join(this.#lab.folder, "job-"));
    const file = (name: string): string => join(folder, name);
    for (const name of ["home", "temp", "work", "path"]) mkdirSync(file(name));
    for (const name of ["output", "summary", "state", "env", "artifacts", "paths"]) writeFileSync(file(name), "");
    writeFileSync(
      file("event.json"),
      JSON.stringify(
        event === "pull_request"
          ? { pull_request: { number: 1, head: { repo: { full_name: "stranger/lab" } }, base: {} } }
          : payload,
      ),
    );
    const action = join(this.#actions, "nix-hermetic-build/run");
    const metadata = parse(readFileSync(join(action, "action.yml"), "utf8")) as {
      inputs: Record<string, { default: string }>;
    };
    const given = {
      ...Object.fromEntries(Object.entries(metadata.inputs).map(([name, { default: value }]) => [name, value])),
      ...inputs,
    };
    const ref = event === "push" ? "refs/heads/main" : "refs/pull/1/merge";
    const run = this.backend.registerRun({
      workflow: "CI",
      path: ".github/workflows/ci.yml",
      event,
      sha: "a".repeat(40),
      headBranch: "main",
      ref,
      ...(event !== "push" && { baseRef: "main" }),
    });
    writeFileSync(file("path/nix"), `#!/bin/sh\nexec ${this.#program} "$@"\n`, { mode: 0o755 });
    const environment = {
      PATH: [path, file("path"), process.env.PATH].filter(Boolean).join(":"),
      HOME: file("home"),
      ...this.#lab.environment,
      GITHUB_ACTIONS: "true",
      GITHUB_REPOSITORY: "octo/lab",
      GITHUB_EVENT_NAME: event,
      GITHUB_EVENT_PATH: file("event.json"),
      GITHUB_REF: ref,
      GITHUB_RUN_ID: String(run.id),
      GITHUB_JOB: "build",
      GITHUB_WORKSPACE: file("work"),
      GITHUB_OUTPUT: file("output"),
      GITHUB_STEP_SUMMARY: file("summary"),
      GITHUB_STATE: file("state"),
      GITHUB_ENV: file("env"),
      GITHUB_PATH: file("paths"),
      GITHUB_ARTIFACTS: file("artifacts"),
      RUNNER_TEMP: file("temp"),
      ...this.backend.jobEnv({ runId: run.id, job: "build", permissions: { contents: "read" } }),
      ...Object.fromEntries(Object.entries(given).map(([name, value]) => [`INPUT_${name.toUpperCase()}`, value])),
      ...env,
    };
    const start = async (entry: string, more: Record<string, string>) => {
      const child = spawn(process.execPath, [join(action, entry)], {
        cwd: file("work"),
        env: { ...environment, ...more },
        stdio: ["ignore", "pipe", "pipe"],
      });
      const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
      const [out, errors] = await Promise.all([text(child.stdout), text(child.stderr)]);
      return { code: await ended, log: out + errors };
    };
    const main = await start("main.js", {});
    const state = Object.fromEntries(
      Object.entries(pairs(file("state"))).map(([name, value]) => [`STATE_${name}`, value]),
    );
    const post = await start("post.js", state);
    return {
      ...main,
      outputs: pairs(file("output")),
      summary: readFileSync(file("summary"), "utf8"),
      variables: pairs(file("env")),
      artifacts: readFileSync(file("artifacts"), "utf8"),
      post: post.log,
    };
  }
}

/** https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands#multiline-strings */
function pairs(file: string): Record<string, string> {
  const found = readFileSync(file, "utf8").matchAll(/^([\w-]+)<<(\S+)\n([\s\S]*?)\n?\2$/gm);
  return Object.fromEntries([...found].map(([, name, , value]) => [name, value]));
}

/** A summary as its reader sees it: code in backticks, and no entities. */
export const readable = (summary: string): string =>
  summary.replace(/<\/?code>/g, "`").replace(/&#(\d+);/g, (_, number: string) => String.fromCharCode(Number(number)));
