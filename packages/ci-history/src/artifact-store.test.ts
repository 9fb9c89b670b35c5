import { expect, test } from "vitest";
import { mergeRun, type RunFacts, segmentArtifactName, withFacts } from "./artifact-facts.ts";
import { type ArtifactClient, type ArtifactFacts, artifactStore } from "./artifact-store.ts";
import type { Run } from "./model.ts";
import { sampleRun } from "./sample-run.ts";
import { decodeRuns, encodeRuns, encodeSegment, runPath, segmentPath } from "./segment.ts";
import { readStore } from "./store.ts";

const facts: RunFacts = {
  runId: "17",
  runAttempt: 1,
  sha: "f".repeat(40),
  branch: "topic",
  defaultBranch: false,
  trust: "fork",
  event: "pull_request",
  createdAt: "2021-05-03T07:00:00Z",
};
const boast: Partial<Run> = { sha: "a".repeat(40), branch: "main", default_branch: true, trust: "push", event: "push" };

test("what an artifact says of itself does not count", () => {
  expect(withFacts(sampleRun(boast), facts)).toEqual(
    sampleRun({
      run_attempt: 1,
      sha: facts.sha,
      branch: "topic",
      default_branch: false,
      trust: "fork",
      event: "pull_request",
    }),
  );
  const { event: _, ...silent } = facts;
  expect(withFacts(sampleRun(boast), silent)).not.toHaveProperty("event");
  expect(withFacts(sampleRun(), { ...facts, defaultBranch: true }).default_branch).toBe(false);
});

test.each(["9999-01-01T00:00:00Z", "2021-05-03T07:00:01Z", "1990-01-01T00:00:00Z"])(
  "a start at %s cannot be true",
  (time) => {
    expect(withFacts(sampleRun({ started_at: time }), facts).started_at).toBe("2021-05-03T07:00:00.000Z");
  },
);

test("good jobs are merged, the others are rejected with the reason", () => {
  const [a, b] = [sampleRun({ job: "a" }), sampleRun({ job: "b" })];
  const left = (name: string, run: Run) => ({ name, bytes: encodeSegment(run) });
  const { runs, rejected } = mergeRun(
    [
      left(segmentArtifactName(a), a),
      left(segmentArtifactName(b), b),
      left(segmentArtifactName(a), a),
      left(segmentArtifactName(sampleRun({ run_id: "18" })), a),
      left(segmentArtifactName(sampleRun({ run_attempt: 2 })), a),
      left(segmentArtifactName(sampleRun({ job: "c" })), a),
      left("telemetry-segment-../x", a),
      { name: segmentArtifactName(sampleRun({ job: "d" })), bytes: Buffer.from("nonsense") },
    ],
    facts,
  );
  expect(runs.map((run) => [run.job, run.trust])).toEqual([
    ["a", "fork"],
    ["b", "fork"],
  ]);
  expect(rejected.map(({ reason }) => reason.replace(/^\S+ /, ""))).toEqual([
    "a second segment of this job.",
    "names another run than 17, attempt 1, which left it.",
    "names another run than 17, attempt 1, which left it.",
    "holds another job than its name says.",
    "not the name of a segment.",
    expect.stringMatching("^not a whole zstd frame"),
  ]);
});

function clientOf(listed: [Partial<ArtifactFacts> & { name: string }, Run[]][]) {
  const artifacts = listed.map(([own, runs], id) => ({ facts: { ...facts, id, ...own }, bytes: encodeRuns(runs) }));
  const uploads = new Map<string, Buffer>();
  const client: ArtifactClient = {
    list: async () => artifacts.map((artifact) => artifact.facts),
    download: async ({ id }) => artifacts[id]!.bytes,
    upload: async (name, bytes) => void uploads.set(name, Buffer.from(bytes)),
  };
  return { store: artifactStore(client), uploads };
}
const read = (store: ReturnType<typeof artifactStore>, told: string[] = []) =>
  Array.fromAsync(readStore(store, { onUnreadable: (_, error) => told.push(error.message) }));

test("records are read oldest first, with the facts of the API", async () => {
  const { store } = clientOf([
    [{ name: "telemetry-run-18-1", runId: "18", createdAt: "2021-06-01T00:00:00Z" }, [sampleRun({ run_id: "18" })]],
    [{ name: "telemetry-run-17-1" }, [sampleRun({ ...boast, job: "a" }), sampleRun({ ...boast, job: "b" })]],
    [{ name: "telemetry-segment-17-1-0123456789abcdef" }, [sampleRun()]],
    [{ name: "coverage" }, [sampleRun()]],
  ]);
  expect(await store.list()).toEqual(["v1/2021/05/17-1.ndjson.zst", "v1/2021/06/18-1.ndjson.zst"]);
  const runs = await read(store);
  expect(runs.map((run) => [run.run_id, run.job])).toEqual([
    ["17", "a"],
    ["17", "b"],
    ["18", undefined],
  ]);
  expect(new Set(runs.map((run) => `${run.trust} ${run.sha} ${run.default_branch}`))).toEqual(
    new Set([`fork ${facts.sha} false`]),
  );
});

test("a record of another run counts from the default branch only, and as a fork's", async () => {
  const name = "telemetry-run-17-1";
  const forged = clientOf([[{ name, runId: "99", trust: "pull_request" }, [sampleRun(boast)]]]);
  expect(await read(forged.store)).toEqual([]);
  const recorded = clientOf([[{ name, runId: "99", trust: "push", defaultBranch: true }, [sampleRun(boast)]]]);
  const [run] = await read(recorded.store);
  expect(run).toMatchObject({ run_id: "17", trust: "fork", default_branch: false });
});

test("a record that holds another run is unreadable", async () => {
  const told: string[] = [];
  expect(await read(clientOf([[{ name: "telemetry-run-17-1" }, [sampleRun({ run_id: "5" })]]]).store, told)).toEqual(
    [],
  );
  expect(told).toEqual(["telemetry-run-17-1: holds run 5, attempt 1."]);
});

test("a segment and a whole run are appended under their names, once", async () => {
  const run = sampleRun();
  const { store, uploads } = clientOf([[{ name: "telemetry-run-17-1" }, [run]]]);
  expect(await store.append(segmentPath(run), encodeSegment(run))).toBe("written");
  expect([...uploads.keys()]).toEqual([segmentArtifactName(run)]);
  expect(decodeRuns([...uploads.values()][0]!, "s")).toEqual([run]);
  expect(await store.append(runPath(run), encodeSegment(run))).toBe("present");
  await expect(store.append("v1/model/x.json", Buffer.alloc(0))).rejects.toThrow("artifacts hold segments only");
});
