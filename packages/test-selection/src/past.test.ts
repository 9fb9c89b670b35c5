import type { Run } from "@goatnote/ci-history";
import { describe, expect, it } from "vitest";
import { choose } from "./choose.ts";
import { sourcesOf } from "./links.ts";
import { learn, wholeRuns } from "./past.ts";
import { changeOf, execution, fullRun, projectRun, wishes } from "./samples.ts";

const selected = {
  selection: { mode: "select" as const, plan_digest: `sha256:${"0".repeat(64)}`, target_recall: 0.9 },
};

describe("what past failing runs say of scores", () => {
  it("a failing run counts by the best score of its failing tests, as scored before it", async () => {
    const { best: both } = await learn([
      projectRun(null, null),
      projectRun("beta", "beta"),
      projectRun("beta", null),
      projectRun("beta", "beta"),
    ]);
    const best = both.count;
    expect(best).toHaveLength(2);
    // All take as long, so that time tells nothing more.
    expect(Math.exp(both.time[1]!)).toBeCloseTo(best[1]!, 4);
    expect(best[0]).toBeGreaterThan(0);
    // The second time the file and its tests have failed together before.
    expect(best[1]).toBeGreaterThan(best[0]!);
  });

  it("the first run does not count, nor a run whose change is not known", async () => {
    expect((await learn([projectRun("beta", "beta")])).best.count).toEqual([]);
    const unknown = { ...projectRun("beta", "beta"), changes: [] };
    expect((await learn([projectRun(null, null), unknown])).best.count).toEqual([]);
  });

  it("a run that merely stays red does not count", async () => {
    const past = await learn([projectRun(null, null), projectRun("beta", "beta"), projectRun("alpha", "beta")]);
    expect([past.failingRuns, past.best.count.length]).toEqual([2, 1]);
  });

  it("a run that a safety net would have caught counts as caught", async () => {
    const edited = fullRun(["tests/test_beta.py"], [execution("tests/test_beta.py", "test_one", { status: "fail" })]);
    expect((await learn([projectRun(null, null), edited])).best).toEqual({
      count: [Number.POSITIVE_INFINITY],
      time: [Number.POSITIVE_INFINITY],
      "file-time": [Number.POSITIVE_INFINITY],
    });
  });

  it("the same tests count three times at most", async () => {
    const often = Array.from({ length: 9 }, () => [projectRun("beta", "beta"), projectRun("beta", null)]).flat();
    expect((await learn([projectRun(null, null), ...often])).best.count).toHaveLength(3);
    expect((await learn([projectRun(null, null), ...often, projectRun("alpha", "alpha")])).best.count).toHaveLength(4);
  });

  it("runs that a plan cut short neither teach nor count", async () => {
    const past = await learn([projectRun(null, null), { ...projectRun("beta", "beta"), ...selected }]);
    expect([past.referenceRuns, past.best.count]).toEqual([1, []]);
  });
});

describe("the runs of a history", () => {
  it("jobs of one CI run are one run, red when any of them is", async () => {
    const green = projectRun("beta", null, { run_id: "7", job: "linux" });
    const red = projectRun("beta", "beta", { run_id: "7", job: "windows" });
    for (const jobs of [
      [green, red],
      [red, green],
    ]) {
      const past = await learn([projectRun(null, null), ...jobs]);
      expect([past.referenceRuns, past.failingRuns]).toEqual([2, 1]);
      expect(past.memory.tests.get("tests/test_beta.py||test_one")?.lastFailed).toBe(true);
    }
  });

  it("jobs that were planned by themselves keep the links of their tests, of a file that both name the closer one", async () => {
    const job = (links: [path: string, distance: number, similarity: number][]) => ({
      ...projectRun("beta", null),
      run_id: "9",
      import_distances: links.map(([path, distance]) => ({ path, distance })),
      text_similarities: links.map(([path, , similarity]) => ({ path, similarity })),
    });
    const [whole] = await Array.fromAsync(
      wholeRuns([
        job([
          ["a.py", 2, 0.2],
          ["both.py", 1, 0.1],
        ]),
        job([
          ["both.py", 3, 0.3],
          ["b.ts", 1, 0.5],
        ]),
      ]),
    );
    expect(sourcesOf(whole!)).toEqual({
      imports: new Map([
        ["a.py", { distance: 2 }],
        ["both.py", { distance: 1 }],
        ["b.ts", { distance: 1 }],
      ]),
      texts: new Map([
        ["a.py", { similarity: 0.2 }],
        ["both.py", { similarity: 0.3 }],
        ["b.ts", { similarity: 0.5 }],
      ]),
    });
  });

  it("jobs of two runs that overlap are not taken for four runs", async () => {
    const jobs = (id: string) => ["linux", "windows"].map((job) => projectRun("beta", "beta", { run_id: id, job }));
    const [[a1, a2], [b1, b2]] = [jobs("8"), jobs("9")] as const;
    const past = await learn([projectRun(null, null), a1!, b1!, a2!, b2!]);
    expect([past.referenceRuns, past.failingRuns]).toEqual([3, 2]);
  });

  it("one job that a plan cut short keeps the whole run from teaching", async () => {
    const [whole, part] = [
      projectRun("beta", "beta", { run_id: "8", job: "a" }),
      { ...projectRun("beta", null, { run_id: "8", job: "b" }), ...selected },
    ];
    for (const order of [
      [whole, part],
      [part, whole],
    ])
      expect((await learn(order)).referenceRuns).toBe(0);
  });

  it("takes runs of 200,000 tests", async () => {
    const many = (job: string) =>
      fullRun(
        ["a.py"],
        Array.from({ length: 200_000 }, (_, index) => execution("t.py", `t${index}`)),
        { run_id: "1000", job },
      );
    expect((await learn([many("a"), many("b")])).memory.tests.size).toBe(200_000);
  });

  it("a run that lacks the record of one of its shards is incomplete", async () => {
    const shard = (job: string) => projectRun(null, null, { run_id: "9", job, shards: 2 });
    const [one, two] = [shard("a"), shard("b")];
    expect((await learn([one])).lastSha).toBeNull();
    expect((await learn([one, two])).lastSha).toBe(one.sha);
  });

  it("running some of a run's jobs again does not show which tests there are no longer", async () => {
    const job = (name: string, run_attempt: number, tests: string[]) =>
      fullRun(
        ["a.py"],
        tests.map((test) => execution("tests/t.py", test)),
        { run_id: "9", job: name, run_attempt },
      );
    const past = await learn([
      job("linux", 1, ["common"]),
      job("windows", 1, ["common", "only_there"]),
      job("linux", 2, ["common"]),
    ]);
    const [common, other] = past.memory.tests.values();
    expect([common, other].map((test) => past.memory.isCurrent(test!))).toEqual([true, true]);
  });

  it("a run that lacks a job of the one before does not say which commit is recorded, until there are five", async () => {
    const commit = (number: number, ...jobs: string[]) =>
      jobs.map((job) => projectRun(null, null, { run_id: String(number), sha: String(number).repeat(40), job }));
    const upTo = async (last: number): Promise<string | undefined> => {
      const lacking = [2, 3, 4, 5, 6].filter((number) => number <= last).flatMap((number) => commit(number, "a"));
      return (await learn([...commit(1, "a", "b"), ...lacking])).lastSha?.[0];
    };
    expect([await upTo(1), await upTo(2), await upTo(5), await upTo(6)]).toEqual(["1", "1", "1", "6"]);
    const nameless = { ...projectRun(null, null), sha: "1".repeat(40) };
    expect((await learn([nameless, ...commit(2, "a")])).lastSha).toBe("2".repeat(40));
    const more = [...commit(1, "a", "b"), ...commit(2, "a"), ...commit(3, "b", "c", "a")];
    expect((await learn(more)).lastSha).toBe("3".repeat(40));
  });

  it("a run that ended before tests that are still there does not say which commit is recorded", async () => {
    const whole = projectRun(null, null);
    const first = whole.tests.slice(0, 3);
    const part = (status: "pass" | "fail", ...changed: string[]) =>
      fullRun(changed, [...first.slice(0, -1), { ...first.at(-1)!, status }]);
    const lastOf = async (...runs: Run[]): Promise<string | null> => (await learn([whole, ...runs])).lastSha;
    expect(await lastOf(part("fail", "src/alpha.py"))).toBe(whole.sha);
    // What the change took away, and what a report of its file no longer has, is gone.
    const others = ["tests/test_gamma.py", "tests/test_delta.py"];
    const gone = part("pass", ...others);
    expect(await lastOf(gone)).toBe(gone.sha);
    // Also where a run before, which ended early, was that of the change.
    const again = part("pass");
    expect(await lastOf(part("fail", ...others), again)).toBe(again.sha);
    // Another workflow has others, and takes none away.
    const other = fullRun([], [execution("e2e/test_page.py", "works")]);
    const next = projectRun(null, null);
    expect([await lastOf(other), await lastOf(other, next)]).toEqual([whole.sha, next.sha]);
    const green = Array.from({ length: 5 }, () => part("pass"));
    expect([await lastOf(...green.slice(1)), await lastOf(...green)]).toEqual([whole.sha, green[4]!.sha]);
    expect(await lastOf(...Array.from({ length: 8 }, () => part("fail")))).toBe(whole.sha);
    expect(await lastOf(...Array.from({ length: 9 }, () => part("fail")))).not.toBe(whole.sha);
  });

  it("an incomplete run does not say which commit is recorded", async () => {
    const whole = projectRun(null, null);
    const { lastSha } = await learn([whole, projectRun(null, null, { report_complete: false })]);
    expect(lastSha).toBe(whole.sha);
  });
});

describe("scores", () => {
  it("a test that failed with a file outranks one that shares no more than a word with it", async () => {
    const tests = (broken: boolean) => [
      execution("tests/test_engine_words.py", "test_words"),
      execution("tests/test_other.py", "test_coupled", { status: broken ? "fail" : "pass" }),
    ];
    const history = Array.from({ length: 6 }, (_, index) => fullRun(["src/engine.py"], tests(index % 2 === 1)));
    const files = ["tests/test_engine_words.py", "tests/test_other.py"];
    const plan = choose(await learn([...history, fullRun([], tests(false))]), changeOf(["src/engine.py"], { files }), {
      ...wishes,
      maxFraction: 0,
    });
    expect(plan.tests[0]?.id).toBe("tests/test_other.py||test_coupled");
    expect(plan.tests[0]?.reason).toBe("failed in 3 of 6 runs that changed src/engine.py");
  });
});
