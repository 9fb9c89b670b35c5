import type { Run } from "@goatnote/ci-history";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { choose } from "./choose.ts";
import { distil } from "./distil.ts";
import { learn, type Past } from "./past.ts";
import type { Plan } from "./plan.ts";
import { runners } from "./runners/index.ts";
import {
  changeOf,
  execution,
  fullRun,
  idOf,
  modules,
  projectFiles,
  projectHistory,
  projectRun,
  wishes,
} from "./samples.ts";
import type { Situation, Wishes } from "./situation.ts";
import { worthBy } from "./worth.ts";

const planFor = async (situation: Situation, more: Partial<Wishes> = {}, history = projectHistory(4)): Promise<Plan> =>
  choose(await learn(history, "feature", 0.9), situation, { ...wishes, ...more });
const chosen = (plan: Plan): string[] =>
  plan.tests
    .filter((test) => test.chosen)
    .map(({ id }) => id)
    .sort();
const testsOf = (name: string): string[] => ["test_one", "test_two"].map((test) => idOf(`tests/test_${name}.py`, test));
/** As past failing runs leave them, where all tests take as long. */
const bestOf = (scores: readonly number[]): Past["best"] => {
  const { of } = worthBy("hand-weighted-sum", "time", []);
  const time = scores.map((score) => of(score, null));
  return { count: [...scores], time, "file-time": time };
};
const reasonOf = (plan: Plan, id: string): string => plan.tests.find((test) => test.id === id)?.reason ?? "";

describe("a change to one module", () => {
  it("runs that module's tests, rests the others, and says why for each", async () => {
    const plan = await planFor(changeOf(["src/beta.py"]));
    expect(plan.run).toBe("chosen");
    expect(chosen(plan)).toEqual(testsOf("beta"));
    expect(reasonOf(plan, testsOf("beta")[0]!)).toMatch(
      /failed in 4 of 8 runs that changed src\/beta\.py|shares "beta"/,
    );
    expect(reasonOf(plan, testsOf("alpha")[0]!)).toMatch(/^rests: its score is below 1\.3, the cut for its duration; /);
    expect(plan.tests.every(({ reason }) => reason !== "")).toBe(true);
  });

  it("states the recall of its choice, from the latest failing runs that it takes", async () => {
    const plan = await planFor(changeOf(["src/beta.py"]));
    expect(plan.confidence).toBeGreaterThanOrEqual(0.9);
    expect(plan.reason).toBe(
      `2 of 8 tests run. If this change breaks something, the chosen tests notice in about ${(plan.confidence! * 100).toFixed(0)} of 100 such changes (going by 9 past failures).`,
    );
    expect(plan.history).toEqual({ runs: 33, failing_runs: 16 });
  });

  it("says why all run, when past misses have lowered the cut below every score", async () => {
    const past = await learn(projectHistory(4), null, 0.9);
    const plan = choose({ ...past, best: bestOf(new Array(20).fill(0)) }, changeOf(["src/beta.py"]), wishes);
    expect(plan.reason).toBe("All 8 tests run, since none scores lower than one that a past change broke.");
  });

  it("chooses a test that scores exactly as high as the cut", async () => {
    const past = await learn(projectHistory(4), null, 0.9);
    const first = choose(past, changeOf(["src/beta.py"]), wishes);
    const score = first.tests.find((test) => test.chosen)!.score!;
    const plan = choose({ ...past, best: bestOf(new Array(20).fill(score)) }, changeOf(["src/beta.py"]), wishes);
    expect(chosen(plan)).toEqual(testsOf("beta"));
  });

  it("makes the same plan from the same seed", async () => {
    const history = projectHistory(4);
    const once = await planFor(changeOf(["src/beta.py"]), { explore: 0.5 }, history);
    expect(await planFor(changeOf(["src/beta.py"]), { explore: 0.5 }, history)).toEqual(once);
    const others = await Promise.all(
      ["a", "b", "c", "d", "e"].map((seed) => planFor(changeOf(["src/beta.py"]), { explore: 0.5, seed }, history)),
    );
    expect(others.some((plan) => chosen(plan).join() !== chosen(once).join())).toBe(true);
  });
});

describe("what a test imports", () => {
  it("runs in the likeliest of the nearest tests where all of them would rest, and within a budget rests", async () => {
    const past = await learn(projectHistory(4), null, 0.9);
    const cut = { ...past, best: bestOf(new Array(20).fill(1e6)) };
    const link = { distance: 1, changed: "src/delta.py" };
    const links = [
      ["tests/test_delta.py", link],
      ["tests/test_gamma.py", link],
      ["tests/test_alpha.py", { ...link, distance: 2 }],
      ["tests/test_beta.py", { distance: 3, changed: "src/deep.py" }],
    ] as const;
    const situation = changeOf(["src/delta.py"], { sources: { imports: new Map(links), texts: null } });
    const plan = choose(cut, situation, { ...wishes, minTests: 0 });
    const [deep, id] = chosen(plan).sort();
    expect(chosen(plan)).toHaveLength(2);
    expect([testsOf("beta").includes(deep!), testsOf("delta").includes(id!)]).toEqual([true, true]);
    expect(reasonOf(plan, id!)).toMatch(/^the likeliest of those that are nearest to a changed file; /);
    expect(chosen(choose(cut, situation, { ...wishes, minTests: 0, timeBudgetMs: 1000 }))).toEqual([]);
    expect(chosen(choose(cut, changeOf(["src/delta.py"]), { ...wishes, minTests: 0 }))).toEqual([]);
  });

  const imports = new Map([
    ["tests/test_delta.py", { distance: 1, changed: "src/new.py" }],
    ["tests/test_gamma.py", { distance: 3, changed: "src/new.py" }],
  ]);
  const sources = { imports, texts: null };

  it("links it to a file that no run knows, and the plan says so and keeps it for the record", async () => {
    const past = await learn(projectHistory(4), null, 0.9);
    const { score } = choose(past, changeOf(["src/new.py"], { sources }), wishes).tests[0]!;
    const cut = { ...past, best: bestOf(new Array(20).fill(score)) };
    const plan = choose(cut, changeOf(["src/new.py"], { sources }), wishes);
    expect(chosen(plan)).toEqual(testsOf("delta"));
    expect(reasonOf(plan, testsOf("delta")[0]!)).toBe("imports src/new.py, which changed");
    expect(plan.import_distances).toEqual([
      { path: "tests/test_delta.py", distance: 1 },
      { path: "tests/test_gamma.py", distance: 3 },
    ]);
    expect(choose(cut, changeOf(["src/new.py"]), wishes).import_distances).toBeNull();
  });

  describe("and its text, which is like the changed lines", () => {
    const likeness = { similarity: 0.6, shared: ["fit_curve", "points"] };
    const told = { imports: new Map(), texts: new Map([["tests/test_delta.py", likeness]]) };

    it("link it to a file that no run knows, and the plan says so and keeps it for the record", async () => {
      const past = await learn(projectHistory(4), null, 0.9);
      const plan = choose(past, changeOf(["src/new.py"], { sources: told }), wishes);
      const first = plan.tests[0]!;
      const cut = { ...past, best: bestOf(new Array(20).fill(first.score)) };
      const decided = choose(cut, changeOf(["src/new.py"], { sources: told }), wishes);
      expect(chosen(decided)).toEqual(testsOf("delta"));
      expect(reasonOf(decided, first.id)).toBe("speaks of `fit_curve`, `points`, as the changed lines do");
      expect(decided.text_similarities).toEqual([{ path: "tests/test_delta.py", similarity: 0.6 }]);
      expect(choose(cut, changeOf(["src/new.py"], { sources }), wishes).text_similarities).toBeNull();
    });

    it("count by what is closer, where two paths of git are one to the history", async () => {
      const [plain, angstrom] = ["tests/test_\u00c5.py", "tests/test_\u212b.py"];
      const sources = {
        imports: new Map([plain, angstrom].map((path, index) => [path, { distance: index + 1, changed: "x" }])),
        texts: new Map([plain, angstrom].map((path, index) => [path, { similarity: 0.9 - index / 2 }])),
      };
      const past = await learn([fullRun(["src/a.py"], [execution(plain, "test_it")])]);
      const now = changeOf(["src/new.py"], { sources, tests: [...past.memory.tests.keys()], runner: null });
      const { import_distances, text_similarities } = choose(past, now, wishes);
      expect([import_distances, text_similarities]).toEqual([
        [{ path: plain, distance: 1 }],
        [{ path: plain, similarity: 0.9 }],
      ]);
    });

    it("order tests on the first day that imports do not tell apart", async () => {
      const near = new Map(["beta", "delta", "gamma"].map((name) => [`tests/test_${name}.py`, { distance: 1 }]));
      const tests = modules.flatMap(testsOf);
      const now = changeOf(["src/new.py"], { sources: { ...told, imports: near }, tests, runner: null });
      const plan = choose(await learn([]), now, wishes);
      expect(plan.tests.slice(0, 2).map(({ id }) => id)).toEqual(testsOf("delta"));
      expect(plan.tests[0]!.reason).toBe(
        "everything runs; it imports a file, which changed, and speaks of `fit_curve`, `points`, as the changed lines do",
      );
    });

    it("where it is not compared now, everything runs if the cut is of runs that had it", async () => {
      const recorded = projectHistory(4).map((run) => ({ ...run, import_distances: [], text_similarities: [] }));
      const past = await learn(recorded, null, 0.9);
      expect(past.knowingSources.texts).toBeGreaterThan(0);
      const imports = new Map();
      const doubted = choose(past, changeOf(["src/beta.py"], { sources: { imports, texts: null } }), wishes);
      expect(doubted.reason).toMatch(
        /^Everything runs: what links tests to the change in the sources could not be read/,
      );
      const known = { imports, texts: new Map() };
      expect(choose(past, changeOf(["src/beta.py"], { sources: known }), wishes).run).toBe("chosen");
    });
  });

  describe("where it cannot be read now", () => {
    const recorded = projectHistory(4).map((run) => ({
      ...run,
      import_distances: modules
        .filter((name) => run.changes.some(({ path }) => path === `src/${name}.py`))
        .map((name) => ({ path: `tests/test_${name}.py`, distance: 1 })),
    }));
    const sourcesUnknown = "there are more than 10,000 source files";

    it("everything runs, since the cut is of runs that knew it", async () => {
      for (const more of [{}, { maxFraction: 0.1 }]) {
        const plan = await planFor(changeOf(["src/beta.py"], { sourcesUnknown }), more, recorded);
        expect([plan.run, plan.reason]).toEqual([
          "all",
          "Everything runs: what links tests to the change in the sources could not be read: there are more than 10,000 source files.",
        ]);
      }
      const known = await planFor(changeOf(["src/beta.py"], { sources }), {}, recorded);
      expect(known.run).toBe("chosen");
    });

    it("and nothing changes for a project whose runs never knew it", async () => {
      expect((await planFor(changeOf(["src/beta.py"], { sourcesUnknown }))).run).toBe("chosen");
    });
  });

  it("orders tests on the first day, when there is no history", async () => {
    const ids = modules.flatMap(testsOf);
    const plan = choose(await learn([]), changeOf(["src/new.py"], { sources, tests: ids, runner: null }), {
      ...wishes,
      mode: "prioritize",
    });
    expect(plan.tests.slice(0, 4).map(({ id }) => id)).toEqual([...testsOf("delta"), ...testsOf("gamma")]);
    expect(plan.tests[0]!.reason).toBe("everything runs; it imports src/new.py, which changed");

    const companions = new Map([["tests/test_gamma.py", { path: "src/new.py", commits: 3, of: 4 }]]);
    const known = choose(await learn([]), changeOf(["src/new.py"], { companions, tests: ids, runner: null }), wishes);
    expect(known.tests.slice(0, 2).map(({ id }) => id)).toEqual(testsOf("gamma"));
    expect(known.tests[0]!.reason).toBe(
      "everything runs; it changed together with src/new.py in 3 of its 4 latest commits",
    );
  });
});

describe("any doubt runs everything, and says which", () => {
  const doubts: [string, Situation, Partial<Wishes>, RegExp][] = [
    [
      "unknown change",
      changeOf([], { change: { kind: "unknown", reason: "the clone is shallow" } }),
      {},
      /the clone is shallow/,
    ],
    [
      "unknown past change",
      changeOf(["src/beta.py"], { unrecorded: { kind: "unknown", reason: "commit 123 is missing" } }),
      {},
      /commit 123 is missing/,
    ],
    ["a reason of the event", changeOf(["src/beta.py"], { runAll: "a push to main" }), {}, /a push to main/],
    [
      "a file of run-all-when",
      changeOf(["src/beta.py", "sub/uv.lock"]),
      { runAllWhen: ["**/uv.lock"] },
      /sub\/uv\.lock changed/,
    ],
    [
      "a target the past cannot state",
      changeOf(["src/beta.py"]),
      { targetRecall: 0.99 },
      /recall of 0\.99 needs 99 runs .* broke a test, and 12 are recorded/,
    ],
    ["no way to know which tests exist", changeOf(["src/beta.py"], { runner: null }), {}, /neither/],
  ];
  it.each(doubts)("%s", async (_, situation, more, reason) => {
    const plan = await planFor(situation, more);
    expect(plan.run).toBe("all");
    expect(plan.reason).toMatch(reason);
    expect(plan.confidence).toBe(1);
    expect(plan.tests.every((test) => test.chosen && test.p_run === 1)).toBe(true);
  });

  it("no history", async () => {
    const plan = await planFor(changeOf(["src/beta.py"]), {}, []);
    expect([plan.run, plan.tests]).toEqual(["all", []]);
    expect(plan.reason).toMatch(/no full run of the default branch/);
  });

  it("no recorded test exists any more", async () => {
    const deleted = modules.map((name) => `tests/test_${name}.py`);
    const plan = await planFor(changeOf(["src/beta.py", ...deleted], { files: ["src/beta.py"] }));
    expect([plan.run, plan.reason]).toEqual(["all", "Everything runs: no recorded test exists any more."]);
  });

  it("a file that held tests is neither in the commit nor deleted, so something makes it", async () => {
    const files = projectFiles.filter((path) => !path.includes("test_delta"));
    const plan = await planFor(changeOf(["src/beta.py"], { files }));
    expect(plan.reason).toBe(
      "Everything runs: tests/test_delta.py held tests and is not in the commit, and no commit deleted it.",
    );
    const deleted = await planFor(changeOf(["src/beta.py", "tests/test_delta.py"], { files }));
    expect(deleted.run).toBe("chosen");
  });

  it("a change of more files than are scored, in which one could hide", async () => {
    const padding = Array.from({ length: 300 }, (_, index) => `docs/a${index}.md`);
    expect((await planFor(changeOf(["src/beta.py", ...padding.slice(1)]))).run).toBe("chosen");
    expect((await planFor(changeOf(["src/beta.py", ...padding]))).reason).toMatch(
      /301 files, and at most 300 are scored/,
    );
  });

  it("failures that come without any change, or merely stay, state no recall", async () => {
    const stubborn = [projectRun(null, null), ...Array.from({ length: 40 }, () => projectRun("alpha", "beta"))];
    const flaky = Array.from({ length: 80 }, (_, index) => projectRun("alpha", index % 2 === 1 ? "beta" : null));
    for (const history of [stubborn, flaky]) {
      const plan = await planFor(changeOf(["src/gamma.py"]), { targetRecall: 0.95 }, [
        ...history,
        projectRun(null, null),
      ]);
      expect([plan.run, plan.confidence]).toEqual(["all", 1]);
    }
  });

  describe("failures that safety nets caught", () => {
    const edits = modules.flatMap((name) =>
      Array.from({ length: 3 }, (_, index) => {
        const run = projectRun(name, index === 0 ? name : null);
        return { ...run, changes: [{ path: `tests/test_${name}.py`, added: 1, deleted: 0 }] };
      }),
    );

    it("all of them", async () => {
      const plan = await planFor(changeOf(["src/beta.py"]), { targetRecall: 0.75 }, [projectRun(null, null), ...edits]);
      expect(plan.reason).toMatch(/safety nets alone/);
    });

    it("nearly all: a change that has no net runs what is as likely as those they did not catch", async () => {
      const history = [projectRun(null, null), ...edits, projectRun("beta", "beta"), projectRun("beta", null)];
      const plan = await planFor(changeOf(["src/beta.py"]), { targetRecall: 0.5 }, history);
      expect(plan.reason).toMatch(/ of 8 tests run\./);
      expect(chosen(plan)).toEqual(expect.arrayContaining(testsOf("beta")));
      expect(plan.confidence).toBeGreaterThanOrEqual(0.5);
    });
  });

  it("an error of the runner that is neither file nor test, until a run is without it", async () => {
    const own = { file: null, status: "error" as const };
    const broken = fullRun(
      [],
      [
        { ...execution("x", "(no name)"), ...own },
        { ...execution("x", "y"), ...own, id: "pytest||internal" },
      ],
    );
    const planAfter = (...later: Run[]): Promise<Plan> =>
      planFor(changeOf(["src/beta.py"]), {}, [...projectHistory(4), broken, ...later]);
    expect((await planAfter()).reason).toMatch(/the file of x\|\|\(no name\) is not known/);
    const plan = await planAfter(projectRun(null, null));
    expect([plan.run, plan.tests.length]).toEqual(["chosen", 8]);
  });

  it("a package of Go whose test files are not in the commit", async () => {
    const history = ["a", "b"].map((name) => fullRun([], [execution(name, "TestX")]));
    const situation = changeOf(["b/b.go"], { files: ["a/a_test.go", "b/b.go"], runner: runners["go-test"] });
    expect((await planFor(situation, { maxFraction: 1 }, history)).reason).toMatch(
      /b held tests and is not in the commit/,
    );
  });

  it("a test whose file nobody knows", async () => {
    const plan = await planFor(changeOf(["src/beta.py"]), {}, [
      ...projectHistory(4),
      fullRun([], [{ ...execution("x", "lost"), file: null }]),
    ]);
    expect(plan.reason).toMatch(/the file of x\|\|lost is not known/);
  });

  it("a file of vitest that failed as a whole and is recorded without its path, until a run is without it", async () => {
    const after = (...later: Run[]): Promise<Plan> =>
      planFor(changeOf(["src/beta.py"]), {}, [
        ...projectHistory(4),
        fullRun([], [{ ...execution("x", "lost"), file: null, id: "||test/a.test.js" }]),
        ...later,
      ]);
    expect((await after()).reason).toMatch(/the file of \|\|test\/a\.test\.js is not known/);
    expect((await after(projectRun(null, null))).run).toBe("chosen");
  });

  it("runs of forks and pull requests neither teach nor count", async () => {
    for (const more of [{ trust: "fork" }, { trust: "pull_request" }, { default_branch: false }] as const) {
      const plan = await planFor(
        changeOf(["src/beta.py"]),
        {},
        projectHistory(4).map((run) => ({ ...run, ...more })),
      );
      expect(plan.history.runs).toBe(0);
    }
  });
});

describe("safety nets", () => {
  const rest = { maxFraction: 0 };
  it("runs a test that nobody has seen", async () => {
    const id = idOf("tests/test_alpha.py", "test_brand_new");
    const plan = await planFor(changeOf(["src/beta.py"], { tests: [id, ...testsOf("alpha")] }), rest);
    expect(reasonOf(plan, id)).toMatch(/^new/);
    expect(chosen(plan)).toContain(id);
  });

  it("runs an edited test file as a whole, and a new one", async () => {
    const files = [...projectFiles, "tests/test_new.py"];
    const plan = await planFor(changeOf(["tests/test_alpha.py", "tests/test_new.py"], { files }), rest);
    expect(plan.files.map(({ path }) => path)).toEqual(["tests/test_alpha.py", "tests/test_new.py"]);
    expect(chosen(plan)).toEqual(testsOf("alpha"));
  });

  it("runs what imports an edited test file, which may hold no tests of its own but theirs", async () => {
    const shared = "tests/test_shared.py";
    const importsOfTests = new Map([
      [shared, { distance: 0, changed: shared }],
      ["tests/test_alpha.py", { distance: 1, changed: shared }],
      ["tests/test_delta.py", { distance: 2, changed: shared }],
    ]);
    const files = [...projectFiles, shared];
    const plan = await planFor(changeOf([shared], { files, importsOfTests }), rest);
    expect(chosen(plan)).toEqual([...testsOf("alpha"), ...testsOf("delta")]);
    expect(reasonOf(plan, testsOf("alpha")[0]!)).toBe(
      "may share what the change edits with other tests: it imports tests/test_shared.py, which changed",
    );
    expect(chosen(await planFor(changeOf([shared], { files }), rest))).not.toContain(testsOf("alpha")[0]);
  });

  it("runs a test file that changed after the latest recorded run", async () => {
    const unrecorded = { kind: "known" as const, files: [{ path: "tests/test_gamma.py", added: 9, deleted: 0 }] };
    const plan = await planFor(changeOf(["src/beta.py"], { unrecorded }), rest);
    expect(plan.files).toEqual([{ path: "tests/test_gamma.py", reason: "it changed after the latest recorded run" }]);
  });

  it("finds a new test file where the project names them unusually", async () => {
    const history = [fullRun([], [execution("checks/check_a.py", "works")])];
    const files = ["checks/check_a.py", "other/check_b.py", "src/b.py"];
    const plan = await planFor(changeOf(["other/check_b.py", "src/b.py"], { files }), { maxFraction: 0 }, history);
    expect(plan.files.map(({ path }) => path)).toEqual(["other/check_b.py"]);
  });

  it.each([
    ["with the same last word", "tests/blog/blog_tests.py", "shop/shop_tests.py"],
    ["below the same folder", "__tests__/curry.js", "__tests__/arrays/append.js"],
    ["beside texts with examples", "docs/index.md", "docs/guide/new.md", "index.md"],
    ["beside modules with examples", "src/pkg/a.py", "src/other/b.py", "pkg.a.three"],
  ])("finds a new test file %s", async (_, known, path, name = "works") => {
    const history = [fullRun([], [execution(known, name)])];
    const runner = known.endsWith(".js") ? runners.vitest : runners.pytest;
    const plan = await planFor(changeOf([path], { files: [known, path], runner }), { maxFraction: 0 }, history);
    expect(plan.files.map((file) => file.path)).toEqual([path]);
  });

  it("runs a source in which tests are, and a test of types for any source that has some", async () => {
    const known = ["src/a.test.ts", "types/b.test-d.ts", "types/c.test-d.ts"];
    const history = [
      fullRun(
        [],
        known.map((path) => execution(path, "works")),
      ),
    ];
    const planned = async (path: string, more: Partial<Situation> = {}): Promise<string[]> => {
      const situation = changeOf([path], { files: [...known, path], runner: runners.vitest, ...more });
      return (await planFor(situation, { maxFraction: 0 }, history)).files.map((file) => file.path);
    };
    expect(await planned("src/sum.js")).toEqual([]);
    expect(await planned("src/sum.js", { holdingTests: ["src/sum.js"] })).toEqual(["src/sum.js"]);
    expect(await planned("src/sum.ts")).toEqual(["types/b.test-d.ts"]);
    expect(await planned("types/new/d.test-d.ts")).toEqual(["types/new/d.test-d.ts", "types/b.test-d.ts"]);
    expect((await planFor(changeOf(["src/sum.ts"], { files: known, runner: runners.vitest }), {}, [])).files).toEqual(
      [],
    );
  });

  it.each([
    ["a fixture", "vitest", "tests/a.js", "tests/fixtures/deep/server.js"],
    ["a source", "vitest", "src/lib/a.ts", "src/lib/deep/c.ts"],
    ["a source with the same last word", "vitest", "checks/user-api.js", "src/api.js"],
    ["a source in another package", "pytest", "src/pkg/a.py", "src/web/views.py"],
    ["what pytest would import", "pytest", "tests/login_tests.py", "tests/apps/broken.py"],
    ["what node would start", "node-test", "tests/a.js", "tests/deep/server.js"],
  ] as const)("takes %s for no test file", async (_, runner, known, path) => {
    const history = [fullRun([], [execution(known, "works")])];
    const situation = changeOf([path], { files: [known, path], runner: runners[runner] });
    expect((await planFor(situation, { maxFraction: 0 }, history)).files).toEqual([]);
  });

  it("finds a test file that the change renames, and none of a name that is like none", async () => {
    const known = "tests/blog/blog_cases.py";
    const history = [fullRun([], [execution(known, "works")])];
    const to = (path: string, renamedFrom?: string): Situation => {
      const situation = changeOf([path, known], { files: [path] });
      const files = [
        { path, added: 1, deleted: 0, ...(renamedFrom && { renamedFrom }) },
        { path: known, added: 0, deleted: 1 },
      ];
      return {
        ...situation,
        change: { ...(situation.change as Extract<Situation["change"], { base: unknown }>), files },
      };
    };
    const filesOf = async (situation: Situation): Promise<string[]> =>
      (await planFor(situation, { maxFraction: 0 }, history)).files.map(({ path }) => path);
    expect(await filesOf(to("unit/diary.py", known))).toEqual(["unit/diary.py"]);
    expect(await filesOf(to("unit/diary.py"))).toEqual([]);
  });

  it("runs what failed last, on the default branch or on the change's own", async () => {
    const failing = projectRun("gamma", "gamma");
    const onBranch = projectRun("alpha", "alpha", { trust: "pull_request", branch: "feature", default_branch: false });
    const plan = await planFor(changeOf(["src/beta.py"]), rest, [...projectHistory(4), failing, onBranch]);
    expect(chosen(plan)).toEqual([...testsOf("alpha"), ...testsOf("gamma")]);
    expect(reasonOf(plan, testsOf("gamma")[0]!)).toBe("failed in its last run");
    const mended = {
      ...onBranch,
      run_id: "mended",
      tests: onBranch.tests.map((test) => ({ ...test, status: "pass" as const })),
    };
    const later = await planFor(changeOf(["src/beta.py"]), rest, [...projectHistory(4), failing, onBranch, mended]);
    expect(chosen(later)).toEqual(testsOf("gamma"));
  });

  it("runs what always-run lists, by glob or by id", async () => {
    const plan = await planFor(changeOf(["src/beta.py"]), {
      ...rest,
      alwaysRun: ["**/test_delta.py", testsOf("alpha")[0]!],
    });
    expect(chosen(plan)).toEqual([testsOf("alpha")[0]!, ...testsOf("delta")]);
  });

  it("does not ask for tests that are gone", async () => {
    const without = await planFor(
      changeOf(["src/beta.py", "tests/test_alpha.py"], {
        files: projectFiles.filter((path) => !path.includes("alpha")),
      }),
    );
    expect(without.tests.map(({ file }) => file)).not.toContain("tests/test_alpha.py");
    const removed = fullRun([], [execution("tests/test_alpha.py", "test_one")]);
    const plan = await planFor(changeOf(["src/beta.py"]), {}, [...projectHistory(4), removed]);
    const ids = plan.tests.map(({ id }) => id);
    expect(ids).toContain(testsOf("alpha")[0]);
    expect(ids).not.toContain(testsOf("alpha")[1]);
  });

  it("a run that stops at the first failure does not make the tests after it disappear", async () => {
    const stopped = fullRun(["src/alpha.py"], [execution("tests/test_alpha.py", "test_one", { status: "fail" })]);
    const plan = await planFor(changeOf(["src/beta.py"]), {}, [...projectHistory(4), stopped]);
    expect(plan.tests.map(({ id }) => id)).toContain(testsOf("alpha")[1]);
  });

  it("a test that passes when tried again has not failed", async () => {
    const retried = fullRun(
      ["src/gamma.py"],
      [
        execution("tests/test_gamma.py", "test_one", { status: "fail", attempt: 1 }),
        execution("tests/test_gamma.py", "test_one", { status: "pass", attempt: 2 }),
      ],
    );
    expect(chosen(await planFor(changeOf(["src/beta.py"]), rest, [...projectHistory(4), retried]))).not.toContain(
      testsOf("gamma")[0],
    );
  });

  it("a parameter set that fails is a failure of the test", async () => {
    const run = fullRun(
      ["src/gamma.py"],
      ["a", "b"].map((param) =>
        execution("tests/test_gamma.py", "test_one", { param, status: param === "a" ? "fail" : "pass" }),
      ),
    );
    expect(chosen(await planFor(changeOf(["src/beta.py"]), rest, [...projectHistory(4), run]))).toContain(
      testsOf("gamma")[0],
    );
  });
});

describe("a past that no longer tells", () => {
  // Of the latest red changes most broke what nothing had linked to them: the stated recall did not hold.
  const surprising = (past: Past): Past => {
    const falling = Array.from({ length: 9 }, (_, run) => 0.1 - run / 100);
    return { ...past, best: bestOf([...new Array(40).fill(1), ...falling]) };
  };

  it("runs everything, and says how many were caught", async () => {
    const past = surprising(await learn(projectHistory(6)));
    const plan = choose(past, changeOf(["src/beta.py"]), wishes);
    expect(plan.reason).toMatch(/recall of 0\.9 did not hold: of the latest 40 red changes 31 would have been noticed/);
    expect([plan.run, plan.coverage.of]).toEqual(["all", 40]);
    // Who sets a budget has decided already.
    expect(choose(past, changeOf(["src/beta.py"]), { ...wishes, maxFraction: 0.5 }).run).toBe("chosen");
  });
});

describe("the tree that explains a plan", () => {
  const numbers = Array.from({ length: 10 }, (_, index) => `test_${index}`);
  const run = (changed: string, isRed: boolean) =>
    fullRun(
      [`src/${changed}.py`],
      modules.flatMap((name) =>
        numbers.map((test) =>
          execution(`tests/test_${name}.py`, test, { status: isRed && name === changed ? "fail" : "pass" }),
        ),
      ),
    );
  const history = Array.from({ length: 4 }, () => modules.flatMap((name) => [run(name, true), run(name, false)]));

  it("decides as the plan did, and asks what links tests and change", async () => {
    const past = await learn(history.flat());
    const situation = changeOf(["src/beta.py"]);
    const plan = choose(past, situation, wishes);
    const tree = await distil(past, [{ path: "src/beta.py", added: 1, deleted: 1 }], null, plan);
    const chosen = plan.tests.filter((test) => test.chosen).length;
    expect([plan.run, chosen]).toEqual(["chosen", 10]);
    expect(tree?.fidelity).toEqual({ chosen: 1, resting: 1 });
    expect(tree?.rules).toHaveLength(2);
    expect(tree?.rules[0]).toMatch(/ is 0\.\d+ or more → runs \(so decided for 10 of 10 tests\)$/);
    expect(tree?.rules[1]).toMatch(/^not: .* → rests \(so decided for 30 of 30 tests\)$/);
    expect(await distil(past, [], null, choose(past, situation, { ...wishes, alwaysRun: ["**"] }))).toBeNull();
  });
});

describe("where tests take unequal time", () => {
  // A change of src/m breaks one of the tests that bear its name, the quick or the slow one in turn.
  const timed = (changed: string | null, broken: string | null, round: number) =>
    fullRun(
      changed === null ? ["README.md"] : [`src/${changed}.py`],
      modules.flatMap((name) =>
        (["quick", "slow"] as const).map((kind) =>
          execution(`tests/test_${name}.py`, `test_${kind}`, {
            duration_ms: kind === "quick" ? 10 : 20_000,
            status: name === broken && (kind === "quick") === round % 4 > 0 ? "fail" : "pass",
          }),
        ),
      ),
    );
  const history = [
    timed(null, null, 0),
    ...Array.from({ length: 8 }, (_, round) =>
      modules.flatMap((name) => [timed(name, name, round), timed(name, null, round)]),
    ).flat(),
  ];

  it("a quick test needs a lower score than a slow one, and the reason gives the cut for its duration", async () => {
    const plan = await planFor(changeOf(["src/beta.py"]), { targetRecall: 0.5 }, history);
    const resting = plan.tests.filter((test) => !test.chosen);
    const cuts = new Map(
      resting.map(({ id, reason }) => [id, Number(/below (\S+), the cut for its duration/.exec(reason)?.[1])]),
    );
    const slow = cuts.get(idOf("tests/test_gamma.py", "test_slow"))!;
    const quick = cuts.get(idOf("tests/test_gamma.py", "test_quick"))!;
    // (20,000 ms / 10 ms) ** 0.5, and the reason gives two digits.
    expect(slow / quick).toBeGreaterThan(40);
    expect(slow / quick).toBeLessThan(50);
    for (const { id, score } of resting) expect(score).toBeLessThan(cuts.get(id)! * 1.06);
    expect(chosen(plan)).toContain(idOf("tests/test_beta.py", "test_quick"));
  });

  it("within a budget of time quick tests go first, within one of tests the likeliest", async () => {
    const broken = [...history, timed("beta", "beta", 0), timed("beta", null, 0)];
    const first = async (wish: Partial<Wishes>) =>
      (await planFor(changeOf(["src/beta.py"]), { ...wish, targetRecall: 0.5 }, broken)).tests[0]!.id;
    const scores = (await planFor(changeOf(["src/beta.py"]), {}, broken)).tests;
    const likeliest = scores.toSorted((a, b) => b.score! - a.score!)[0]!.id;
    expect(await first({ maxFraction: 0.2 })).toBe(likeliest);
    expect(await first({ timeBudgetMs: 100 })).toBe(idOf("tests/test_beta.py", "test_quick"));
  });
});

describe("budgets", () => {
  it("chooses within them by falling score, and says what recall that buys", async () => {
    const plan = await planFor(changeOf(["src/beta.py"]), { maxFraction: 0.25 });
    expect(chosen(plan)).toEqual(testsOf("beta"));
    expect(plan.reason).toContain("within the budget");
    const time = await planFor(changeOf(["src/beta.py"]), { timeBudgetMs: 100 });
    expect(time.tests.filter((test) => test.chosen)).toHaveLength(1);
    expect(time.confidence).toBeLessThan(plan.confidence!);
  });

  it("says that nets go beyond them", async () => {
    const plan = await planFor(changeOf(["tests/test_alpha.py"], { tests: testsOf("alpha") }), { maxFraction: 0.5 });
    expect(plan.reason).toMatch(/^2 of 2 tests run by safety nets or `min-tests` beyond the budget\./);
  });

  it("counts what runs by chance beside them, be it all the rest", async () => {
    const all = await planFor(changeOf(["src/beta.py"]), { maxFraction: 0.25, explore: 1 });
    expect(all.reason).toContain("8 of 8 tests run, 2 within the budget and 6 by chance.");
    const plan = await planFor(changeOf(["src/beta.py"]), { maxFraction: 0.25, explore: 0.5 });
    const byChance = plan.tests.filter(({ reason }) => reason.startsWith("by chance")).length;
    expect(byChance).toBeGreaterThan(0);
    expect(plan.reason).toContain(
      `${2 + byChance} of 8 tests run, 2 within the budget and ${byChance} by chance. If this change`,
    );
  });

  it("states no recall without failing runs", async () => {
    const plan = await planFor(changeOf(["src/beta.py"]), { maxFraction: 0.5 }, [projectRun(null, null)]);
    expect([plan.run, plan.confidence]).toEqual(["chosen", null]);
    expect(plan.reason).toContain("No recall can be stated");
  });

  it("chooses at least min-tests", async () => {
    expect(chosen(await planFor(changeOf(["docs/x.md"]), { maxFraction: 0, minTests: 3 }))).toHaveLength(3);
  });

  it("is filled with what fits before `min-tests` goes beyond it", async () => {
    const large = Array.from({ length: 50 }, (_, index) => execution("tests/test_beta.py", `test_${index}`));
    const broken = large.map((test) => ({ ...test, status: "fail" as const }));
    const small = execution("tests/test_gamma.py", "test_g");
    const history = [
      fullRun([], [...large, small]),
      ...Array.from({ length: 4 }, () => [
        fullRun(["src/beta.py"], [...broken, small]),
        fullRun(["src/beta.py"], [...large, small]),
      ]).flat(),
    ];
    const situation = changeOf(["src/beta.py"], { runner: runners.vitest });
    const plan = await planFor(situation, { maxFraction: 0.1, minTests: 1 }, history);
    expect(chosen(plan)).toEqual([small.id]);
  });

  it("that would have noticed none of the past failures says so", async () => {
    const plan = await planFor(changeOf(["src/beta.py"]), { maxFraction: 0, minTests: 1 });
    expect(plan.reason).toMatch(/This choice would have noticed none of 9 past failures\.$/);
  });
});

describe("modes and shards", () => {
  it("observe and prioritize run everything and keep the decision", async () => {
    for (const mode of ["observe", "prioritize"] as const) {
      const plan = await planFor(changeOf(["src/beta.py"]), { mode });
      expect(plan.run).toBe("all");
      expect(chosen(plan)).toEqual(testsOf("beta"));
      expect(plan.tests.every(({ p_run }) => p_run === 1)).toBe(true);
    }
  });

  it("a runner that takes no order is not said to run the likeliest first", async () => {
    const reason = async (runner: keyof typeof runners) =>
      (await planFor(changeOf(["src/beta.py"], { runner: runners[runner] }), { mode: "prioritize" })).reason;
    expect(await reason("pytest")).toMatch(/^2 of 8 tests run first\. If/);
    expect(await reason("vitest")).toMatch(
      /^2 of 8 tests would run first\. vitest takes no order and runs all in its own\. If/,
    );
  });

  it("a runner that can be given files only gets whole files", async () => {
    const plan = await planFor(
      changeOf(["src/beta.py"], { runner: { ...runners.vitest, isTestFile: runners.pytest.isTestFile } }),
      { maxFraction: 0.25, alwaysRun: [testsOf("alpha")[0]!] },
    );
    expect(chosen(plan)).toEqual(testsOf("alpha"));
    expect(reasonOf(plan, testsOf("alpha")[1]!)).toContain("which is in the same file");
  });

  it("every test and file is in exactly one shard, and a file is never split", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 2, max: 6 }), fc.subarray(modules), async (shards, edited) => {
        const plan = await planFor(changeOf(["src/beta.py", ...edited.map((name) => `tests/test_${name}.py`)]), {
          shards,
        });
        const shardOf = new Map<string, number | undefined>();
        for (const { file, shard } of [
          ...plan.tests,
          ...plan.files.map(({ path, shard }) => ({ file: path, shard })),
        ]) {
          expect(shard).toBeGreaterThanOrEqual(1);
          expect(shard).toBeLessThanOrEqual(shards);
          expect(shardOf.get(file!) ?? shard).toBe(shard);
          shardOf.set(file!, shard);
        }
      }),
      { numRuns: 20 },
    );
  });
});

describe("properties", () => {
  it("nets hold under any wishes and any change", async () => {
    const history = [...projectHistory(3), projectRun("gamma", "gamma")];
    const past = await learn(history, null, 0.9);
    const paths = fc.subarray([...projectFiles, "docs/a.md", "uv.lock"]);
    const any = fc.record({
      targetRecall: fc.constantFrom(0.5, 0.8, 0.9, 0.95),
      maxFraction: fc.option(fc.double({ min: 0, max: 1, noNaN: true })),
      timeBudgetMs: fc.option(fc.integer({ min: 1, max: 2000 })),
      explore: fc.constantFrom(0, 0.1, 1),
      minTests: fc.integer({ min: 1, max: 9 }),
    });
    fc.assert(
      fc.property(paths, any, (changed, more) => {
        const plan = choose(past, changeOf(changed), { ...wishes, ...more });
        const ids = chosen(plan);
        for (const id of testsOf("gamma")) expect(ids).toContain(id);
        for (const name of modules.filter((name) => changed.includes(`tests/test_${name}.py`)))
          for (const id of testsOf(name)) expect(ids).toContain(id);
        expect(ids.length).toBeGreaterThanOrEqual(Math.min(more.minTests, plan.tests.length));
        for (const test of plan.tests) {
          expect(test.reason).not.toBe("");
          expect(test.p_run).toBeGreaterThanOrEqual(0);
          expect(test.p_run).toBeLessThanOrEqual(1);
          if (!test.chosen) expect(test.p_run).toBe(more.explore);
        }
      }),
      { numRuns: 200 },
    );
  });
});
