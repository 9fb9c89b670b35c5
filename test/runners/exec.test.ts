/** ml-test-select/exec, as it is built: Go packages, whose folders are found in the work tree, and npm between it and a runner. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { build } from "../../scripts/build.ts";
import { type Ended, runEntry } from "../loop/entry.ts";
import { describeWithPeer } from "../peers.ts";

describeWithPeer("gotestsum", (gotestsum) => {
  const workspace = join(realpathSync(mkdtempSync(join(tmpdir(), "exec-go-"))), "lab");
  // The home of a step is new, and the standard library compiled for a minute there. No result of a test is found in the machine's
  // cache: the folder is of this run.
  const goCache = execFileSync("go", ["env", "GOCACHE"], { encoding: "utf8" }).trim();
  let actions: string;
  const write = (path: string, content: string): void => {
    mkdirSync(dirname(join(workspace, path)), { recursive: true });
    writeFileSync(join(workspace, path), content);
  };
  const passes = (name: string): string =>
    `package p\n\nimport "testing"\n\nfunc Test${name}(t *testing.T) { t.Log("RAN ${name}") }\n`;
  beforeAll(async () => {
    actions = await build();
    write("go.mod", "module example.com/m\n\ngo 1.21\n");
    write("root_test.go", passes("Root"));
    write("a/a_test.go", passes("A"));
    write("b/deep/b_test.go", passes("B"));
    write("none/none.go", "package none\n");
    write("broken/broken.go", "package broken\n\nfunc (\n");
    write("texts/readme.md", "# Nothing to compile");
    write("other/go.mod", "module example.com/other\n\ngo 1.21\n");
    write("other/x/x_test.go", passes("X"));
  });
  afterAll(() => rmSync(dirname(workspace), { recursive: true, force: true }));

  const exec = (folders: string[], inputs: Record<string, string> = {}, whole: string[] = []): Promise<Ended> => {
    const decided = { chosen: true, p_run: 1, reason: "" };
    const tests = folders.map((file) => ({ id: `example.com/m/${file}||TestX`, file, ...decided }));
    const files = whole.map((path) => ({ path, reason: "" }));
    const plan = { version: 1, mode: "select", run: "chosen", runner: "go-test", shards: 1, reason: "", seed: "" };
    write("plan.json", JSON.stringify({ ...plan, tests, files }));
    const env = { PATH: `${dirname(gotestsum)}:${process.env.PATH}`, GOCACHE: goCache };
    return runEntry(
      actions,
      "ml-test-select/exec",
      { plan: "plan.json", runner: "go-test", args: "-v", ...inputs },
      workspace,
      env,
    );
  };
  const ran = ({ log }: Ended): string[] => [...log.matchAll(/^.*: RAN (\w+)$/gm)].map(([, name]) => name!).sort();

  test.each([
    ["a", {}, ["A"]],
    [".", {}, ["Root"]],
    ["b/deep", { "working-directory": "b" }, ["B"]],
    // Nothing would be tested there, and go would call it a pass.
    ["none", {}, ["A", "B", "Root"]],
    ["gone", {}, ["A", "B", "Root"]],
    ["a", { "working-directory": "b" }, ["B"]],
    // Another module, which go cannot name from here.
    ["other/x", {}, ["A", "B", "Root"]],
    ["other/x", { "working-directory": "other" }, ["X"]],
  ])("the chosen folder %s with %j runs %j", async (folder, inputs, expected) => {
    const ended = await exec([folder], inputs);
    expect(ran(ended), ended.log).toEqual(expected);
    // Everything has the package that does not compile, too.
    expect(ended.code).toBe(expected.includes("Root") && folder !== "." ? 1 : 0);
  });

  test.each([
    ["none", 0, []],
    ["broken", 1, []],
    ["texts", 1, ["A", "B", "Root"]],
  ])("the package %s, which is to be compiled, ends with %d and runs %j", async (folder, code, expected) => {
    const ended = await exec([], {}, [folder]);
    expect([ended.code, ran(ended)], ended.log).toEqual([code, expected]);
  });

  test("a runner that leaves no report did not show that it ran, and none of an earlier step is taken for it", async () => {
    write("out/old.xml", "<testsuites />");
    const ended = await exec(["a"], { report: "out/old.xml", command: "true" });
    expect(ended.code).toBe(1);
    expect(ended.log).toContain("go-test ended with 0 and left no report at out/old.xml");
    expect(existsSync(join(workspace, "out/old.xml"))).toBe(false);
  });

  test("with a report, gotestsum is what starts", async () => {
    const ended = await exec(["a"], { report: "out/go.xml" });
    expect(ended.log).toContain("DONE 1 test");
    expect(ended.code).toBe(0);
  });
});

describeWithPeer("pytest", (pytest) => {
  const root = realpathSync(mkdtempSync(join(tmpdir(), "exec-pytest-")));
  afterAll(() => rmSync(root, { recursive: true, force: true }));
  const files = {
    "pyproject.toml": '[tool.pytest.ini_options]\nfilterwarnings = ["error"]\n',
    "conftest.py": "import pytest\n\n@pytest.fixture\ndef shared():\n    return 1\n",
    "tests/test_first.py": "kept = []\n\ndef test_z():\n    kept.append(1)\n\ndef test_a():\n    assert kept\n",
    "part/pyproject.toml": "[tool.pytest.ini_options]\n",
    "part/tests/test_part.py": 'import warnings\n\ndef test_part(shared):\n    warnings.warn("old")\n',
    "part/tests/test_fine.py": "def test_fine(shared):\n    pass\n",
  };
  const project = (name: string, without: string[] = []): string => {
    for (const [path, content] of Object.entries(files)) {
      if (without.includes(path)) continue;
      mkdirSync(dirname(join(root, name, path)), { recursive: true });
      writeFileSync(join(root, name, path), content);
    }
    return join(root, name);
  };
  const exec = async (workspace: string, ids: string[], inputs: Record<string, string> = {}): Promise<Ended> => {
    const tests = ids.map((id, rank) => ({
      ...{ id, file: id.split("||")[0], chosen: true, p_run: 1, reason: "", place: ids.length - rank },
    }));
    const others = tests.map((test) => ({ ...test, id: `${test.id}_other`, chosen: false, p_run: 0 }));
    const plan = { version: 1, mode: "select", run: "chosen", runner: "pytest", shards: 1, reason: "", seed: "" };
    writeFileSync(join(workspace, "plan.json"), JSON.stringify({ ...plan, tests: [...tests, ...others], files: [] }));
    const env = { PATH: `${dirname(pytest)}:${process.env.PATH}` };
    const given = { plan: "plan.json", runner: "pytest", command: "pytest", args: "-v", ...inputs };
    return runEntry(await build(), "ml-test-select/exec", given, workspace, env);
  };

  test("a test of a project within the project has the settings and fixtures that it has in a full run", async () => {
    const workspace = project("nested");
    const red = await exec(workspace, ["part/tests/test_part.py||test_part"]);
    expect([red.code, red.log]).toEqual([1, expect.stringContaining("UserWarning: old")]);
    const green = await exec(workspace, ["part/tests/test_fine.py||test_fine"]);
    expect([green.code, green.log]).toEqual([0, expect.stringContaining("1 passed")]);
  });

  test("settings that the user names stay", async () => {
    const workspace = project("named");
    writeFileSync(join(workspace, "ci.ini"), "[pytest]\n");
    for (const inputs of [
      { command: "pytest\n-c\nci.ini", args: "-v" },
      { command: "pytest", args: "-v\n-c\nci.ini" },
    ]) {
      const { code, log } = await exec(workspace, ["part/tests/test_part.py||test_part"], inputs);
      expect([code, log]).toEqual([0, expect.stringContaining("configfile: ci.ini")]);
    }
  });

  test("a manifest without settings says where the project is", async () => {
    const workspace = project("plain", ["pyproject.toml"]);
    writeFileSync(join(workspace, "pyproject.toml"), '[project]\nname = "lab"\n');
    const { code, log } = await exec(workspace, ["part/tests/test_fine.py||test_fine"]);
    expect([code, log]).toEqual([0, expect.stringContaining("1 passed")]);
  });

  test("without settings of its own everything runs, since those of the project within would be taken", async () => {
    const workspace = project("bare", ["pyproject.toml"]);
    const { code, log } = await exec(workspace, ["part/tests/test_fine.py||test_fine"]);
    expect([code, log]).toEqual([0, expect.stringMatching(/pytest has no settings here[\s\S]*4 passed/)]);
  });

  test("tests run in the order of a full run, not of their rank", async () => {
    const { code, log } = await exec(project("order"), ["tests/test_first.py||test_a", "tests/test_first.py||test_z"]);
    expect([code, log]).toEqual([0, expect.stringContaining("2 passed")]);
  });

  test("what lies outside of the folder is not run with that folder's settings", async () => {
    const workspace = project("outside");
    const [first, fine] = ["tests/test_first.py||test_z", "part/tests/test_fine.py||test_fine"];
    for (const [ids, reason] of [
      [[first], "all that is chosen lies outside of the folder"],
      [[fine, first], "pytest cannot be told to run ../tests/test_first.py"],
    ] as const) {
      const { log } = await exec(workspace, [...ids], { "working-directory": "part" });
      expect(log).toContain(`Everything runs: ${reason}`);
      expect(log).not.toContain("test_first.py::");
    }
  });
});

test("npm hands on what its script's runner is told", async () => {
  const workspace = join(realpathSync(mkdtempSync(join(tmpdir(), "exec-npm-"))), "lab");
  try {
    mkdirSync(workspace);
    const write = (path: string, content: string): void => writeFileSync(join(workspace, path), content);
    write("package.json", '{ "scripts": { "test": "node --test" } }');
    write("a.test.mjs", 'import test from "node:test";\ntest("a", () => {});\n');
    write("b.test.mjs", "process.exit(1);\n");
    const tests = [{ id: "a.test.mjs||a", file: "a.test.mjs", chosen: true, p_run: 1, reason: "" }];
    const plan = { version: 1, mode: "select", run: "chosen", runner: "node-test", shards: 1, reason: "", seed: "" };
    write("plan.json", JSON.stringify({ ...plan, tests, files: [] }));
    const inputs = { plan: "plan.json", runner: "node-test", command: "npm\ntest", report: "report.xml" };
    const { code, log } = await runEntry(await build(), "ml-test-select/exec", inputs, workspace, {});
    expect(code, log).toBe(0);
    expect(readFileSync(join(workspace, "report.xml"), "utf8")).toContain('name="a"');
  } finally {
    rmSync(dirname(workspace), { recursive: true, force: true });
  }
});
