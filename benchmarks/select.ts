/**
 * Claim: with a state at hand, a selection takes a fraction of the time that reading its whole history takes, and
 * decides the same. `ml-test-select` as a process, on a history of real size in a ref of a repository on this machine.
 *
 *   node benchmarks/select.ts [runs] [tests] [rounds]
 */
import { execFileSync, spawnSync } from "node:child_process";
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { encodeSegment, HISTORY_REF, type Run, refStore, segmentPath } from "@goatnote/ci-history";
import { keepState } from "@goatnote/test-selection";
import { sampleGit } from "../packages/ci-history/src/ref-store-sample.ts";
import { build } from "../scripts/build.ts";

const [runs = 500, tests = 10_000, rounds = 5] = process.argv.slice(2).map(Number);
const folder = mkdtempSync(join(tmpdir(), "select-"));
const modules = tests / 10;
// The same numbers each time.
let state = 1;
const random = (below: number): number => {
  state = (state * 48271) % 0x7fffffff;
  return state % below;
};

const git = (cwd: string, ...args: string[]): string => {
  const who = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"];
  return execFileSync("git", [...who, ...args], { cwd, encoding: "utf8", maxBuffer: 1 << 28 }).trim();
};

/** The host's repository, a clone with a proposed change, and the commits of both. */
function repositories(): { host: string; workspace: string; base: string; head: string } {
  const [host, workspace] = [join(folder, "octo/lab"), join(folder, "workspace")];
  mkdirSync(workspace);
  git(workspace, "init", "--quiet", "--initial-branch=main");
  for (let at = 0; at < modules; at += 1)
    for (const [below, name] of [
      [`src/part${at % 25}`, `module${at}.py`],
      [`tests/part${at % 25}`, `test_module${at}.py`],
    ] as const) {
      mkdirSync(join(workspace, below), { recursive: true });
      writeFileSync(join(workspace, below, name), `x = ${at}\n`);
    }
  git(workspace, "add", "--all");
  git(workspace, "commit", "--quiet", "--message", "Start");
  const base = git(workspace, "rev-parse", "HEAD");
  mkdirSync(dirname(host));
  git(folder, "clone", "--quiet", "--bare", workspace, host);
  git(host, "config", "uploadpack.allowFilter", "true");
  for (const at of [3, 40, 77]) appendFileSync(join(workspace, `src/part${at % 25}/module${at}.py`), "y = 1\n");
  git(workspace, "commit", "--quiet", "--all", "--message", "Change");
  return { host, workspace, base, head: git(workspace, "rev-parse", "HEAD") };
}

function historyRun(number: number, sha: string): Run {
  const changed = [random(modules), random(modules)];
  const isRed = number % 5 === 0;
  return {
    run_id: String(1_000_000 + number),
    sha,
    started_at: new Date(Date.UTC(2026, 0, 1) + number * 3_600_000).toISOString(),
    author: "ada",
    branch: "main",
    default_branch: true,
    trust: "push",
    changes: changed.map((at) => ({ path: `src/part${at % 25}/module${at}.py`, added: 3, deleted: 1 })),
    tests: Array.from({ length: tests }, (_, test) => {
      const at = Math.floor(test / 10);
      const file = `tests/part${at % 25}/test_module${at}.py`;
      const fails = isRed && changed.includes(at) && test % 10 < 3;
      return { id: `${file}||test_${test % 10}`, file, status: fails ? "fail" : "pass", duration_ms: 5 + (test % 90) };
    }),
  };
}

const { host, workspace, base, head } = repositories();
try {
  const actions = await build();
  const ask = sampleGit(join(folder, "private"));
  const store = refStore(ask, { url: pathToFileURL(host).href, ref: HISTORY_REF });
  for (let first = 0; first < runs; first += 50) {
    const some = Array.from({ length: Math.min(50, runs - first) }, (_, at) => historyRun(first + at, base));
    await store.appendAll(some.map((run) => ({ path: segmentPath(run), bytes: encodeSegment(run) })));
  }

  const event = join(folder, "event.json");
  const about = { full_name: "octo/lab" };
  const pull_request = {
    number: 1,
    labels: [],
    base: { ref: "main", sha: base, repo: about },
    head: { ref: "topic", sha: head, repo: about },
  };
  writeFileSync(event, JSON.stringify({ pull_request, repository: { ...about, default_branch: "main" } }));
  const temp = join(folder, "temp");
  mkdirSync(temp);
  const select = (): { seconds: number; plan: string; read: string } => {
    const started = performance.now();
    const env = {
      PATH: process.env.PATH ?? "",
      HOME: folder,
      GITHUB_REPOSITORY: "octo/lab",
      GITHUB_SERVER_URL: pathToFileURL(folder).href.replace(/\/$/, ""),
      GITHUB_EVENT_NAME: "pull_request",
      GITHUB_EVENT_PATH: event,
      GITHUB_REF: "refs/pull/1/merge",
      GITHUB_HEAD_REF: "topic",
      GITHUB_SHA: head,
      GITHUB_RUN_ID: "9000000",
      GITHUB_WORKSPACE: workspace,
      RUNNER_TEMP: temp,
      INPUT_RUNNER: "pytest",
      INPUT_STORE: "ref",
      "INPUT_TARGET-RECALL": "0.95",
      "INPUT_HISTORY-DEPTH": String(runs),
      INPUT_MODE: "select",
      INPUT_EXPLORE: "0",
      "INPUT_MIN-TESTS": "1",
      INPUT_SHARDS: "1",
    };
    const ended = spawnSync(process.execPath, [join(actions, "ml-test-select/main.js")], { cwd: workspace, env });
    const seconds = (performance.now() - started) / 1000;
    const log = ended.stdout.toString();
    if (ended.status !== 0 || !log.includes(" tests run"))
      throw new Error(`The selection failed:\n${log}${ended.stderr}`);
    const plan = readFileSync(join(temp, "goatnote-test-plan/test-plan.json"), "utf8");
    return { seconds, plan, read: /The history: .*/.exec(log)?.[0] ?? "" };
  };
  const median = (values: number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]!;
  const measure = () => Array.from({ length: rounds }, select);

  console.log(`${runs} runs of ${tests} tests; ml-test-select as a process, median of ${rounds}`);
  const cold = measure();
  console.log(`cold: ${median(cold.map(({ seconds }) => seconds)).toFixed(2)} s  (${cold[0]!.read})`);
  await keepState(store, { depth: runs });
  const warm = measure();
  console.log(`warm: ${median(warm.map(({ seconds }) => seconds)).toFixed(2)} s  (${warm[0]!.read})`);
  if (new Set([...cold, ...warm].map(({ plan }) => plan)).size > 1) throw new Error("The plans differ.");
  const ratio = median(warm.map(({ seconds }) => seconds)) / median(cold.map(({ seconds }) => seconds));
  console.log(`ratio warm to cold: ${ratio.toFixed(3)}; all ${2 * rounds} plans are the same, byte for byte`);
} finally {
  rmSync(folder, { recursive: true });
}
