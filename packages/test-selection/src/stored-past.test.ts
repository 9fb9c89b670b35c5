/** Stores are real folders: what was derived is kept, found, damaged and removed there. */
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { zstdDecompressSync } from "node:zlib";
import { encodeSegment, fileStore, type Run, type Store, segmentPath } from "@goatnote/ci-history";
import { beforeEach, describe, expect, test } from "vitest";
import { choose } from "./choose.ts";
import { featureNames } from "./features.ts";
import { decodeModel, encodeModel, modelPath } from "./model-file.ts";
import { modelReport } from "./model-report.ts";
import { Learner, learn } from "./past.ts";
import { encodePlan } from "./plan.ts";
import { changeOf, execution, fullRun, wishes } from "./samples.ts";
import { keepState, readPast, type StoredPastOptions, trainModel } from "./stored-past.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "stored-past-"));
  return () => rmSync(folder, { recursive: true, force: true });
});

const names = ["ash", "birch", "cedar", "elm", "fir", "holly", "larch", "maple", "oak", "pine"];
const files = names.flatMap((name) => [`lib/${name}.py`, `checks/${name}.py`]);

/** Names mislead here: a change of lib/<word> breaks the check three words further on, which only learning finds. */
function history(count: number, first = 0): Run[] {
  return Array.from({ length: count }, (_, offset) => {
    const index = first + offset;
    const changed = index % names.length;
    const tests = names.map((name, at) =>
      execution(`checks/${name}.py`, `check_${name}`, {
        status: at === (changed + 3) % names.length && index % 3 > 0 ? "fail" : "pass",
        duration_ms: 10 + at / 3,
      }),
    );
    return fullRun([`lib/${names[changed]}.py`], tests, {
      run_id: String(1000 + index),
      sha: index.toString(16).padStart(40, "0"),
      started_at: new Date(Date.UTC(2026, 0, 1) + index * 3600_000).toISOString(),
    });
  });
}

async function keep(runs: Run[], name = "store"): Promise<Store> {
  const store = fileStore(join(folder, name));
  for (const run of runs) await store.append(segmentPath(run), encodeSegment(run));
  return store;
}

const unlimited = { depth: 500 };

/** Weights of standardised features; 0 for those that are not named, and for the intercept. */
const featureWeights = (named: Partial<Record<(typeof featureNames)[number], number>>): number[] => [
  ...featureNames.map((name) => named[name] ?? 0),
  0,
];

/** What a selection decides by a store, byte for byte, and what it was told on the way. */
async function decide(store: Store, options: Partial<StoredPastOptions> = {}, branch: string | null = null) {
  const told: string[] = [];
  const onUnreadable = (path: string, error: Error) => void told.push(`${path}: ${error.message}`);
  const { past, source } = await readPast(store, branch, 0.5, { ...unlimited, onUnreadable, ...options });
  const plan = choose(past, changeOf(["lib/elm.py", "lib/oak.py"], { files }), { ...wishes, targetRecall: 0.5 });
  return { plan: encodePlan(plan), model: plan.model.kind, past, source, told };
}

const derivedIn = async (store: Store, kind: "state" | "model") =>
  (await store.list()).filter((path) => path.startsWith(`v1/${kind}/`));
const remove = async (store: Store, kind: "state" | "model", name = "store") => {
  for (const path of await derivedIn(store, kind)) rmSync(join(folder, name, path));
};

describe("a state", () => {
  test("stands for the runs before it: with it and without, the plan is the same byte for byte", async () => {
    const runs = history(150);
    for (const at of [1, 12, 60, 149]) {
      const name = `store-${at}`;
      const store = await keep(runs.slice(0, at), name);
      await keepState(store, unlimited);
      await keep(runs, name);
      const warm = await decide(store);
      expect(warm.source).toEqual(at < 10 ? { derived: 0, read: 150 } : { derived: at, read: 150 - at });
      await remove(store, "state", name);
      const cold = await decide(store);
      expect(cold.source).toEqual({ derived: 0, read: 150 });
      expect(warm.plan).toBe(cold.plan);
      expect([warm.model, warm.told]).toEqual(["logistic", []]);
    }
  });

  test("builds on the one before it", async () => {
    const runs = history(90);
    const store = await keep([]);
    const kept: (number | null)[] = [];
    for (const [index, run] of runs.entries()) {
      await keep([run]);
      if ((await keepState(store, unlimited)) !== null) kept.push(index + 1);
    }
    expect(kept).toEqual([10, 20, 30, 40, 50, 60, 70, 80, 90]);
    const warm = await decide(store);
    expect(warm.source).toEqual({ derived: 90, read: 0 });
    await remove(store, "state");
    expect((await decide(store)).plan).toBe(warm.plan);
  });

  test("is not believed where a run came late that is older", async () => {
    const runs = history(60);
    const late = runs.splice(25, 1)[0]!;
    const store = await keep(runs.slice(0, 20));
    await keepState(store, unlimited);
    await keep(runs.slice(0, 40));
    await keepState(store, unlimited);
    expect((await decide(store)).source.derived).toBe(40);
    await keep([late, ...runs]);
    const warm = await decide(store);
    expect(warm.source.derived).toBe(20);
    await remove(store, "state");
    expect((await decide(store)).plan).toBe(warm.plan);
  });

  test("that is damaged, cut or another's is passed over, and said", async () => {
    const store = await keep(history(40));
    await keepState(store, unlimited);
    const [path] = await derivedIn(store, "state");
    const file = join(folder, "store", path!);
    const good = readFileSync(file);
    const { plan } = await decide(store);
    const flipped = Buffer.from(good);
    flipped[good.length >> 1]! ^= 1;
    const other = await keep(history(41).slice(1), "other");
    await keepState(other, unlimited);
    const foreign = readFileSync(join(folder, "other", (await derivedIn(other, "state"))[0]!));
    for (const bad of [flipped, good.subarray(0, -9), Buffer.from("{}"), foreign]) {
      writeFileSync(file, bad);
      const decided = await decide(store);
      expect(decided.plan).toBe(plan);
      expect(decided.source).toEqual({ derived: 0, read: 40 });
      expect(decided.told).toEqual([expect.stringContaining(path!)]);
    }
  });

  test("is not kept where the host did not give a run", async () => {
    const store = await keep(history(40));
    const [, lost] = (await store.list()).filter((path) => path.endsWith(".ndjson.zst"));
    const read = async (path: string) => (path === lost ? Promise.reject(new Error("HTTP 502")) : store.read(path));
    await expect(keepState({ ...store, read }, unlimited)).rejects.toThrow(/which the host did not give: HTTP 502/);
    expect(await derivedIn(store, "state")).toEqual([]);
    // Nor is anything decided or trained without it.
    await expect(decide({ ...store, read })).rejects.toThrow(/HTTP 502/);
    await expect(trainModel({ ...store, read }, unlimited)).rejects.toThrow(/HTTP 502/);
    // What is broken for good is not waited for.
    writeFileSync(join(folder, "store", lost!), "nonsense");
    expect(await keepState(store, unlimited)).toBe(40);
  });

  test("of a history with failing runs in which no test takes any time", async () => {
    const runs = history(150).map((run, index) =>
      index === 100 || index === 130 ? { ...run, tests: run.tests.map((each) => ({ ...each, duration_ms: 0 })) } : run,
    );
    const store = await keep(runs);
    await keepState(store, unlimited);
    const warm = await decide(store);
    expect([warm.source.derived, warm.model]).toEqual([150, "logistic"]);
    await remove(store, "state");
    expect((await decide(store)).plan).toBe(warm.plan);
    const { model } = (await trainModel(store, unlimited))!;
    expect(decodeModel(encodeModel(model), "m")).toEqual(model);
  });

  test("knows jobs of one run on both sides of a month, and attempts, as one run", async () => {
    const [first, second, third] = history(3);
    const at = (run: Run, job: string, started_at: string, more: Partial<Run> = {}) => ({
      ...run,
      ...more,
      job,
      started_at,
    });
    const store = await keep([
      at(first!, "a", "2026-01-31T23:59:00Z"),
      at(first!, "b", "2026-02-01T00:00:00Z"),
      at(second!, "a", "2026-01-31T23:59:30Z"),
      at(third!, "a", "2026-02-02T00:00:00Z"),
    ]);
    expect((await decide(store)).past.referenceRuns).toBe(3);
  });

  test("learns what another attempt clears, also where that comes after a state", async () => {
    const runs = history(42);
    const store = await keep(runs);
    await keepState(store, unlimited);
    const red = runs[41]!;
    const [failed] = red.tests.filter(({ status }) => status === "fail");
    expect((await decide(store)).past.memory.tests.get(failed!.id)!.flakes).toBe(0);
    const again = { ...red, run_attempt: 2, tests: [{ ...failed!, status: "pass" as const }] };
    await keep([again]);
    const { past, plan } = await decide(store);
    expect(past.memory.tests.get(failed!.id)!.flakes).toBe(1);
    const cold = await decide(await keep([...runs, again], "cold"));
    expect(plan).toBe(cold.plan);
  });

  test("does not hold what a file says of another run than its name", async () => {
    const [one, other] = history(2);
    const store = await keep([one!]);
    await store.append(segmentPath(other!), encodeSegment(one!));
    const decided = await decide(store);
    expect(decided.told).toEqual([expect.stringMatching(/holds another run than its name says/)]);
    expect(decided.past.referenceRuns).toBe(1);
  });

  test("is of the newest runs, which begin with the same one for a while", async () => {
    const runs = history(75);
    const derived: number[] = [];
    for (let count = 40; count <= 75; count += 5) {
      const store = await keep(runs.slice(0, count));
      await keepState(store, { depth: 40 });
      const warm = await decide(store, { depth: 40 });
      derived.push(warm.source.derived);
      const cold = await decide(await keep(runs.slice(0, count), `cold-${count}`), { depth: 40 });
      expect(warm.plan).toBe(cold.plan);
      expect(warm.past.referenceRuns).toBeLessThan(50);
    }
    expect(derived).toEqual([40, 40, 40, 40, 40, 40, 40, 40]);
  });

  // Fails when what a history teaches has changed: then raise `stateVersion`, and put the new digest here.
  test("has the version of what is learnt", async () => {
    const store = await keep(history(40));
    await keepState(store, unlimited);
    const [path] = await derivedIn(store, "state");
    const [, content] = zstdDecompressSync(readFileSync(join(folder, "store", path!)))
      .toString()
      .split("\n");
    expect(createHash("sha256").update(content!).digest("hex").slice(0, 16)).toBe("221f10ab065cb725");
  });
});

describe("a model in the store", () => {
  const train = async (store: Store) => {
    const trained = (await trainModel(store, unlimited))!;
    for (const { path, bytes } of trained.files) await store.append(path, bytes);
    return trained;
  };

  test("scores from its run on, with states and without", async () => {
    const runs = history(150);
    const store = await keep(runs.slice(0, 90));
    const { model } = await train(store);
    expect(model.history).toEqual({ runs: 90, failing_runs: 60 });
    expect((await decide(store)).source).toEqual({ derived: 90, read: 0 });
    await keep(runs);
    await keepState(store, unlimited);
    const warm = await decide(store);
    expect([warm.source, warm.model]).toEqual([{ derived: 150, read: 0 }, "logistic"]);
    await remove(store, "state");
    const cold = await decide(store);
    expect([cold.source.read, cold.plan]).toEqual([150, warm.plan]);
    // Without the model, the same runs teach another one.
    await remove(store, "model");
    expect((await decide(store)).plan).not.toBe(warm.plan);
  });

  test("says what selections would have saved in the latest runs, which is what those runs show", async () => {
    const runs = history(150);
    const report = modelReport();
    const trained = (await trainModel(await keep(runs), unlimited, report.watch))!;
    const { time_saved, selector } = report.of(trained, 1);
    expect([selector.runs, selector.target_recall]).toEqual([50, 0.95]);
    expect(selector.failing_runs).toBe(runs.slice(-50).filter((_, index) => (index + 100) % 3 > 0).length);
    // Each of these runs: decided by the runs before it, and timed by what came.
    let [rested, all, missed] = [0, 0, 0];
    const learner = new Learner();
    for (const run of runs.slice(0, -50)) learner.observe(run);
    for (const run of runs.slice(-50)) {
      const past = learner.past(0.95);
      const tests = run.tests.map(({ id }) => id);
      const situation = changeOf([run.changes[0]!.path], { files: [], runner: null, tests });
      const plan = choose(past, situation, { ...wishes, targetRecall: 0.95, runAllWhen: [] });
      learner.observe(run);
      const rests = new Set(plan.run === "all" ? [] : plan.tests.filter((each) => !each.chosen).map(({ id }) => id));
      for (const { id, duration_ms, status } of run.tests) {
        all += duration_ms!;
        if (!rests.has(id)) continue;
        rested += duration_ms!;
        if (status === "fail") missed += 1;
      }
    }
    expect(time_saved).toBeGreaterThan(0.3);
    expect(time_saved).toBeCloseTo(rested / all, 9);
    expect(selector.failures_missed).toBe(missed);
  });

  test("says of no time what was saved where none is known", async () => {
    const untimed = history(40).map((run) => ({
      ...run,
      tests: run.tests.map((each) => ({ ...each, duration_ms: null })),
    }));
    const report = modelReport();
    const { time_saved, selector } = report.of((await trainModel(await keep(untimed), unlimited))!, 1);
    expect([time_saved, selector.runs]).toEqual([null, 40]);
  });

  test("stays the history's own when its newest run gets another attempt", async () => {
    const runs = history(60);
    const store = await keep(runs);
    await train(store);
    const before = await decide(store);
    const again = { ...runs.at(-1)!, run_attempt: 2 };
    await keep([again]);
    const after = await decide(store);
    expect([after.told, after.model, before.model]).toEqual([[], "logistic", "logistic"]);
    const { model } = (await trainModel(await keep(runs, "other"), unlimited))!;
    expect((await decide(store, { model })).told).toEqual([]);
  });

  test("the newest of several", async () => {
    const runs = history(120);
    const store = await keep(runs.slice(0, 60));
    await train(store);
    await keep(runs.slice(0, 90));
    await train(store);
    await keep(runs);
    const both = await decide(store);
    const newest = await keep(runs.slice(0, 90), "newest");
    await train(newest);
    await keep(runs, "newest");
    expect((await decide(newest)).plan).toBe(both.plan);
  });

  test("is not replaced by a worse one, nor where too few runs tell", async () => {
    const runs = history(120);
    const store = await keep(runs.slice(0, 90));
    const { model } = await train(store);
    await keep(runs.slice(0, 95));
    const few = (await trainModel(store, unlimited))!;
    expect(few.comparison).toMatchObject({ failing_runs: 3, keeps_stored: true });
    expect(few.files).toEqual([]);

    await keep(runs);
    const better = (await trainModel(store, unlimited))!;
    expect(better.comparison).toMatchObject({ failing_runs: 20, keeps_stored: false });
    expect(better.files.length).toBeGreaterThan(0);

    // A model that knows how this history goes on from the start, in place of one that has to find it out.
    const seer = { ...model, logistic: { ...model.logistic!, weights: featureWeights({ "file: largest share": 9 }) } };
    const early = await keep(history(12), "early");
    const through = segmentPath(history(12).at(-1)!);
    await early.append(modelPath(through), Buffer.from(encodeModel({ ...seer, through })));
    await keep(history(26), "early");
    const worse = (await trainModel(early, unlimited))!;
    expect(worse.comparison!.trained).toBeLessThan(worse.comparison!.stored!);
    expect([worse.comparison!.keeps_stored, worse.files]).toEqual([true, []]);
    expect(worse.comparison!.difference!.high).toBeLessThan(0);
    expect((await trainModel(early, unlimited, undefined, true))!.files.length).toBeGreaterThan(0);
  });

  test("is judged by the latest failing runs alone", async () => {
    const store = await keep(history(60));
    await train(store);
    await keep(history(130));
    expect((await trainModel(store, unlimited))!.comparison!.failing_runs).toBe(30);
  });

  test("says what each feature tells", async () => {
    const { importance } = (await trainModel(await keep(history(150)), unlimited))!;
    expect(importance!.map(({ feature }) => feature).toSorted()).toEqual(featureNames.toSorted());
    // Only what failed together tells which test a change breaks here; how many files it has is always the same.
    expect(
      importance!
        .slice(0, 3)
        .map(({ feature }) => feature)
        .join(),
    ).toContain("file: ");
    expect(importance!.find(({ feature }) => feature === "files changed")!.importance).toBeCloseTo(0, 6);
    expect((await trainModel(await keep(history(150)), unlimited))!.importance).toEqual(importance);
    expect((await trainModel(await keep(history(8), "short"), unlimited))!.importance).toBeNull();
  });

  test("of another history, damaged, or of other features is refused, and said", async () => {
    const runs = history(80);
    const store = await keep(runs);
    const plain = await decide(store);
    const { model: foreign } = await train(await keep(history(80, 500), "other"));
    const decided = await decide(store, { model: foreign });
    expect(decided.told).toEqual([expect.stringMatching(/^The model: it was trained on another history/)]);
    expect(decided.plan).toBe(plain.plan);

    const { files } = await train(store);
    await remove(store, "state");
    const file = join(folder, "store", files[0]!.path);
    const good = readFileSync(file, "utf8");
    const raised = good.replace(/"weights":\[[^,]*/, '"weights":[9');
    const other = encodeModel({ ...decodeModel(good, "m"), features: ["luck"] });
    const moved = encodeModel({ ...decodeModel(good, "m"), through: foreign.through });
    for (const [bad, why] of [
      [raised, /checksum/],
      ["", /not JSON/],
      ["null", /version/],
      [other, /another version of the action/],
      [moved, /another history/],
    ] as const) {
      writeFileSync(file, bad);
      const refused = await decide(store);
      expect(refused.told).toEqual([expect.stringMatching(why)]);
      expect(refused.plan).toBe(plain.plan);
    }
  });

  test("is made of any history, also of one that teaches nothing", async () => {
    expect(await trainModel(await keep([], "empty"), unlimited)).toBeNull();
    const { model, past } = await train(await keep(history(8)));
    expect([model.logistic, past.model]).toEqual([null, "hand-weighted-sum"]);
    expect(decodeModel(encodeModel(model), "m")).toEqual(model);
  });
});

test("what failed on the branch itself is known, and on no other", async () => {
  const [run] = history(1);
  const red = run!.tests.map((each) => ({ ...each, status: "fail" as const }));
  const pull = { branch: "topic", trust: "pull_request" as const, default_branch: false };
  const store = await keep([...history(12), { ...run!, ...pull, run_id: "5000", tests: red.slice(0, 2) }]);
  const failures = async (branch: string | null) => [...(await decide(store, {}, branch)).past.failedOnBranch];
  expect(await failures("topic")).toEqual(red.slice(0, 2).map(({ id }) => id));
  expect(await failures("other")).toEqual([]);
  expect(await failures(null)).toEqual([]);
});

test("where only green runs recorded imports, a model takes them for a sign of passing, and they lower no score", async () => {
  const green = ({ tests }: Run) => tests.every(({ status }) => status === "pass");
  const runs = history(150).map((run) => (green(run) ? { ...run, import_distances: [] } : run));
  const past = await learn(runs, null, 0.5);
  expect(past.model).toBe("logistic");
  const changes = [{ path: "lib/elm.py", added: 1, deleted: 1 }];
  const without = past.score(changes, null);
  for (const [id, { score }] of past.score(changes, {
    imports: new Map([["checks/fir.py", { distance: 2 }]]),
    texts: null,
  }))
    expect(score).toBeGreaterThanOrEqual(without.get(id)!.score);
});

test("where only green runs compared texts, they lower no score either", async () => {
  const green = ({ tests }: Run) => tests.every(({ status }) => status === "pass");
  const runs = history(150).map((run) => ({
    ...run,
    import_distances: [],
    ...(green(run) && { text_similarities: [{ path: "checks/fir.py", similarity: 0.9 }] }),
  }));
  const past = await learn(runs, null, 0.5);
  expect([past.model, past.knowingSources.texts]).toEqual(["logistic", 0]);
  const changes = [{ path: "lib/elm.py", added: 1, deleted: 1 }];
  const imports = new Map();
  const without = past.score(changes, { imports, texts: null });
  for (const [id, { score }] of past.score(changes, {
    imports,
    texts: new Map([["checks/fir.py", { similarity: 0.9 }]]),
  }))
    expect(score).toBeGreaterThanOrEqual(without.get(id)!.score);
});

test("runs without numbers have no order of age, so they are all read each time", async () => {
  const runs = history(30).map((run) => ({ ...run, run_id: `build-${run.run_id}` }));
  const store = await keep(runs);
  expect(await keepState(store, unlimited)).toBeNull();
  expect((await decide(store)).past.referenceRuns).toBe(30);
  await expect(trainModel(store, unlimited)).rejects.toThrow(/nobody can tell their order/);
});
