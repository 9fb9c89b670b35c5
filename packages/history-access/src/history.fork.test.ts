/** The store on GitHub, by the real clients against the loopback back end: what jobs leave, what is recorded, what is read back. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { zstdCompressSync } from "node:zlib";
import { redact, registerSecret, type WorkflowContext } from "@goatnote/action-io";
import { encodeRuns, encodeSegment, type Run, segmentArtifactName } from "@goatnote/ci-history";
import { type Backend, type Run as BackendRun, type Permissions, startBackend } from "@goatnote/rehearsal";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { uploadBytes } from "./github.ts";
import { leaveSegment, openHistory, recordRun } from "./history.ts";
import type { StoreInputs } from "./inputs.ts";

// The real clients read the environment of the process, so this file has one of its own.
let backend: Backend;
let temp: string;
const sha = "a".repeat(40);

beforeAll(() => {
  vi.spyOn(process.stdout, "write").mockReturnValue(true); // the client prints a line per request
});
beforeEach(async () => {
  backend = await startBackend({ repository: "octo/lab", defaultBranch: "main" });
  temp = mkdtempSync(join(tmpdir(), "history-"));
});
afterEach(async () => {
  await backend.close();
  rmSync(temp, { recursive: true, force: true });
  for (const name of Object.keys(process.env)) if (/^(ACTIONS|GITHUB)_/.test(name)) delete process.env[name];
});
afterAll(() => vi.restoreAllMocks());

type Facts = Partial<Parameters<Backend["registerRun"]>[0]>;
let clock = Date.parse("2026-01-01T00:00:00Z");

/** A run that GitHub knows; later ones are newer. */
function newRun(facts: Facts = {}): BackendRun {
  clock += 60_000;
  const common = { workflow: "CI", path: ".github/workflows/ci.yml", event: "push", ref: "refs/heads/main", sha };
  return backend.registerRun({ ...common, headBranch: "main", createdAt: new Date(clock).toISOString(), ...facts });
}
const pull: Facts = { event: "pull_request", ref: "refs/pull/7/merge", headBranch: "topic" };
const fork: Facts = { ...pull, headBranch: "main", headRepository: "stranger/lab" };

/** Enters a job of a run: its variables become ours. @returns its context and inputs */
function enter(run: BackendRun, permissions: Permissions = { actions: "read" }, more: Partial<StoreInputs> = {}) {
  for (const name of Object.keys(process.env)) if (/^(ACTIONS|GITHUB)_/.test(name)) delete process.env[name];
  const identity = { runId: run.id, job: "test", permissions };
  Object.assign(process.env, backend.jobEnv(identity));
  const context: WorkflowContext = {
    repository: "octo/lab",
    event: run.event,
    sha: run.sha,
    ref: run.ref,
    branch: run.headBranch,
    base: null,
    baseBranch: null,
    defaultBranch: "main",
    onDefaultBranch: false,
    before: null,
    pullRequest: null,
    workflowRun: null,
    trust: "push",
    runId: String(run.id),
    runAttempt: run.attempt,
    job: "test",
    actor: "ada",
    workspace: temp,
    temp,
    apiUrl: backend.url,
    serverUrl: backend.serverUrl,
  };
  const inputs: StoreInputs = {
    store: "artifact",
    "store-location": "",
    token: backend.jobToken(identity),
    "history-depth": 200,
    ...more,
  };
  return { context, inputs };
}

/** What a job of `run` says of itself. */
const said = (run: BackendRun, more: Partial<Run> = {}): Run => ({
  run_id: String(run.id),
  run_attempt: run.attempt,
  job: "test",
  sha: run.sha,
  started_at: new Date(Date.parse(run.createdAt)).toISOString(),
  author: "ada",
  changes: [{ path: "a.py", added: 1, deleted: 0 }],
  tests: [{ id: "t.py||t", file: "t.py", status: "pass", duration_ms: 1 }],
  ...more,
});

async function leave(run: BackendRun, more: Partial<Run> = {}): Promise<void> {
  const { context, inputs } = enter(run, {});
  await leaveSegment(said(run, more), inputs, context);
}
const record = (run: BackendRun) => {
  const { context, inputs } = enter(run);
  return recordRun(inputs, context);
};
async function read(branch: string | null = null, more: Partial<StoreInputs> = {}) {
  const { context, inputs } = enter(newRun(), { actions: "read" }, more);
  const passedOver: string[] = [];
  const runs = await Array.fromAsync(
    openHistory(inputs, { ...context, branch }, (name, error) => passedOver.push(`${name} ${error.message}`)),
  );
  return { runs, passedOver };
}
/** Leaves and records a run with one job. */
async function remember(facts: Facts = {}, more: Partial<Run> = {}): Promise<BackendRun> {
  const run = newRun(facts);
  await leave(run, more);
  const { runs, rejected } = await record(run);
  expect([runs.length, rejected]).toEqual([1, []]);
  // GitHub says when an artifact was made; here it is made within a test.
  for (const artifact of backend.state.artifacts) if (artifact.runId === run.id) artifact.createdAt = run.createdAt;
  return run;
}
const plant = async (run: BackendRun, name: string, bytes: Uint8Array): Promise<void> => {
  enter(run, {});
  expect(await uploadBytes(name, bytes, temp)).toBe(true);
};

test("what jobs left is recorded, and read back oldest first with GitHub's facts", async () => {
  const first = newRun();
  await leave(first, { job: "a" });
  await leave(first, { job: "b" });
  expect((await record(first)).runs.map(({ job }) => job).sort()).toEqual(["a", "b"]);
  const second = await remember();
  const { runs, passedOver } = await read();
  expect(passedOver).toEqual([]);
  expect(new Set(runs.map(({ run_id }) => run_id))).toEqual(new Set([String(first.id), String(second.id)]));
  expect(runs).toHaveLength(3);
  for (const run of runs) expect(run).toMatchObject({ sha, branch: "main", default_branch: true, trust: "push" });
});

test("claims of another commit, branch, event and trust do not count", async () => {
  const claims: Partial<Run> = {
    sha: "f".repeat(40),
    branch: "main",
    default_branch: true,
    trust: "push",
    event: "push",
  };
  const run = newRun(pull);
  await leave(run, claims);
  const { runs } = await record(run);
  expect(runs[0]).toMatchObject({
    sha,
    branch: "topic",
    default_branch: false,
    trust: "pull_request",
    event: "pull_request",
  });
  const [read1] = (await read("topic")).runs;
  expect(read1).toMatchObject({ sha, branch: "topic", default_branch: false, trust: "pull_request" });
});

test("a segment of another run, attempt or job is refused with the reason, and the others are recorded", async () => {
  const [run, other] = [newRun(), newRun()];
  await leave(run);
  const prefix = `telemetry-segment-${run.id}-1-`;
  await plant(run, `${prefix}${"0".repeat(16)}`, encodeSegment(said(run)));
  await plant(run, segmentArtifactName(said(run, { job: "x" })), encodeSegment(said(other, { job: "x" })));
  await plant(run, segmentArtifactName(said(other)), encodeSegment(said(other)));
  await plant(run, segmentArtifactName(said(run, { job: "z" })), Buffer.from("PK\u0003\u0004 zip"));
  const { runs, rejected } = await record(run);
  expect(runs.every(({ run_id, sha: commit }) => run_id === String(run.id) && commit === sha)).toBe(true);
  expect(rejected.map(({ reason }) => reason).join("\n")).toMatch(/another job/);
  expect(rejected.map(({ reason }) => reason).join("\n")).toMatch(/not a whole zstd frame/);
});

test("a fork's run stays a fork's, and is not read", async () => {
  const run = newRun(fork);
  await leave(run, { trust: "push", default_branch: true, branch: "main" });
  const { runs } = await record(run);
  expect(runs[0]).toMatchObject({ trust: "fork", default_branch: false });
  expect((await read("main")).runs).toEqual([]);
  expect((await read()).runs).toEqual([]);
});

test("a fork cannot put a record in the place of another run's", async () => {
  const victim = await remember();
  const attacker = newRun(fork);
  const lie = said(victim, { tests: [], default_branch: true, trust: "push" });
  await plant(attacker, `telemetry-run-${victim.id}-1`, encodeRuns([lie]));
  await plant(
    attacker,
    `telemetry-run-${victim.id + 1000}-1`,
    encodeRuns([said(victim, { run_id: String(victim.id + 1000) })]),
  );
  const { runs } = await read();
  expect(runs.map(({ run_id, tests }) => [run_id, tests.length])).toEqual([[String(victim.id), 1]]);
});

test("a pull request of this repository cannot either", async () => {
  const victim = await remember();
  const attacker = newRun({ ...pull, headBranch: "evil" });
  await plant(attacker, `telemetry-run-${victim.id}-1`, encodeRuns([said(victim, { tests: [] })]));
  await plant(attacker, "telemetry-run-999999-1", encodeRuns([said(victim, { run_id: "999999" })]));
  expect((await read("evil")).runs.map(({ run_id, tests }) => [run_id, tests.length])).toEqual([
    [String(victim.id), 1],
  ]);
});

test("forks that leave many artifacts do not push the history out of reach", async () => {
  const kept = await remember();
  const flood = newRun(fork);
  for (let index = 0; index < 12; index += 1)
    await plant(flood, `telemetry-run-${flood.id}-${index + 1}`, Buffer.from("x"));
  expect((await read(null, { "history-depth": 5 })).runs.map(({ run_id }) => run_id)).toEqual([String(kept.id)]);
});

describe("what cannot be read is passed over and told", () => {
  const spoil: [string, (backend: Backend, run: BackendRun) => void, RegExp | null][] = [
    [
      "other bytes",
      (backend, run) => {
        blobOf(backend, run).content = Buffer.from("garbage");
      },
      /has the digest sha256:.* but GitHub recorded/,
    ],
    [
      "garbage with its own digest",
      (backend, run) => {
        blobOf(backend, run).content = Buffer.from("garbage");
        artifactOf(backend, run).digest = "";
      },
      /not a whole zstd frame/,
    ],
    [
      "a zstd frame that is no record",
      (backend, run) => {
        blobOf(backend, run).content = zstdCompressSync("{}\n");
        artifactOf(backend, run).digest = "";
      },
      /run_id/,
    ],
    [
      "an artifact whose bytes are gone",
      (backend, run) => void backend.state.blobs.delete(artifactOf(backend, run).blob),
      /HTTP 404/,
    ],
    // GitHub lists these, and their content is not asked for.
    [
      "an expired artifact",
      (backend, run) => {
        artifactOf(backend, run).expiresAt = "2020-01-01T00:00:00Z";
      },
      null,
    ],
    [
      "an artifact that is too large",
      (backend, run) => {
        artifactOf(backend, run).size = 65 * 1024 * 1024;
      },
      null,
    ],
    ["a run that GitHub no longer knows", (backend, run) => void backend.state.runs.delete(run.id), null],
  ];
  const artifactOf = (backend: Backend, run: BackendRun) =>
    backend.state.artifacts.find(({ runId, name }) => runId === run.id && name.startsWith("telemetry-run-"))!;
  const blobOf = (backend: Backend, run: BackendRun) => backend.state.blobs.get(artifactOf(backend, run).blob)!;

  test.each(spoil)("%s", async (_, act, told) => {
    const [bad, good] = [await remember(), await remember()];
    act(backend, bad);
    const { runs, passedOver } = await read();
    expect(runs.map(({ run_id }) => run_id)).toEqual([String(good.id)]);
    if (told) expect(passedOver).toEqual([expect.stringMatching(told)]);
    else expect(passedOver).toEqual([]);
  });
});

test("depth counts runs of the branch, the newest", async () => {
  const runs = [await remember(), await remember(), await remember()];
  await remember({ ...pull, headBranch: "other" });
  const { runs: latest } = await read(null, { "history-depth": 2 });
  expect(latest.map(({ run_id }) => run_id)).toEqual(runs.slice(1).map(({ id }) => String(id)));
});

test("a record on a later page of the list is found", async () => {
  const old = await remember();
  const [artifact] = backend.state.artifacts.filter(({ name }) => name.startsWith("telemetry-run-"));
  const noise = newRun();
  for (let index = 0; index < 230; index += 1)
    backend.state.artifacts.push({
      ...artifact!,
      id: 5000 + index,
      runId: noise.id,
      name: `coverage-${index}`,
      createdAt: new Date(clock + index).toISOString(),
    });
  expect((await read()).runs.map(({ run_id }) => run_id)).toEqual([String(old.id)]);
});

test("both attempts of a run are kept", async () => {
  const run = newRun();
  await leave(run, { tests: [{ id: "t.py||t", file: "t.py", status: "fail", duration_ms: 1 }] });
  await record(run);
  run.attempt = 2;
  await leave(run);
  const second = await record(run);
  expect(second.runs.map(({ run_attempt, tests }) => [run_attempt, tests[0]?.status])).toEqual([[2, "pass"]]);
  const { runs } = await read();
  expect(runs.map(({ run_attempt, tests }) => [run_attempt, tests[0]?.status]).sort()).toEqual([
    [1, "fail"],
    [2, "pass"],
  ]);
});

test("jobs that GitHub names alike are all kept", async () => {
  const run = newRun();
  for (const id of ["one", "two", "three"])
    await leave(run, { tests: [{ id, file: null, status: "pass", duration_ms: 1 }] });
  const { runs, rejected } = await record(run);
  expect(rejected).toEqual([]);
  expect(runs.flatMap(({ tests }) => tests.map(({ id }) => id)).sort()).toEqual(["one", "three", "two"]);
});

test("a record whose name is taken is an error, never a silent loss", async () => {
  const run = newRun();
  await leave(run);
  await plant(run, `telemetry-run-${run.id}-1`, encodeRuns([said(run, { tests: [] })]));
  await expect(record(run)).rejects.toThrow(
    /has an artifact telemetry-run-\d+-1 already, so its results were not recorded/,
  );
});

test.each<[string, Permissions]>([
  ["no permission", {}],
  ["contents only", { contents: "read" }],
])("a token with %s is told what it needs", async (_, permissions) => {
  const run = newRun();
  await leave(run);
  const { context, inputs } = enter(run, permissions);
  const wanted = /was refused \(HTTP 403\)\. Give the job `permissions: actions: read`/;
  await expect(recordRun(inputs, context)).rejects.toThrow(wanted);
  await expect(Array.fromAsync(openHistory(inputs, context, () => {}))).rejects.toThrow(wanted);
});

test("no message holds the token", async () => {
  const run = newRun();
  const { context, inputs } = enter(run);
  registerSecret(inputs.token);
  backend.tokens.revoke(inputs.token);
  const messages: string[] = [];
  for (const act of [() => recordRun(inputs, context), () => Array.fromAsync(openHistory(inputs, context, () => {}))])
    await act().catch((error: Error) => messages.push(error.message, String(error.stack)));
  expect(messages).toHaveLength(4);
  for (const message of messages) expect(message).not.toContain(inputs.token);
  expect(redact(`x ${inputs.token}`)).toBe("x ***");
});

test("a run that names the default branch but tested a proposal does not teach", async () => {
  const honest = await remember();
  // A pull request from main into another branch, and an event that may run anybody's code.
  for (const event of ["pull_request", "issue_comment", "workflow_run"]) await remember({ event, headBranch: "main" });
  const { runs } = await read();
  expect(runs.map(({ run_id }) => run_id)).toEqual([String(honest.id)]);
});

test("attempts that there never were are not read", async () => {
  const run = await remember();
  const forged = { ...said(run), run_attempt: 2, tests: [] };
  await plant(run, `telemetry-run-${run.id}-2`, encodeRuns([forged]));
  const { runs } = await read();
  expect(runs.map(({ run_attempt }) => run_attempt)).toEqual([1]);
});

test("an API that cannot be reached is an error, not an empty history", async () => {
  const { context, inputs } = enter(newRun());
  const gone = { ...context, apiUrl: "http://127.0.0.1:1" };
  await expect(Array.fromAsync(openHistory(inputs, gone, () => {}))).rejects.toThrow(/Listing runs failed/);
});

describe("the store `file`", () => {
  test("keeps what jobs leave, without any network", async () => {
    const { context, inputs } = enter(newRun(), {}, { store: "file", "store-location": join(temp, "history") });
    const offline = { ...context, apiUrl: "http://127.0.0.1:1" };
    const run = said(newRun());
    await leaveSegment(run, inputs, offline);
    await leaveSegment({ ...run, tests: [] }, inputs, offline);
    const runs = await Array.fromAsync(openHistory(inputs, offline, () => {}));
    expect(runs.map(({ job, tests }) => [job, tests.length])).toEqual([
      ["test", 1],
      ["test (2)", 0],
    ]);
  });

  test("record puts there what this run's jobs left as artifacts", async () => {
    const run = newRun(pull);
    await leave(run);
    const { context, inputs } = enter(
      run,
      { actions: "read" },
      { store: "file", "store-location": join(temp, "history") },
    );
    await recordRun(inputs, context);
    const runs = await Array.fromAsync(openHistory(inputs, context, () => {}));
    expect(runs).toMatchObject([{ run_id: String(run.id), trust: "pull_request", event: "pull_request" }]);
  });
});
