import { describe, expect, it } from "vitest";
import { choose } from "../choose.ts";
import { learn } from "../past.ts";
import type { Plan } from "../plan.ts";
import { changeOf, execution, fullRun, idOf, projectFiles, projectHistory, wishes } from "../samples.ts";
import { argumentsFor, runners } from "./index.ts";

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
