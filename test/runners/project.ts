/** A small project of a real runner: it is started as `exec` starts it, and its own report says which tests ran. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import type { Execution } from "@goatnote/ci-history";
import { parseTestId } from "@goatnote/ci-history";
import { readReports } from "@goatnote/test-reports";
import { argumentsFor, compiledIn, type Plan, type PlannedTest, type Runner, unitsIn } from "@goatnote/test-selection";

/** Parts of names that a shell, a pattern or a careless list would break at. */
export const hostile = [
  "a b",
  "$(touch canary)",
  "; touch canary ;",
  "it's",
  "日本 тест",
  "née & x",
  "100%",
  "!1",
  "a,b=c",
];

export interface Ended {
  code: number | null;
  log: string;
  /** Names of the tests that the report holds, sorted, each as often as it ran. */
  ran: string[];
}

export class Project {
  readonly folder = realpathSync(mkdtempSync(join(tmpdir(), "runner-")));
  readonly runner: Runner;
  readonly #files: string[];
  readonly #path: string;
  #planned: PlannedTest[] = [];

  /** @param path a folder where the runner's program is, before all others */
  constructor(runner: Runner, files: Record<string, string>, path = dirname(process.execPath)) {
    this.runner = runner;
    this.#path = path;
    this.#files = Object.keys(files);
    for (const [name, content] of Object.entries(files)) {
      mkdirSync(dirname(join(this.folder, name)), { recursive: true });
      writeFileSync(join(this.folder, name), content);
    }
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Installs a package that is somewhere on this machine. */
  link(name: string, from: string): void {
    mkdirSync(join(this.folder, "node_modules"), { recursive: true });
    symlinkSync(join(from, name), join(this.folder, "node_modules", name), "junction");
  }

  /** True when a name was read by a shell. */
  get harmed(): boolean {
    return existsSync(join(this.folder, "canary"));
  }

  /** Runs everything, and remembers which tests there are. */
  async runEverything(): Promise<Ended> {
    const ended = await this.start([]);
    this.#planned = ended.executions.map(({ id, file }) => ({
      ...{ id, file, score: 1, probability: null, chosen: false, p_run: 0, reason: "", duration_ms: 1, place: 0 },
    }));
    return ended;
  }

  /** Where the tests are, by what the report of everything said. */
  get places(): (string | null)[] {
    return [...new Set(this.#planned.map(({ file }) => file))].sort();
  }

  /** What the runner is told by a plan that chooses these tests, by name, and these whole files or folders. */
  told(names: readonly string[], whole: readonly string[] = []): string[] | null {
    const tests = this.#planned.map((test) => ({ ...test, chosen: names.includes(nameOf(test.id)) }));
    const files = whole.map((path) => ({ path, reason: "edited" }));
    const [there, compiled] = [unitsIn, compiledIn].map((of) => new Set(of(this.runner, this.#files)));
    const plan = { mode: "select", run: "chosen", reason: "", shards: 1, tests, files } as unknown as Plan;
    return argumentsFor(plan, this.runner, (path, isWhole) =>
      there!.has(path) || (isWhole && compiled!.has(path)) ? path : null,
    ).args;
  }

  /** Starts the runner on arguments that `told` gave; none run everything. */
  async start(chosen: readonly string[], args: readonly string[] = []): Promise<Ended & { executions: Execution[] }> {
    const report = "report.xml";
    rmSync(join(this.folder, report), { force: true });
    const wanted = { folder: this.folder, command: null, args, report: join(this.folder, report), chosen };
    const { argv, env } = this.runner.start(wanted);
    // The runner under test must not take this one's settings for its own.
    const kept = Object.entries(process.env).filter(([name]) => !/^(?:VITEST|NODE_|TEST$|JEST)/.test(name));
    const PATH = [this.#path, process.env.PATH].join(delimiter);
    const { stdout, stderr, status, error } = spawnSync(argv[0], argv.slice(1), {
      cwd: this.folder,
      encoding: "utf8",
      env: { ...Object.fromEntries(kept), NODE_TEST_CONTEXT: "child-v8", ...env, PATH },
    });
    if (error) throw error;
    const there = existsSync(join(this.folder, report)) ? [report] : [];
    const { executions } = await readReports(there, { root: this.folder, files: this.#files });
    return { code: status, log: stdout + stderr, executions, ran: executions.map(({ id }) => nameOf(id)).sort() };
  }
}

const nameOf = (id: string): string => parseTestId(id).name;
