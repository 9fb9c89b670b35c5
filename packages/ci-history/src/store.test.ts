import fc from "fast-check";
import { expect, test } from "vitest";
import type { Run } from "./model.ts";
import { sampleRun } from "./sample-run.ts";
import { branchFolder, encodeSegment, segmentPath } from "./segment.ts";
import { readStore, type Store } from "./store.ts";

/** A store in memory, listed in the order given. */
function storeOf(runs: Run[], chronological = false): Store & { reads: string[]; files: Map<string, Buffer> } {
  const files = new Map(runs.map((run) => [segmentPath(run), encodeSegment(run)]));
  const reads: string[] = [];
  return {
    files,
    reads,
    chronological,
    list: async () => [...files.keys()],
    read: async (path) => {
      reads.push(path);
      return files.get(path)!;
    },
    append: async () => "present",
  };
}

const at = (time: number, fields: Partial<Run> = {}): Run =>
  sampleRun({ run_id: String(time), started_at: new Date(time * 3600_000).toISOString(), ...fields });

const ids = async (store: Store, depth?: number) =>
  (await Array.fromAsync(readStore(store, { depth }))).map((run) => run.run_id);

test("runs come oldest first, and the newest with a depth, whatever their order and their ids", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(fc.nat(20_000), { maxLength: 30 }),
      fc.integer({ min: 1, max: 12 }),
      async (hours, depth) => {
        const runs = hours.map((hour, i) => at(hour, { run_id: `r${i}` }));
        const expected = runs
          .toSorted((a, b) => Date.parse(a.started_at) - Date.parse(b.started_at))
          .map((run) => run.run_id);
        expect(await ids(storeOf(runs))).toEqual(expected);
        expect(await ids(storeOf(runs), depth)).toEqual(expected.slice(-depth));
      },
    ),
    { numRuns: 100 },
  );
});

test("a run counts once, with all its jobs and attempts", async () => {
  const runs = [at(1), at(2), at(3, { run_id: "2", job: "b" }), at(4, { run_id: "2", run_attempt: 2 }), at(5)];
  expect(await ids(storeOf(runs), 2)).toEqual(["2", "2", "2", "5"]);
});

test("months older than needed are not read, nor in an ordered store older runs", async () => {
  const month = 24 * 31;
  const runs = [at(0), at(month), at(2 * month), at(2 * month + 1), at(2 * month + 2)];
  const unordered = storeOf(runs);
  await ids(unordered, 2);
  expect(unordered.reads).toHaveLength(3);
  const ordered = storeOf(runs, true);
  expect(await ids(ordered, 2)).toEqual([String(2 * month + 1), String(2 * month + 2)]);
  expect(ordered.reads).toHaveLength(2);
});

test("runs that are not wanted do not count", async () => {
  const runs = [1, 2, 3, 4, 5, 6].map((hour) => at(hour, { branch: hour % 2 === 0 ? "main" : "topic" }));
  for (const chronological of [true, false]) {
    const read = readStore(storeOf(runs, chronological), { depth: 2, wanted: (run) => run.branch === "topic" });
    expect((await Array.fromAsync(read)).map((run) => run.run_id)).toEqual(["3", "5"]);
  }
});

test("of the folders asked for, and no other segment is read", async () => {
  const lines: Partial<Run>[] = [
    {},
    { branch: "topic", default_branch: false },
    { branch: "other", default_branch: false },
    { trust: "fork" },
  ];
  const store = storeOf(
    lines.map((line, hour) => at(hour + 1, line)),
    true,
  );
  const read = await Array.fromAsync(readStore(store, { folders: ["", branchFolder("topic")] }));
  expect(read.map((run) => run.run_id)).toEqual(["1", "2"]);
  expect(store.reads).toHaveLength(2);
});

test("an unreadable segment is reported and passed over", async () => {
  const store = storeOf([at(1), at(2), at(3)]);
  const [, broken] = [...store.files.keys()];
  store.files.set(broken!, Buffer.from("nonsense"));
  const told: string[] = [];
  const read = await Array.fromAsync(
    readStore(store, { onUnreadable: (path, error) => told.push(`${path} ${error.message}`) }),
  );
  expect(read.map((run) => run.run_id)).toEqual(["1", "3"]);
  expect(told).toEqual([expect.stringMatching(`^${broken} ${broken}: not a whole zstd frame`)]);
});

test("what was derived is no run", async () => {
  const store = storeOf([at(1)]);
  store.files.set(`v1/model/${"a".repeat(64)}.json`, Buffer.from("{}"));
  store.files.set(`v1/state/${"a".repeat(64)}.json.zst`, Buffer.from("{}"));
  expect(await ids(store)).toEqual(["1"]);
});
