/** The built action on this machine, as the runner starts it: main, then post with its state, against a back end of caches. */
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { type Backend, startBackend } from "@goatnote/rehearsal";
import { nodeFor } from "@goatnote/rehearsal/node";
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

interface JobOptions {
  event?: string;
  env?: Record<string, string>;
  /** Of the event, unless that is a pull request. */
  payload?: object;
  /** A folder that comes first on PATH. */
  path?: string;
  /** The number of the user who runs the job; the lab's folder must be open to it. */
  user?: number;
  /** Whether that user may become root by sudo without a password, as on a hosted runner. Changes nothing of this machine. */
  sudo?: boolean;
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
   */
  async job(
    inputs: Record<string, string>,
    { event = "push", env = {}, payload = {}, path = "", user, sudo = false }: JobOptions = {},
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
      ...(user !== undefined && { XDG_CACHE_HOME: file("home/.cache") }),
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
    if (user !== undefined) execFileSync("chown", ["-R", String(user), folder]);
    const start = async (entry: string, more: Record<string, string>) => {
      const [first = "", ...rest] = [
        ...(sudo ? withSudo(user) : []),
        ...asUser(user, this.#program),
        ...nodeFor(action),
        join(action, entry),
      ];
      const child = spawn(first, rest, {
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

/** Starts a program where a user may use sudo: in a mount namespace with a file of sudoers of its own. */
const withSudo = (user = 0): string[] => [
  ...["unshare", "--mount", "bash", "-euc"],
  'mount -t tmpfs -o mode=755 none /etc/sudoers.d; echo "$0" > /etc/sudoers.d/lab; chmod 440 /etc/sudoers.d/lab; exec "$@"',
  `#${user} ALL=(ALL) NOPASSWD: ALL`,
];

const mayRead = ([setpriv = "", ...words]: string[], program: string): boolean =>
  spawnSync(setpriv, [...words, "test", "-x", program]).status === 0;

/** Starts a program as another user. Where that one may not read the folder of `program`, it may do that much. */
export function asUser(user: number | undefined, program: string): string[] {
  if (user === undefined) return [];
  const words = ["setpriv", `--reuid=${user}`, `--regid=${user}`, "--clear-groups"];
  return mayRead(words, program) ? words : [...words, "--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"];
}

/** A summary as its reader sees it: code in backticks, and no entities. */
export const readable = (summary: string): string =>
  summary.replace(/<\/?code>/g, "`").replace(/&#(\d+);/g, (_, number: string) => String.fromCharCode(Number(number)));
