/** The stores `ref` and `branch` in the actions' hands: what jobs leave, what `record` appends, what readers get. */
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readContext, type WorkflowContext } from "@goatnote/action-io";
import { decodeSegment, type Run, segmentPath } from "@goatnote/ci-history";
import { type Backend, type Run as BackendRun, type Permissions, startBackend } from "@goatnote/rehearsal";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { leaveSegment, openHistory, recordRun, whyUnwritable } from "./history.ts";
import { type StoreInputs, storeContradictions } from "./inputs.ts";

// The real clients read the environment of the process, so this file has one of its own.
let backend: Backend;
let temp: string;
let host: string;
let sha: string;
const recorder: Permissions = { actions: "read", contents: "write" };

beforeAll(() => {
  vi.spyOn(process.stdout, "write").mockReturnValue(true); // the client prints a line per request
});
beforeEach(async () => {
  backend = await startBackend({ repository: "octo/lab", visibility: "private" });
  temp = mkdtempSync(join(tmpdir(), "record-"));
  host = join(temp, "host");
  execFileSync("git", ["init", "--quiet", "--bare", host]);
  sha = commitOn("main");
  backend.state.gitDir = host;
});
afterEach(async () => {
  await backend.close();
  rmSync(temp, { recursive: true, force: true });
  for (const name of Object.keys(process.env)) if (/^(ACTIONS|GITHUB)_/.test(name)) delete process.env[name];
});
afterAll(() => vi.restoreAllMocks());

const git = (...args: string[]): string =>
  execFileSync("git", ["-C", host, ...args], { encoding: "utf8", stdio: "pipe" }).trim();
function commitOn(branch: string): string {
  const author = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"];
  const tree = execFileSync("git", ["-C", host, "mktree"], { input: "", encoding: "utf8" }).trim();
  git("update-ref", `refs/heads/${branch}`, git(...author, "commit-tree", tree, "-m", branch));
  return git("rev-parse", branch);
}
const files = (ref = "refs/telemetry/v1"): string[] => git("ls-tree", "-r", "--name-only", ref).split("\n");

function newRun(facts: Partial<Parameters<Backend["registerRun"]>[0]> = {}): BackendRun {
  const common = { workflow: "CI", path: ".github/workflows/ci.yml", event: "push", ref: "refs/heads/main", sha };
  return backend.registerRun({ ...common, headBranch: "main", ...facts });
}

/** Enters a job of a run: its variables become ours. */
async function enter(run: BackendRun, permissions: Permissions, more: Partial<StoreInputs> = {}) {
  for (const name of Object.keys(process.env)) if (/^(ACTIONS|GITHUB)_/.test(name)) delete process.env[name];
  const identity = { runId: run.id, job: "test", permissions };
  Object.assign(process.env, backend.jobEnv(identity), {
    GITHUB_REPOSITORY: "octo/lab",
    GITHUB_EVENT_NAME: run.event,
    GITHUB_REF: run.ref,
    GITHUB_RUN_ID: String(run.id),
    GITHUB_RUN_ATTEMPT: String(run.attempt),
    RUNNER_TEMP: temp,
  });
  const context: WorkflowContext = { ...(await readContext(process.env)), defaultBranch: "main", branch: "main" };
  const token = backend.jobToken(identity);
  const inputs: StoreInputs = { store: "ref", "store-location": "", token, "history-depth": 200, ...more };
  return { context, inputs };
}

const said = (run: BackendRun, more: Partial<Run> = {}): Run => ({
  run_id: String(run.id),
  run_attempt: run.attempt,
  job: "test",
  sha: "f".repeat(40),
  started_at: new Date().toISOString(),
  author: "ada",
  changes: [],
  tests: [{ id: "t.py||t", file: "t.py", status: "pass", duration_ms: 1 }],
  ...more,
});
async function leave(run: BackendRun, more: Partial<Run> = {}, inputs: Partial<StoreInputs> = {}): Promise<void> {
  const job = await enter(run, { contents: "read" }, inputs);
  await leaveSegment(said(run, more), job.inputs, job.context);
}
async function record(run: BackendRun, more: Partial<StoreInputs> = {}, permissions = recorder) {
  const { context, inputs } = await enter(run, permissions, more);
  return recordRun(inputs, context);
}
async function read(more: Partial<StoreInputs> = {}, branch = "main"): Promise<Run[]> {
  const { context, inputs } = await enter(newRun(), { contents: "read" }, more);
  return Array.fromAsync(
    openHistory(inputs, { ...context, branch }, (name, error) => {
      throw new Error(`${name}: ${error.message}`);
    }),
  );
}

test("test jobs leave artifacts, record appends one file per job in one commit, readers with contents: read get them", async () => {
  const run = newRun();
  for (const job of ["a", "b", "c"]) await leave(run, { job });
  expect(backend.state.artifacts.map(({ name }) => name)).toEqual(
    new Array(3).fill(expect.stringMatching(/^telemetry-segment-/)),
  );
  const { runs, rejected } = await record(run);
  expect([runs.length, rejected]).toEqual([3, []]);
  expect(files()).toEqual(runs.map(segmentPath).sort());
  expect(git("rev-list", "--count", "refs/telemetry/v1")).toBe("1");
  expect(backend.state.artifacts).toHaveLength(3);
  const history = await read();
  expect(history.map(({ job }) => job)).toEqual(["a", "b", "c"]);
  for (const each of history) expect(each).toMatchObject({ sha, trust: "push", default_branch: true, branch: "main" });
});

test("recorded twice nothing changes", async () => {
  const run = newRun();
  await leave(run);
  await record(run);
  const tip = git("rev-parse", "refs/telemetry/v1");
  expect((await record(run)).runs).toHaveLength(1);
  expect(git("rev-parse", "refs/telemetry/v1")).toBe(tip);
});

test("what an earlier attempt could not record, a later one does; what claims a later attempt stays out", async () => {
  const run = newRun();
  await leave(run);
  await leave({ ...run, attempt: 3 });
  run.attempt = 2;
  expect((await record(run)).runs.map(({ run_attempt }) => run_attempt)).toEqual([1]);
  await leave(run);
  expect((await record(run)).runs.map(({ run_attempt }) => run_attempt).sort()).toEqual([1, 2]);
  expect(files()).toHaveLength(2);
});

test("in workflow_run, the run that ended is recorded: a fork's, marked, which nothing learns from", async () => {
  const fork = newRun({ event: "pull_request", headBranch: "main", headRepository: "stranger/lab" });
  await leave(fork, { trust: "push", default_branch: true, branch: "main" });
  const ended = newRun({ event: "workflow_run" });
  const { context, inputs } = await enter(ended, recorder);
  const event = join(temp, "event.json");
  writeFileSync(event, JSON.stringify({ workflow_run: { id: fork.id, run_attempt: 1 } }));
  process.env.GITHUB_EVENT_PATH = event;
  const { workflowRun } = await readContext(process.env);
  const { runs } = await recordRun(inputs, { ...context, workflowRun });
  expect(runs).toMatchObject([{ run_id: String(fork.id), sha, trust: "fork", default_branch: false }]);
  expect(files()).toEqual(runs.map(segmentPath));
  const stored = execFileSync("git", ["-C", host, "cat-file", "blob", `refs/telemetry/v1:${files()[0]}`]);
  expect(decodeSegment(stored, "stored")).toMatchObject({ trust: "fork" });
  expect(await read()).toEqual([]);
});

test("readers get the default branch and the change's own branch, and depth counts those", async () => {
  const runs: BackendRun[] = [];
  for (const headBranch of ["main", "topic", "main", "other", "main"]) {
    const run = newRun({
      headBranch,
      ...(headBranch !== "main" && { event: "pull_request", ref: "refs/pull/7/merge" }),
    });
    await leave(run);
    await record(run);
    runs.push(run);
  }
  const ids = (history: Run[]) => history.map(({ run_id }) => runs.findIndex(({ id }) => String(id) === run_id));
  expect(ids(await read({}, "topic"))).toEqual([0, 1, 2, 4]);
  expect(ids(await read({}, "x"))).toEqual([0, 2, 4]);
  expect(ids(await read({ "history-depth": 2 }, "x"))).toEqual([2, 4]);
});

test("a tag that has the default branch's name does not teach", async () => {
  const elsewhere = newRun({ ref: "refs/tags/main", sha: commitOn("topic") });
  await leave(elsewhere, { sha: elsewhere.sha });
  expect((await record(elsewhere)).runs).toMatchObject([{ sha: elsewhere.sha, default_branch: false }]);
  expect(await read({}, "x")).toEqual([]);
  const onMain = newRun({ ref: "refs/tags/main" });
  await leave(onMain);
  expect((await record(onMain)).runs).toMatchObject([{ sha, default_branch: true }]);
});

test.each([
  [{ event: "pull_request", trust: "fork" }, /a fork's/],
  [{ event: "pull_request" }, null],
  [{ event: "pull_request_target", trust: "fork" }, null],
  [{ event: "workflow_run", trust: "fork", workflowRun: { id: "1", attempt: 1 } }, null],
] as const)("a run whose token may not write: %j", async (facts, why) => {
  const context = { trust: "push", actor: "ada", workflowRun: null, ...facts } as const;
  const { inputs } = await enter(newRun(), recorder);
  const told = whyUnwritable(inputs, context);
  if (why === null) expect(told).toBeNull();
  else expect(told).toMatch(why);
  expect(whyUnwritable({ ...inputs, store: "artifact" }, context)).toBeNull();
});

test("a fork may add little; what is more is refused, and what is kept says that it is not all", async () => {
  const fork = newRun({ event: "pull_request", headBranch: "main", headRepository: "stranger/lab" });
  await leave(fork);
  const { context, inputs } = await enter(fork, { contents: "read" });
  const large = Array.from({ length: 17 }, () => randomBytes(1 << 20).toString("base64"));
  const tests = large.flatMap((text, at) =>
    Array.from({ length: 200 }, (_, part) => ({
      id: `${at}|${part}|${text.slice(part * 6900, (part + 1) * 6900)}`,
      file: null,
      status: "pass" as const,
      duration_ms: null,
    })),
  );
  await leaveSegment(said(fork, { job: "large", tests }), inputs, context);
  const ended = await enter(newRun({ event: "workflow_run" }), recorder);
  const workflowRun = { id: String(fork.id), attempt: 1 };
  const { runs, rejected } = await recordRun(ended.inputs, { ...ended.context, workflowRun });
  expect(runs).toMatchObject([{ job: "test", report_complete: false, trust: "fork" }]);
  expect(rejected).toEqual([{ name: expect.any(String), reason: expect.stringMatching(/not more than 16 MiB/) }]);
});

test("an empty history is no error, and a run without results appends nothing", async () => {
  expect(await read()).toEqual([]);
  expect(await record(newRun())).toEqual({ runs: [], rejected: [] });
  expect(() => git("rev-parse", "refs/telemetry/v1")).toThrow();
});

describe("where nothing can be appended, the error says why, and the results stay", () => {
  test("a token that may not push", async () => {
    const run = newRun();
    await leave(run);
    const failure = (await record(run, {}, { actions: "read", contents: "read" }).catch((error) => error)) as Error;
    expect(failure.message).toMatch(/Give this job `permissions: contents: write`\. Nothing is lost: .* run again\.$/);
    expect(failure.message).not.toMatch(/ghs_/);
    expect((await record(run)).runs).toHaveLength(1);
    expect(files()).toHaveLength(1);
  });

  test("a host that refuses the ref, where a branch serves", async () => {
    mkdirSync(join(host, "hooks"), { recursive: true });
    const hook = join(host, "hooks", "pre-receive");
    writeFileSync(hook, "#!/bin/sh\nread old new ref\ncase $ref in refs/heads/*) exit 0;; esac\nexit 1\n");
    chmodSync(hook, 0o755);
    const run = newRun();
    await leave(run);
    await expect(record(run)).rejects.toThrow(/the host refused this ref .* Set `store: branch`/);
    expect((await record(run, { store: "branch" })).runs).toHaveLength(1);
    expect(files("refs/heads/telemetry")).toHaveLength(1);
    expect(await read({ store: "branch" })).toHaveLength(1);
    expect(await read()).toEqual([]);
    const elsewhere = { store: "branch", "store-location": "ci/history" } as const;
    expect((await record(run, elsewhere)).runs).toHaveLength(1);
    expect(await read(elsewhere)).toHaveLength(1);
  });

  test("the default branch, which is not for history", async () => {
    const run = newRun();
    await leave(run);
    await expect(record(run, { store: "branch", "store-location": "main" })).rejects.toThrow(
      /`main`, the default branch/,
    );
    expect(git("rev-parse", "refs/heads/main")).toBe(sha);
  });
});

test.each([
  ["ref", "", 0],
  ["branch", "", 0],
  ["branch", "ci/history-2.0", 0],
  ["branch", "a..b", 1],
  ["branch", "-x", 1],
  ["branch", "a:b", 1],
  ["branch", "+refs/heads/main", 1],
  ["branch", "a.lock", 1],
  ["branch", "a/", 1],
  ["ref", "telemetry", 1],
  ["auto", "telemetry", 1],
  ["file", "", 1],
] as const)("store %s with store-location %j: %i mistakes", (store, location, mistakes) => {
  const inputs: StoreInputs = { store, "store-location": location, token: "", "history-depth": 1 };
  expect(storeContradictions(inputs)).toHaveLength(mistakes);
});
