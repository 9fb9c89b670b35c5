/** Encrypted files made by the real `sops`, and the built action started on them as the runner does: main, then post. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { nodeFor } from "@goatnote/rehearsal/node";
import { generateHybridIdentity, generateX25519Identity, identityToRecipient } from "age-encryption";
import { parse } from "yaml";

/** A key pair of age. */
export interface AgeKey {
  identity: string;
  recipient: string;
}

export async function ageKey(kind: "x25519" | "post-quantum" = "x25519"): Promise<AgeKey> {
  const identity = await (kind === "x25519" ? generateX25519Identity() : generateHybridIdentity());
  return { identity, recipient: await identityToRecipient(identity) };
}

/** How a part of the action ended. */
export interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  /** Standard output and errors, with the commands that the runner takes out. */
  raw: string;
  /** What a reader of the log sees before masking: `raw` without the commands that set masks. */
  log: string;
  /** What the runner masks: the values that it was asked to mask, and each line of them. */
  masks: string[];
}

const throughPipe = '"$0" "$1" 2>&1 | "$0" -e "$2" "$3"; exit "${PIPESTATUS[0]}"';
const slowReader = `const { readSync, writeSync } = require("node:fs");
  const chunk = Buffer.alloc(4096);
  for (let length; (length = readSync(0, chunk)) > 0; Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, Number(process.argv[1])))
    for (let at = 0; at < length; ) at += writeSync(1, chunk, at, length - at);`;

type Pairs = Record<string, string>;

/** A workspace, a runner's temporary folder and the runner's files for one step. */
export class Lab {
  readonly root = mkdtempSync(join(tmpdir(), "sops-lab-"));
  readonly workspace = join(this.root, "work");
  readonly temp = join(this.root, "temp");
  private readonly commandFiles = join(this.root, "commands");
  private readonly sops: string;
  private readonly actions: string;

  /** @param actions the folder of built actions; @param sops the real tool */
  constructor(actions: string, sops: string) {
    this.actions = actions;
    this.sops = sops;
    for (const folder of [this.workspace, this.temp, this.commandFiles]) mkdirSync(folder, { recursive: true });
    this.git("init", "--quiet");
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }

  git(...args: string[]): string {
    const identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"];
    return execFileSync("git", [...identity, ...args], { cwd: this.workspace, encoding: "utf8" }).trim();
  }

  /** Writes a file of the workspace. */
  write(path: string, content: string | Uint8Array): string {
    const file = join(this.workspace, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
    return file;
  }

  /** Encrypts a content with the real `sops` under the given name. */
  encrypt(path: string, content: string | Uint8Array, recipients: string, ...options: string[]): Buffer {
    const file = this.write(path, content);
    const encrypted = execFileSync(this.sops, ["encrypt", "--age", recipients, ...options, file], {
      cwd: this.workspace,
      stdio: ["ignore", "pipe", "pipe"],
      maxBuffer: 64 * 1024 * 1024,
    });
    writeFileSync(file, encrypted);
    return encrypted;
  }

  /** The command files of the runner, and what they hold now. */
  private file(name: string): string {
    return join(this.commandFiles, name);
  }

  get outputs(): Pairs {
    return pairsIn(this.file("output"));
  }
  get variables(): Pairs {
    return pairsIn(this.file("env"));
  }
  get state(): Pairs {
    return pairsIn(this.file("state"));
  }
  get summary(): string {
    return existsSync(this.file("summary")) ? readFileSync(this.file("summary"), "utf8") : "";
  }

  /**
   * Starts a part of the action; its process is there to be killed.
   * @param slowly its output goes through a pipe, as the runner's does, to a reader that waits so many milliseconds after 4 KiB
   */
  start(entry: string, inputs: Pairs, env: Pairs = {}, slowly = 0): { child: ChildProcess; ended: Promise<Ended> } {
    const folder = join(this.actions, "sops-decrypt", dirname(entry));
    const metadata = parse(readFileSync(join(folder, "action.yml"), "utf8")) as {
      inputs: Record<string, { default?: string }>;
    };
    const defaults = Object.fromEntries(
      Object.entries(metadata.inputs).map(([name, { default: value = "" }]) => [name, value]),
    );
    for (const name of ["output", "env", "state", "summary", "path"]) {
      rmSync(this.file(name), { force: true });
      writeFileSync(this.file(name), "");
    }
    const argv: [string, ...string[]] = [...nodeFor(entry), join(this.actions, "sops-decrypt", `${entry}.js`)];
    const [program, ...args] =
      slowly > 0 ? (["bash", "-c", throughPipe, ...argv, slowReader, String(slowly)] as const) : argv;
    const child = spawn(program, args, {
      cwd: this.workspace,
      env: {
        PATH: process.env.PATH,
        HOME: process.env.HOME,
        GITHUB_ACTIONS: "true",
        GITHUB_REPOSITORY: "octo/lab",
        GITHUB_EVENT_NAME: "push",
        GITHUB_REF: "refs/heads/main",
        GITHUB_RUN_ID: "17",
        GITHUB_JOB: "deploy",
        GITHUB_WORKSPACE: this.workspace,
        GITHUB_OUTPUT: this.file("output"),
        GITHUB_ENV: this.file("env"),
        GITHUB_STATE: this.file("state"),
        GITHUB_PATH: this.file("path"),
        GITHUB_STEP_SUMMARY: this.file("summary"),
        RUNNER_TEMP: this.temp,
        ...Object.fromEntries(
          Object.entries({ ...defaults, ...inputs }).map(([name, value]) => [`INPUT_${name.toUpperCase()}`, value]),
        ),
        ...env,
      },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const chunks: Buffer[] = [];
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    const ended = new Promise<Ended>((resolve, reject) => {
      child.on("error", reject);
      child.on("close", (code, signal) => resolve(read(code, signal, Buffer.concat(chunks).toString())));
    });
    return { child, ended };
  }

  /** Runs `main` to its end. */
  main(inputs: Pairs, env: Pairs = {}): Promise<Ended> {
    return this.start("main", inputs, env).ended;
  }

  /** Runs `exec` to its end. */
  exec(inputs: Pairs, env: Pairs = {}, slowly = 0): Promise<Ended> {
    return this.start("exec/main", inputs, env, slowly).ended;
  }

  /** Runs the post step, with the state that the step before left. */
  post(entry = "post"): Promise<Ended> {
    const state = Object.entries(this.state).map(([name, value]) => [`STATE_${name}`, value]);
    return this.start(entry, {}, Object.fromEntries(state)).ended;
  }

  /** Every file below the lab, by its path, but for those of git. */
  files(): Map<string, Buffer> {
    const below = readdirSync(this.root, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    const paths = below.map((entry) => join(entry.parentPath, entry.name)).filter((path) => !path.includes("/.git/"));
    return new Map(paths.map((path) => [path.slice(this.root.length + 1), contentOf(path)]));
  }
}

/**
 * What a file holds; nothing when it is gone, since a process that outlives the one that was killed, such as gpg's agent, may
 * remove its files meanwhile. It was there all the same.
 */
function contentOf(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return Buffer.alloc(0);
    throw error;
  }
}

function read(code: number | null, signal: NodeJS.Signals | null, raw: string): Ended {
  const lines = raw.split("\n");
  const mask = (line: string): string | undefined => /^::add-mask::(.*)$/.exec(line)?.[1];
  const unescaped = (text: string): string =>
    text.replaceAll("%0D", "\r").replaceAll("%0A", "\n").replaceAll("%25", "%");
  return {
    code,
    signal,
    raw,
    log: lines.filter((line) => mask(line) === undefined).join("\n"),
    masks: lines
      .flatMap((line) => mask(line) ?? [])
      .map(unescaped)
      .flatMap((value) => [value, ...value.split(/[\r\n]+/).map((part) => part.trim())]),
  };
}

/** https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands#multiline-strings */
function pairsIn(file: string): Pairs {
  if (!existsSync(file)) return {};
  const found = readFileSync(file, "utf8").matchAll(/^([^\n]+?)<<(ghadelimiter_\S+)\n([\s\S]*?)\n?\2$/gm);
  return Object.fromEntries([...found].map(([, name, , value]) => [name, value]));
}
