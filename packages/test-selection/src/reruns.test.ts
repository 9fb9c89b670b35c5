import type { Execution, Run } from "@goatnote/ci-history";
import { describe, expect, it } from "vitest";
import { chance } from "./chance.ts";
import { choose } from "./choose.ts";
import { trust } from "./memory.ts";
import { Learner, learn, wholeRuns } from "./past.ts";
import { changeOf, execution, fullRun, idOf, wishes } from "./samples.ts";

const flaky = idOf("checks/net.py", "check_net");
const linked = (module: number): string => idOf(`checks/c${module}.py`, `check_${module}`);

/** Module k breaks check k + 1 in every third run; `check_net` fails in every second for no reason of the change. */
function runsOf(count: number, again: "rerun" | "retry" | "never"): Run[] {
  return Array.from({ length: count }, (_, index) => {
    const changed = Math.floor(chance("changed", String(index)) * 8);
    const fails = chance("flaky", String(index)) < 0.5;
    const checks = (isRed: boolean): Execution[] =>
      Array.from({ length: 10 }, (_, test) =>
        execution(`checks/c${test}.py`, `check_${test}`, {
          status: isRed && test === changed + 1 && index % 3 === 1 ? "fail" : "pass",
        }),
      );
    const net = (status: Execution["status"], more: Partial<Execution> = {}): Execution =>
      execution("checks/net.py", "check_net", { status, ...more });
    const run = fullRun(
      [`lib/m${changed}.py`],
      [
        ...checks(true),
        ...(fails && again === "retry" ? [net("fail"), net("pass", { attempt: 2 })] : [net(fails ? "fail" : "pass")]),
      ],
      { run_id: String(1000 + index), sha: index.toString(16).padStart(40, "0"), job: "linux" },
    );
    const { run_id, sha } = run;
    const more: Run[] = [];
    if (fails && again === "rerun")
      more.push(fullRun([`lib/m${changed}.py`], [net("pass")], { run_id, run_attempt: 2, sha, job: "linux" }));
    return [run, ...more];
  }).flat();
}

const rankOf = async (runs: Run[], id: string): Promise<number> => {
  const past = await learn(runs, null, 0.5);
  // No safety net: it passed last.
  expect(past.memory.tests.get(flaky)!.lastFailed).toBe(false);
  const tests = [...past.memory.tests.keys()];
  const plan = choose(past, changeOf(["lib/m3.py"], { files: [], runner: null, tests }), {
    ...wishes,
    targetRecall: 0.5,
  });
  return plan.tests.findIndex((test) => test.id === id);
};
const endingGreen = (runs: Run[]): Run[] => [
  ...runs,
  fullRun(["docs/x.md"], [execution("checks/net.py", "check_net")], { job: "linux" }),
];

describe("a test that fails for no reason of the change", () => {
  it("is ranked first while nothing shows it", async () => {
    expect(await rankOf(endingGreen(runsOf(90, "never")), flaky)).toBe(0);
  });

  it.each(["rerun", "retry"] as const)("is not, once a %s of the same commit has passed", async (again) => {
    const runs = endingGreen(runsOf(90, again));
    expect(await rankOf(runs, linked(4))).toBe(0);
    expect(await rankOf(runs, flaky)).toBeGreaterThan(0);
  });

  it.each(["rerun", "retry"] as const)("does not say how likely a test has to be, with a %s", async (again) => {
    const broken = runsOf(90, again).filter(({ tests }) =>
      tests.some(({ id, status }) => id !== flaky && status === "fail"),
    );
    const { best } = await learn(runsOf(90, again), null, 0.5);
    // At most three of a kind, and none of what a rerun has cleared, whatever else broke in it.
    expect(best.count.length).toBeGreaterThan(5);
    expect(best.count.length).toBeLessThanOrEqual(broken.length);
    const { best: untold } = await learn(runsOf(90, "never"), null, 0.5);
    expect(untold.count.length).toBeGreaterThan(best.count.length);
  });

  it("counts until the rerun has come, and no longer", async () => {
    const learner = new Learner();
    const first = fullRun(["lib/a.py"], [execution("t.py", "one"), execution("t.py", "two")]);
    const red = fullRun(["lib/a.py"], [execution("t.py", "one", { status: "fail" }), execution("t.py", "two")]);
    const again = { ...red, run_attempt: 2, tests: first.tests };
    for (const run of [first, red]) learner.observe(run);
    expect(learner.past(0.5).best.count).toHaveLength(1);
    expect(trust(learner.memory.tests.get(idOf("t.py", "one"))!)).toBe(1);
    // What a state keeps in between is all of it.
    const kept = Learner.from(JSON.parse(JSON.stringify(learner.state)));
    for (const each of [learner, kept]) {
      each.observe(again);
      expect(each.past(0.5).best.count).toHaveLength(0);
      expect(trust(each.memory.tests.get(idOf("t.py", "one"))!)).toBeCloseTo(1 / 3);
    }
    expect(kept.state).toEqual(learner.state);
  });

  const clears = async (again: Partial<Run>, legs: string[] = ["linux"]): Promise<boolean> => {
    const job = (run: Run, name: string): Run => ({ ...run, job: name });
    const green = fullRun(["lib/a.py"], [execution("t.py", "one")]);
    const red = fullRun(["lib/a.py"], [execution("t.py", "one", { status: "fail" })]);
    const rerun = { ...red, tests: green.tests, ...again };
    const runs = [job(green, "linux"), job(green, "windows"), job(red, "linux"), job(green, "windows")];
    runs[3] = { ...job(green, "windows"), run_id: red.run_id, sha: red.sha };
    const all = [...runs, ...legs.map((leg) => job(rerun, leg))];
    return trust((await learn(all)).memory.tests.get(idOf("t.py", "one"))!) < 1;
  };

  it("is only believed where the same jobs ran again on the same commit", async () => {
    expect(await clears({ run_attempt: 2 })).toBe(true);
    expect(await clears({ run_attempt: 2 }, ["windows"])).toBe(false);
    expect(await clears({ run_attempt: 2 }, ["windows", "linux"])).toBe(true);
    expect(await clears({ run_attempt: 2, sha: "f".repeat(40) })).toBe(false);
    expect(await clears({ run_attempt: 2, trust: "fork" })).toBe(false);
    expect(await clears({ run_attempt: 2, report_complete: false })).toBe(false);
    expect(await clears({ run_attempt: 2, tests: [execution("t.py", "one", { status: "skip" })] })).toBe(false);
    // Two runs of one commit may differ in what is not recorded, as two workflows do.
    expect(await clears({ run_id: "other" })).toBe(false);
    expect(await clears({ run_id: "other", event: "schedule" })).toBe(false);
  });
});

it("a test that is skipped when tried again has failed", async () => {
  const tests = [
    execution("t.py", "one", { status: "fail" }),
    execution("t.py", "one", { status: "skip", attempt: 2 }),
  ];
  expect((await learn([fullRun(["a.py"], tests)])).failingRuns).toBe(1);
});

it("a retried test of one job is not taken for that of another", async () => {
  const tests = (status: Execution["status"]) => [
    execution("t.py", "one", { status: "fail" }),
    execution("t.py", "one", { status, attempt: 2 }),
  ];
  const jobs = [
    fullRun(["a.py"], tests("pass"), { run_id: "1", job: "linux" }),
    fullRun(["a.py"], tests("fail"), { run_id: "1", job: "windows" }),
  ];
  for (const order of [jobs, jobs.toReversed()]) {
    const [whole] = await Array.fromAsync(wholeRuns(order));
    const past = await learn([whole!]);
    expect(past.failingRuns).toBe(1);
  }
});
