import { describe, expect, it } from "vitest";
import { chance } from "./chance.ts";
import { isReference } from "./outcomes.ts";
import { Learner } from "./past.ts";
import { type ReplayOptions, replay } from "./replay.ts";
import { execution, fullRun, projectHistory, wishes } from "./samples.ts";

const options: ReplayOptions = { evaluateFrom: 0.4, budgets: [0.25, 1], wishes };

/** Changes name no test: module k breaks the test of module k + 1, which only learning can find. */
function coupledHistory(runs: number) {
  return Array.from({ length: runs }, (_, index) => {
    const changed = index % 8;
    const tests = Array.from({ length: 40 }, (_, test) =>
      execution(`checks/c${test}.py`, `check_${test}`, {
        status: test === changed + 1 && index % 2 === 1 ? "fail" : "pass",
      }),
    );
    return fullRun([`lib/m${changed}.py`], tests);
  });
}

/** Neither names nor places tell: each change is of a new file, and breaks what imports it; see `import_distances`. */
function importingHistory(runs: number, recorded: boolean) {
  return Array.from({ length: runs }, (_, index) => {
    const importer = Math.floor(chance(String(index)) * 40);
    const tests = Array.from({ length: 40 }, (_, test) =>
      execution(`checks/c${test}.py`, `check_${test}`, {
        status: test === importer && index % 2 === 1 ? "fail" : "pass",
      }),
    );
    const near = { path: `checks/c${importer}.py`, distance: 1 };
    const far = { path: `checks/c${(importer + 3) % 40}.py`, distance: 4 };
    return fullRun([`lib/new${index}.py`], tests, recorded ? { import_distances: [near, far] } : {});
  });
}

describe("replay", () => {
  it("learns from the imports that runs recorded", async () => {
    const [told, untold] = await Promise.all(
      [true, false].map((recorded) => replay(importingHistory(120, recorded), options)),
    );
    expect(told!.all.model.apfd).toBeGreaterThan(0.95);
    expect(untold!.all.model.apfd).toBeLessThan(0.8);
  });

  it("a policy that learns which file breaks which test beats those that cannot know", async () => {
    const report = await replay(coupledHistory(160), options);
    expect(report.runs).toBe(160);
    expect(report.evaluated_runs).toBe(96);
    expect(report.failing_runs).toBe(48);
    for (const name of ["random", "shortest_first", "name_similarity", "last_fail"] as const) {
      expect(report.all.model.apfd).toBeGreaterThan(report.all[name].apfd);
    }
    expect(report.all.model.change_recall["0.25"]).toBe(1);
    for (const name of ["random", "shortest_first", "name_similarity"] as const) {
      const { mean, low } = report.versus.all[name]!;
      expect(mean).toBeCloseTo(report.all.model.apfdc - report.all[name].apfdc, 9);
      expect(low).toBeGreaterThan(0);
    }
    for (const policy of Object.values(report.all)) expect(policy.change_recall["1"]).toBe(1);
  });

  it("knows nothing of the run it orders: what follows a run does not change its scores", async () => {
    const history = coupledHistory(60);
    const scoresAfter = (runs: typeof history) => {
      const learner = new Learner();
      for (const run of runs) learner.observe(run);
      return [...learner.past(0.9).score([{ path: "lib/m3.py", added: 1, deleted: 0 }], null)].map(
        ([id, { score }]) => [id, score],
      );
    };
    const before = scoresAfter(history.slice(0, 40));
    scoresAfter(history);
    expect(scoresAfter(history.slice(0, 40))).toEqual(before);
    // The last evaluated run is scored the same whatever its own outcome is, so a change of it moves only its own measures.
    const flipped = history.map((run, index) =>
      index === 59 ? { ...run, tests: run.tests.map((test) => ({ ...test, status: "pass" as const })) } : run,
    );
    const [a, b] = [await replay(history, options), await replay(flipped, options)];
    expect(b.failing_runs).toBe(a.failing_runs - 1);
    expect(b.selector.tests_run_fraction).toBe(a.selector.tests_run_fraction);
  });

  it("tells new failures from repeated ones", async () => {
    const stubborn = Array.from({ length: 20 }, () =>
      fullRun(["a.py"], [execution("t.py", "always", { status: "fail" }), execution("t.py", "never")]),
    );
    const report = await replay(stubborn, { ...options, evaluateFrom: 0.5 });
    expect(report.failing_runs).toBe(10);
    expect(report.new.model.apfd).toBe(0);
    expect(report.all.model.apfd).toBe(0.75);
  });

  it("counts what the action's own decision would have run and missed", async () => {
    const report = await replay(projectHistory(8), options);
    expect(report.selector.runs_escaped).toBe(0);
    expect(report.selector.tests_run_fraction).toBeLessThan(0.6);
    expect(report.selector.time_fraction).toBeCloseTo(report.selector.tests_run_fraction, 6);
    const strict = await replay(projectHistory(8), { ...options, wishes: { ...wishes, targetRecall: 0.99 } });
    expect(strict.selector.full_runs).toBe(strict.evaluated_runs);
    const blind = await replay(coupledHistory(60), {
      ...options,
      evaluateFrom: 0.02,
      wishes: { ...wishes, maxFraction: 0 },
    });
    expect(blind.selector.runs_escaped).toBeGreaterThan(0);
    expect(blind.selector.failures_missed).toBeGreaterThanOrEqual(blind.selector.runs_escaped);
  });

  it("passes over runs that may not teach, and reports progress", async () => {
    const history = coupledHistory(30);
    const mixed = history.flatMap((run) => [run, { ...run, run_id: `${run.run_id}f`, trust: "fork" as const }]);
    const seen: number[] = [];
    const report = await replay(mixed, { ...options, onProgress: (done) => seen.push(done) });
    expect(report.runs).toBe(mixed.filter(isReference).length);
    expect(seen).toEqual(Array.from({ length: 30 }, (_, index) => index + 1));
  });
});

describe("the learned model", () => {
  it("takes over from the hand-weighted sum once it has ordered failing runs better", () => {
    // Names mislead here: a change of lib/<word> breaks not the checks that share the word but one further on.
    const names = ["ash", "birch", "cedar", "elm", "fir", "holly", "larch", "maple", "oak", "pine"];
    const run = (index: number) => {
      const changed = index % names.length;
      const broken = names[(changed + 3) % names.length];
      const tests = names.flatMap((name) =>
        [0, 1, 2, 3].map((n) =>
          execution(`checks/${name}/${n}.py`, `check_${name}`, {
            status: name === broken && n === 0 && index % 3 > 0 ? "fail" : "pass",
          }),
        ),
      );
      return fullRun([`lib/${names[changed]}.py`], tests);
    };
    const learner = new Learner();
    const models = Array.from({ length: 200 }, (_, index) => {
      learner.observe(run(index));
      return learner.past(0.5).model;
    });
    expect(models[15]).toBe("hand-weighted-sum");
    expect(models.at(-1)).toBe("logistic");
  });
});
