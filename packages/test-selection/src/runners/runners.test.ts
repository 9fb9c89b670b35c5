import type { Run } from "@goatnote/ci-history";
import { describe, expect, it } from "vitest";
import { choose } from "../choose.ts";
import { learn } from "../past.ts";
import type { Plan } from "../plan.ts";
import { changeOf, execution, fullRun, idOf, projectFiles, projectHistory, wishes } from "../samples.ts";
import { argumentsFor, compiledIn, runners, unitsIn } from "./index.ts";

const here = (path: string): string => path;
const { pytest, vitest } = runners;
const planOf = async (paths: string[], more = {}, files = projectFiles): Promise<Plan> =>
  choose(await learn(projectHistory(4), null, 0.9), changeOf(paths, { files }), { ...wishes, ...more });

describe("arguments", () => {
  it("names a file when all of it is chosen, else its tests", async () => {
    expect(argumentsFor(await planOf(["src/beta.py"]), pytest, here)).toEqual({ args: ["tests/test_beta.py"] });
    const one = await planOf(["docs/x"], { maxFraction: 0, alwaysRun: [idOf("tests/test_beta.py", "test_one")] });
    expect(argumentsFor(one, pytest, here)).toEqual({ args: ["tests/test_beta.py::test_one"] });
  });

  it("names an edited or new file as a whole, so that tests nobody knows run too", async () => {
    const plan = await planOf(["tests/test_beta.py", "tests/test_new.py"], { maxFraction: 0 }, [
      ...projectFiles,
      "tests/test_new.py",
    ]);
    expect(argumentsFor(plan, pytest, here)).toEqual({ args: ["tests/test_beta.py", "tests/test_new.py"] });
  });

  it("runs everything where a chosen file is missing or cannot be named", async () => {
    const plan = await planOf(["src/beta.py"]);
    expect(argumentsFor(plan, pytest, () => null)).toMatchObject({
      args: null,
      reason: expect.stringContaining("not in the work tree"),
    });
    expect(argumentsFor(plan, pytest, () => "tests/test_[x].py")).toMatchObject({
      args: null,
      reason: expect.stringContaining("cannot be told"),
    });
    expect(argumentsFor({ ...plan, run: "all" }, pytest, here).args).toBeNull();
  });

  it("all shards together run what the plan runs", async () => {
    for (const change of [["src/beta.py"], ["src/alpha.py", "tests/test_gamma.py"]]) {
      for (const run of ["all", "chosen"] as const) {
        const plan = { ...(await planOf(change, { shards: 3 })), run };
        const parts = [1, 2, 3].flatMap((shard) => argumentsFor(plan, pytest, here, shard).args ?? ["everything"]);
        const expected =
          run === "all"
            ? projectFiles.filter((path) => path.startsWith("tests/"))
            : argumentsFor(plan, pytest, here).args;
        expect(parts.toSorted()).toEqual(expected?.toSorted());
      }
    }
  });

  it("without history every shard runs everything, since nobody knows which files hold tests", async () => {
    const plan = choose(await learn([], null, 0.9), changeOf(["src/beta.py"]), { ...wishes, shards: 2 });
    expect([1, 2].map((shard) => argumentsFor(plan, pytest, here, shard).args)).toEqual([null, null]);
  });

  it("prioritize names likely failures first and every test file after them", async () => {
    const { args } = argumentsFor(await planOf(["src/beta.py"], { mode: "prioritize" }), pytest, here);
    expect(args?.slice(0, 2).every((arg) => arg.startsWith("tests/test_beta.py::"))).toBe(true);
    expect(args?.slice(2).toSorted()).toEqual(projectFiles.filter((path) => path.startsWith("tests/")).toSorted());
    expect(argumentsFor(await planOf(["src/beta.py"], { mode: "prioritize" }), vitest, here).args).toBeNull();
  });

  it("a list longer than a command line may be becomes files, then everything", async () => {
    const tests = Array.from({ length: 3000 }, (_, index) =>
      execution(`tests/test_${index % 10}.py`, `test_${"x".repeat(200)}_${index}`),
    );
    const past = await learn([fullRun([], tests)]);
    const files = Array.from({ length: 10 }, (_, index) => `tests/test_${index}.py`);
    const plan = choose(past, changeOf(["src/a.py"], { files }), { ...wishes, maxFraction: 0.9 });
    expect(argumentsFor(plan, pytest, here).args?.toSorted()).toEqual(files);
    const long = new Map(files.map((path) => [path, path + "y".repeat(60_000)]));
    expect(argumentsFor(plan, pytest, (path) => long.get(path) ?? null).args).toBeNull();
  });
});

describe("pytest", () => {
  it.each([
    ["tests/test_a b;$(x).py", ["Class A"], "test_日本", "tests/test_a b;$(x).py::Class A::test_日本"],
    ["-x_test.py", [], "test", "./-x_test.py::test"],
    ["@x_test.py", [], "test", "./@x_test.py::test"],
  ])("%s", (file, classPath, name, argument) => {
    expect(pytest.argument({ file, test: { classPath, name } })).toBe(argument);
  });
  it.each([
    ["test_a.py", true],
    ["a/b_test.py", true],
    ["docs/testing.txt", true],
    ["docs/requirements-test.txt", false],
    ["conftest.py", false],
    ["latest.py", false],
    ["test_a.pyc", false],
  ])("collects from %s: %s", (path, expected) => {
    expect(pytest.isTestFile(path)).toBe(expected);
  });
});

describe("vitest", () => {
  it.each([
    ["a.test.ts", true],
    ["a/b.spec.mjs", true],
    ["a/test.ts", false],
    ["a.test.json", false],
  ])("collects from %s: %s", (path, expected) => {
    expect(vitest.isTestFile(path)).toBe(expected);
  });
  it("cannot be given a path that looks like a line", () => {
    expect(vitest.argument({ file: "a.test.ts:12" })).toBeNull();
  });
});

const starts = { folder: "/lab", command: null, args: ["-x"], report: "/r.xml", chosen: ["a", "b"] } as const;

describe("command lines", () => {
  it.each(Object.values(runners))("$name: the user's program and arguments, each once", (runner) => {
    const { argv } = runner.start({ ...starts, command: ["my", "program"], report: null });
    expect(argv.slice(0, 2)).toEqual(["my", "program"]);
    for (const arg of ["a", "b", "-x"]) expect(argv.filter((each) => each === arg)).toHaveLength(1);
  });

  it.each(Object.values(runners))("$name: no file comes after an option that could take it for its value", (runner) => {
    const { argv } = runner.start(starts);
    // node takes options before files only, and none of its options has a value that may be left out.
    if (runner.name === "node-test") expect(argv.indexOf("-x")).toBeLessThan(argv.indexOf("a"));
    else expect(argv.indexOf("-x")).toBeGreaterThan(argv.indexOf("b"));
  });

  it.each(Object.values(runners))("$name: writes its report where it is told", (runner) => {
    const { argv, env } = runner.start(starts);
    expect([...argv, ...Object.values(env ?? {})].filter((text) => text?.endsWith("/r.xml"))).toHaveLength(1);
  });
});

describe("jest", () => {
  it.each([
    ["a.test.ts", true],
    ["a/test.js", true],
    ["a/__tests__/b/c.jsx", true],
    ["a.spec.mts", true],
    ["a/latest.js", false],
    ["a.test.js.snap", false],
  ])("collects from %s: %s", (path, expected) => {
    expect(runners.jest.isTestFile(path)).toBe(expected);
  });

  it("is told paths, not patterns", async () => {
    const plan = await planOf(["src/beta.py"]);
    expect(argumentsFor(plan, runners.jest, here)).toEqual({ args: ["--runTestsByPath", "tests/test_beta.py"] });
  });
});

describe("node-test", () => {
  it.each([
    ["a.test.mjs", true],
    ["a-test.js", true],
    ["a_test.cts", true],
    ["test-a.js", true],
    ["a/test.js", true],
    ["test/deep/helper.js", true],
    ["latest.js", false],
    ["contest/a.js", false],
    ["a.test.tsx", false],
  ])("collects from %s: %s", (path, expected) => {
    expect(runners["node-test"].isTestFile(path)).toBe(expected);
  });
  it.each(["a*.test.js", "[a].test.js", "a?.test.js", "{a,b}.test.js", "!(a).test.js", "a\\b.test.js"])(
    "cannot be told %s, which it reads as a pattern",
    (file) => {
      expect(runners["node-test"].argument({ file })).toBeNull();
    },
  );
});

describe("go-test", () => {
  const go = runners["go-test"];
  it.each([
    ["a_test.go", ".", true],
    ["pkg/a/a b_test.go", "pkg/a", true],
    ["pkg/testdata/x/y_test.go", "pkg", false],
    ["testdata/golden.txt", ".", false],
    ["pkg/testdata/golden.txt", "pkg", false],
    ["vendor/x/y_test.go", "vendor/x", false],
    ["pkg/_old/a_test.go", "pkg/_old", false],
    ["pkg/a.go", null, false],
    ["pkg/README.md", null, false],
  ])("%s belongs to the package %s", (path, unit, isTestFile) => {
    expect([go.unitOf(path), go.isTestFile(path)]).toEqual([unit, isTestFile]);
  });

  it.each([
    ["", "."],
    [".", "."],
    ["pkg/a", "./pkg/a"],
    ["-pkg", "./-pkg"],
    ["..pkg", "./..pkg"],
    ["../other", null],
    ["..", null],
    ["pkg/...", null],
  ])("is told the folder %j as %j", (file, argument) => {
    expect(go.argument({ file })).toBe(argument);
  });

  it("runs all packages where nothing is named, since go would test the first folder only", () => {
    expect(go.start({ ...starts, report: null, chosen: [] }).argv).toEqual(["go", "test", "./...", "-x"]);
  });

  const packages = ["alpha", "beta", "gamma"];
  const files = ["go.mod", ...packages.flatMap((name) => [`${name}/${name}.go`, `${name}/${name}_test.go`])];
  const id = (name: string): string => `example.com/m/${name}||Test`;
  const goRun = (broken: string | null): Run =>
    fullRun(
      broken === null ? ["README.md"] : [`${broken}/${broken}.go`],
      packages.map((name) => ({
        ...execution(name, "Test"),
        ...{ id: id(name), status: name === broken ? ("fail" as const) : ("pass" as const) },
      })),
    );
  const history = [
    goRun(null),
    ...Array.from({ length: 4 }, () => packages.flatMap((name) => [goRun(name), goRun(null)])),
  ].flat();
  const goPlan = async (paths: string[], existing = files, more = {}): Promise<Plan> =>
    choose(await learn(history), changeOf(paths, { files: existing, runner: go }), { ...wishes, ...more });
  const told = (plan: Plan, existing = files): string[] | null => {
    const there = (isWhole: boolean): string[] => (isWhole ? compiledIn : unitsIn)(go, existing);
    return argumentsFor(plan, go, (path, isWhole) => (there(isWhole).includes(path) ? path : null)).args;
  };

  it("a changed source chooses the package that it breaks, by its folder", async () => {
    const plan = await goPlan(["beta/beta.go"]);
    expect([plan.run, plan.tests.length, told(plan)]).toEqual(["chosen", 3, ["./beta"]]);
  });

  it("an edited, new or removed test file, and test data, run the package as a whole", async () => {
    for (const path of ["gamma/gamma_test.go", "gamma/new_test.go", "gamma/removed_test.go", "gamma/testdata/a.txt"]) {
      const existing = path.includes("removed") ? files : [...new Set([...files, path])];
      const plan = await goPlan([path], existing, { maxFraction: 0 });
      expect(plan.files, path).toEqual([{ path: "gamma", reason: "the change edits it" }]);
      expect(told(plan, existing)).toEqual(["./gamma"]);
    }
    const fresh = await goPlan(["delta/x_test.go"], [...files, "delta/x_test.go"], { maxFraction: 0, minTests: 1 });
    expect(told(fresh, [...files, "delta/x_test.go"])).toContain("./delta");
  });

  it("a package whose last test file is removed is not told to run", async () => {
    const plan = await goPlan(
      ["gamma/gamma_test.go", "beta/beta.go"],
      files.filter((path) => path !== "gamma/gamma_test.go"),
    );
    expect(plan.tests.map((test) => test.file)).not.toContain("gamma");
    expect(told(plan)).toEqual(["./beta"]);
  });

  const main = ["main.go", "cmd/run.go", "tools/go.mod", "tools/gen.go", "tools/gen_test.go"];
  it("packages without tests that the change may break are compiled, and nothing of a module that no run has tested", async () => {
    const existing = [...files, ...main];
    const situation = changeOf(["beta/beta.go", "tools/gen_test.go"], {
      files: existing,
      runner: go,
      compiled: [".", "cmd", "tools"],
    });
    const plan = choose(await learn(history), situation, wishes);
    expect(plan.files).toEqual(
      [".", "cmd"].map((path) => ({ path, reason: "it has no tests, and the change may break its build" })),
    );
    expect(told(plan, existing)).toEqual([".", "./beta", "./cmd"]);
  });

  it("a package without tests that did not build runs until it does, and is forgotten then", async () => {
    const existing = [...files, ...main];
    const failed = fullRun(
      [],
      [{ ...execution("cmd", "TestMain", { status: "fail" }), id: "example.com/m/cmd||TestMain" }],
    );
    const after = async (runs: number): Promise<string[] | null> => {
      const past = await learn([...history, failed, ...Array.from({ length: runs }, () => goRun(null))]);
      return told(choose(past, changeOf(["beta/beta.go"], { files: existing, runner: go }), wishes), existing);
    };
    expect(await after(0)).toEqual(expect.arrayContaining(["./cmd", "./beta"]));
    expect(await after(4)).toEqual(expect.arrayContaining(["./cmd"]));
    expect(await after(5)).toEqual(["./beta"]);
  });

  it("a folder of another module than the one it starts in is not told", () => {
    const here = new Set(["tools/go.mod", "tools/x"]);
    const plan = {
      mode: "select",
      run: "chosen",
      tests: [],
      files: [{ path: "tools/x", reason: "" }],
    } as unknown as Plan;
    const from = (folder: string) =>
      argumentsFor(plan, go, (path) => (here.has(path) ? path.slice(folder.length) : null));
    expect(from("")).toEqual({ args: null, reason: "tools/x is in another module, that of tools/go.mod" });
    expect(from("tools/")).toEqual({ args: ["./x"] });
    here.add("go.work");
    expect(from("")).toEqual({ args: ["./tools/x"] });
  });

  it("the package of the root is known by its folder too", async () => {
    const root = fullRun([], [{ ...execution(".", "TestRoot"), id: "example.com/m||TestRoot" }]);
    const existing = [...files, "root_test.go"];
    const plan = choose(
      await learn([...history, root]),
      changeOf(["beta/beta.go", "root_test.go"], { files: existing, runner: go }),
      wishes,
    );
    expect([plan.run, told(plan, existing)?.toSorted()]).toEqual(["chosen", [".", "./beta"]]);
  });

  it("packages are never split over shards, and all shards together run everything", async () => {
    const plan = { ...(await goPlan(["beta/beta.go"], files, { shards: 2 })), run: "all" as const };
    const locate = (path: string): string | null => (packages.includes(path) ? path : null);
    const parts = [1, 2].flatMap((shard) => argumentsFor(plan, go, locate, shard).args);
    expect(parts.toSorted()).toEqual(["./alpha", "./beta", "./gamma"]);
  });
});
