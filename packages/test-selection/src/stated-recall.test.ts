/** The stated recall against what came, over many projects that chance made: nothing in them is told to the selection. */
import type { Run } from "@goatnote/ci-history";
import { describe, expect, it } from "vitest";
import { chance } from "./chance.ts";
import { choose } from "./choose.ts";
import { outcomes } from "./outcomes.ts";
import { Learner } from "./past.ts";
import { runners } from "./runners/index.ts";
import { changeOf, execution, fullRun, wishes as usual } from "./samples.ts";

/** What tells a run from others. What is sampled depends on it, so it is the same whichever tests ran before in the process. */
const named = (seed: number, index: number, workflow = ""): Partial<Run> => ({
  run_id: `${seed}/${index}/${workflow}`,
  sha: index.toString(16).padStart(40, "0"),
  started_at: new Date(Date.UTC(2026, 0, 1) + index * 60_000).toISOString(),
});

/**
 * Each file has a test that mostly notices a fault in it, and else any test does; some tests take a thousand times as
 * long as others. Every other run is red, and mended by the next, so that no test is still red from before.
 */
function project(seed: number, runs: number) {
  const size = 24;
  const durations = Array.from({ length: size }, (_, test) => 10 * 1000 ** chance("duration", `${seed}/${test}`));
  return Array.from({ length: runs }, (_, index) => {
    const draw = (what: string): number => chance(what, `${seed}/${index}`);
    const changed = Math.floor(draw("file") * size);
    const broken = draw("aimed") < 0.8 ? (changed + 5) % size : Math.floor(draw("test") * size);
    const tests = durations.map((duration, test) =>
      execution(`checks/c${test}.py`, `check_${test}`, {
        duration_ms: duration,
        status: index % 2 === 1 && test === broken ? "fail" : "pass",
      }),
    );
    return fullRun([`lib/m${changed}.py`], tests, named(seed, index));
  });
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
const [projects, warmUp, judged] = [24, 70, 30];

/** For each wish and project the share of red changes that stayed red, and the share of the time that was spent. */
function judge(wishes: readonly (typeof usual)[]) {
  const results = wishes.map(() => ({ recalls: [] as number[], times: [] as number[] }));
  for (let seed = 0; seed < projects; seed += 1) {
    const learner = new Learner();
    learner.scorers.retraining = "by hand";
    const tallies = wishes.map(() => ({ caught: 0, spent: 0, time: 0 }));
    for (const [index, run] of project(seed, warmUp + judged).entries()) {
      if (index === 30 || index === warmUp) learner.scorers.retrain();
      const result = outcomes(run);
      if (index >= warmUp)
        for (const [at, wish] of wishes.entries()) {
          const situation = changeOf([run.changes[0]!.path], { files: [], runner: null, tests: [...result.keys()] });
          for (const { id, chosen } of choose(learner.past(wish.targetRecall), situation, wish).tests) {
            const { failed, durationMs } = result.get(id)!;
            tallies[at]!.time += durationMs!;
            if (chosen) tallies[at]!.spent += durationMs!;
            if (chosen && failed) tallies[at]!.caught += 1;
          }
        }
      learner.observe(run);
    }
    for (const [at, { caught, spent, time }] of tallies.entries()) {
      results[at]!.recalls.push(caught / (judged / 2));
      results[at]!.times.push(spent / time);
    }
  }
  return results.map(({ recalls, times }) => {
    const recall = mean(recalls);
    const deviation = Math.sqrt(mean(recalls.map((each) => (each - recall) ** 2)) / (projects - 1));
    return { recall, deviation, time: mean(times) };
  });
}

describe("over projects that chance made", () => {
  it("a stated recall holds, and takes less time than where tests are counted", () => {
    const targets = [0.8, 0.9];
    // With `maxFraction` tests are counted; all of them is no limit.
    const wishes = targets.flatMap((targetRecall) => [
      { ...usual, targetRecall },
      { ...usual, targetRecall, maxFraction: 1 },
    ]);
    const results = judge(wishes);
    for (const [at, target] of targets.entries()) {
      const [timed, counted] = results.slice(2 * at);
      for (const { recall, deviation } of [timed!, counted!]) expect(recall).toBeGreaterThan(target - 2 * deviation);
      // A cut that is far too low would hold any recall.
      expect(timed!.time).toBeLessThan(0.5);
      expect(timed!.time).toBeLessThan(0.7 * counted!.time);
    }
  });

  it("takes less time also where a runner can only be given files, in which slow tests have quick neighbours", () => {
    const judgeFiles = (runner: typeof runners.vitest | null) => {
      let [caught, red, spent, all] = [0, 0, 0, 0];
      for (let seed = 0; seed < 12; seed += 1) {
        const learner = new Learner();
        learner.scorers.retraining = "by hand";
        for (const [index, { changes, tests }] of project(seed, warmUp + judged).entries()) {
          if (index === 30 || index === warmUp) learner.scorers.retrain();
          const neighbours = tests.map(({ file }) => execution(file!, "check_quick", { duration_ms: 1 }));
          const run = fullRun([changes[0]!.path], [...tests, ...neighbours], named(seed, index));
          const result = outcomes(run);
          if (index >= warmUp) {
            const situation = changeOf([changes[0]!.path], { files: [], runner, tests: [...result.keys()] });
            for (const { id, chosen } of choose(learner.past(0.8), situation, { ...usual, targetRecall: 0.8 }).tests) {
              const { failed, durationMs } = result.get(id)!;
              all += durationMs!;
              if (chosen) spent += durationMs!;
              if (failed) red += 1;
              if (failed && chosen) caught += 1;
            }
          }
          learner.observe(run);
        }
      }
      return { recall: caught / red, time: spent / all };
    };
    const [files, single] = [judgeFiles(runners.vitest), judgeFiles(null)];
    for (const { recall } of [files, single]) expect(recall).toBeGreaterThan(0.7);
    // A file that is priced by its quickest test would always run.
    expect(files.time).toBeLessThan(1.5 * single.time);
  });

  it("holds where one workflow has the slow tests and another many quick ones", () => {
    const targetRecall = 0.8;
    const recalls = Array.from({ length: 8 }, (_, seed) => {
      const learner = new Learner();
      learner.scorers.retraining = "by hand";
      let [caught, red] = [0, 0];
      for (const [index, run] of project(seed, warmUp + judged).entries()) {
        if (index === 30 || index === warmUp) learner.scorers.retrain();
        const slow = { ...run, tests: run.tests.map((test) => ({ ...test, duration_ms: test.duration_ms! * 1000 })) };
        const names = Array.from({ length: 200 }, (_, test) => execution(`quick/q${test}.py`, `quick_${test}`));
        const quick = fullRun(
          run.changes.map(({ path }) => path),
          names,
          named(seed, index, "quick"),
        );
        const failed = run.tests.find(({ status }) => status === "fail");
        if (index >= warmUp && failed) {
          const tests = [...learner.memory.tests.keys()];
          const situation = changeOf([run.changes[0]!.path], { files: [], runner: null, tests });
          const plan = choose(learner.past(targetRecall), situation, { ...usual, targetRecall });
          red += 1;
          caught += Number(plan.tests.find(({ id }) => id === failed.id)!.chosen);
        }
        for (const each of [slow, quick]) learner.observe(each);
      }
      return caught / red;
    });
    const deviation = Math.sqrt(mean(recalls.map((each) => (each - mean(recalls)) ** 2)) / (recalls.length - 1));
    expect(mean(recalls)).toBeGreaterThan(targetRecall - 2 * deviation);
  });
});
