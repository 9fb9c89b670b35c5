/** ci-pytest.yml over a project with real history: what runs is judged by what pytest itself wrote down, not by our records alone. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { describeWithPeer } from "../peers.ts";
import { example, Lab, type Outcome } from "./lab.ts";

const modules = ["alpha", "beta", "gamma"];
// One test of each file takes its time, so that what is worth running does not hang on single milliseconds.
const moduleFiles = Object.fromEntries(
  modules.flatMap((name) => [
    [`src/${name}.py`, "x = 1\n"],
    [
      `tests/test_${name}.py`,
      `import time\n\nimport src.${name} as it\n\n\ndef test_${name}():\n    assert it.x == 1\n\n\ndef test_${name}_too():\n    time.sleep(0.2)\n`,
    ],
  ]),
);
const all = modules.flatMap((name) => [`test_${name}`, `test_${name}_too`]);
const broken = (name: string) => ({ [`src/${name}.py`]: "x = 2\n" });
const mended = (name: string) => ({ [`src/${name}.py`]: "x = 1\n" });

// pytest itself notes each test that it calls.
const conftest = `
import os

def pytest_runtest_call(item):
    with open(os.environ["WITNESS"], "a") as file:
        file.write(item.name + "\\0")
`;

describeWithPeer("pytest", (pytest) => {
  const temp = mkdtempSync(join(tmpdir(), "witness-"));
  const witness = join(temp, "witness");
  const env = { PATH: dirname(pytest), WITNESS: witness, CANARY: join(temp, "canary") };
  /** The tests that pytest called since the last look, sorted, each as often as it was called. */
  const called = (): string[] => {
    if (!existsSync(witness)) return [];
    const names = readFileSync(witness, "utf8").split("\0").filter(Boolean).sort();
    rmSync(witness);
    return names;
  };
  const basics = {
    ".gitignore": "__pycache__/\nreports/\nplan/\n.pytest_cache/\n",
    "README.md": "Numbers\n",
    "conftest.py": conftest,
  };
  /** A project whose history has one failing run, and states a recall of 0.5 with it. */
  const projectWith = async (files: Record<string, string>, workflow: string): Promise<Lab> => {
    const lab = await Lab.make({ ...basics, ...files, ".github/workflows/ci.yml": workflow }, { env });
    await lab.push();
    return lab;
  };
  const teach = async (lab: Lab, name: string): Promise<void> => {
    const red = await lab.push(broken(name));
    expect(red.conclusion, red.log).toBe("failure");
    const green = await lab.push(mended(name));
    expect(green.conclusion, green.log).toBe("success");
  };
  afterAll(() => rmSync(temp, { recursive: true, force: true }));
  beforeEach(() => void called());

  describe("a project with a recorded history", () => {
    let lab: Lab;
    beforeAll(async () => {
      lab = await projectWith(moduleFiles, example("ci-pytest.yml"));
      await teach(lab, "alpha");
    });
    afterAll(() => lab.close());

    test("a pull request runs the chosen tests and no other, and its record says what rested", async () => {
      const pull = await lab.pull({ "src/alpha.py": "x = 1  # one\n" });
      expect(called()).toEqual(["test_alpha"]);
      expect(pull.conclusion, pull.log).toBe("success");
      expect(pull.ran).toEqual(["test_alpha"]);
      expect(pull.rested).toEqual(all.filter((name) => name !== "test_alpha"));
      const [record] = pull.records;
      expect(record).toMatchObject({
        trust: "pull_request",
        default_branch: false,
        selection: { mode: "select", target_recall: 0.5 },
      });
      expect(record?.tests.map(({ p_run }) => p_run)).toEqual([1, 0, 0, 0, 0, 0]);
      expect(pull.plan).toMatchObject({ mode: "select", selected: "1", total: "6", confidence: "0.5" });
      expect(pull.summary).toContain("1 of 6 tests run");
    });

    test("a chosen test that fails makes the job fail, and the summary names it", async () => {
      const pull = await lab.pull({ "src/alpha.py": "x = 3\n" });
      expect(called()).toEqual(["test_alpha"]);
      expect([pull.conclusion, pull.conclusionOf("test"), pull.failed]).toEqual(["failure", "failure", ["test_alpha"]]);
      expect(pull.summary).toContain("1 of 1 tests failed");
      expect(pull.annotations("error").join("\n")).toContain("tests/test_alpha.py||test_alpha");
    });

    test("edited and new test files run as a whole", async () => {
      const pull = await lab.pull({
        "tests/test_beta.py": `${lab.read("tests/test_beta.py")}\n\ndef test_nobody_knows():\n    assert False\n`,
        "tests/deep/test_new.py": "def test_new():\n    pass\n",
      });
      expect(called()).toEqual(expect.arrayContaining(["test_beta", "test_beta_too", "test_new", "test_nobody_knows"]));
      expect(pull.conclusion).toBe("failure");
      expect(pull.failed).toEqual(["test_nobody_knows"]);
    });

    test("a new text file that pytest reads as doctests runs too", async () => {
      const pull = await lab.pull({ "tests/test_guide.txt": ">>> 1 + 1\n3\n" });
      expect(pull.conclusion, pull.log).toBe("failure");
    });

    test("an edited conftest.py runs everything", async () => {
      const pull = await lab.pull({ "conftest.py": `${conftest}\n# edited\n` });
      expect(called()).toEqual(all);
      expect(pull.plan.mode).toBe("all");
      expect(pull.plan.reason).toContain("conftest.py changed");
      expect(pull.records[0]?.selection?.mode).toBe("full");
    });

    test("the opt-out label runs everything", async () => {
      const pull = await lab.pull({ "src/alpha.py": "x = 1  # two\n" }, { labels: ["bug", "full-tests"] });
      expect(called()).toEqual(all);
      expect(pull.plan.reason).toContain("has the label full-tests");
    });

    test("a change of a submodule runs everything", async () => {
      const submodule = join(lab.folder, "vendor");
      mkdirSync(submodule);
      for (const args of [
        ["init", "--quiet"],
        ["commit", "--quiet", "--allow-empty", "--message", "Data"],
      ])
        lab.git("-C", submodule, ...args);
      const pull = await lab.pull({ "src/alpha.py": "x = 1  # of data\n" });
      rmSync(submodule, { recursive: true });
      expect(called()).toEqual(all);
      expect(pull.plan.reason).toContain("moves the submodule vendor");
    });

    test("a tag runs everything", async () => {
      lab.git("tag", "--force", "v1");
      const payload = {
        ref: "refs/tags/v1",
        before: "0".repeat(40),
        after: lab.head,
        repository: { full_name: "octo/lab", default_branch: "main" },
      };
      const workflow = example("ci-pytest.yml", { "branches: [main]": 'tags: ["*"]' });
      const outcome = await withWorkflow(lab, workflow, (sha) =>
        lab.rehearse({ event: { name: "push", payload }, ref: "refs/tags/v1", sha }),
      );
      expect(called()).toEqual(all);
      expect(outcome.plan.mode, outcome.plan.reason).toBe("all");
    });

    test("a branch is judged by all its commits, also where its earlier runs were cancelled", async () => {
      const workflow = example("ci-pytest.yml", { "branches: [main]": 'branches: ["**"]' });
      lab.git("checkout", "--quiet", "-B", "topic", "main");
      lab.commit({ "src/gamma.py": "x = 2\n" });
      const before = lab.head;
      const after = lab.commit({ "README.md": "More numbers\n" });
      lab.git("checkout", "--quiet", "main");
      for (const known of ["0".repeat(40), before]) {
        const payload = {
          ref: "refs/heads/topic",
          before: known,
          after,
          repository: { full_name: "octo/lab", default_branch: "main" },
        };
        const outcome = await rehearseWith(lab, workflow, {
          event: { name: "push", payload },
          ref: "refs/heads/topic",
          sha: after,
        });
        expect(called(), outcome.plan.reason).toContain("test_gamma");
        expect(outcome.conclusion).toBe("failure");
      }
    });

    test("mode observe runs everything and says what it would have chosen", async () => {
      const workflow = example("ci-pytest.yml", {
        "runner: pytest\n          target": "runner: pytest\n          mode: observe\n          target",
      });
      const pull = await lab.pull({ "src/alpha.py": "x = 1  # three\n" }, { workflow: stored(workflow) });
      expect(called()).toEqual(all);
      expect(pull.plan.reason).toContain("1 of 6 tests would run");
      expect(pull.summary).toContain("How it has gone");
      expect(pull.records[0]?.selection?.mode).toBe("full");
      expect(pull.rested).toEqual([]);
    });

    test("mode prioritize runs everything once, the likeliest failure first", async () => {
      const workflow = example("ci-pytest.yml", {
        "runner: pytest\n          target": "runner: pytest\n          mode: prioritize\n          target",
      });
      const pull = await lab.pull({ "src/alpha.py": "x = 1  # four\n" }, { workflow: stored(workflow) });
      const order = readFileSync(witness, "utf8").split("\0");
      expect(order[0]).toBe("test_alpha");
      expect(called()).toEqual(all);
      expect(pull.rested).toEqual([]);
    });

    test("when the select job fails, everything runs, with a warning", async () => {
      const workflow = example("ci-pytest.yml", {
        "runner: pytest\n          target": "runner: pytest\n          mode: everything\n          target",
      });
      const pull = await lab.pull({ "src/alpha.py": "x = 1  # five\n" }, { workflow: stored(workflow) });
      expect(pull.conclusionOf("select")).toBe("failure");
      expect(pull.conclusionOf("test")).toBe("success");
      expect(called()).toEqual(all);
      expect(pull.annotations("warning").join("\n")).toContain("The plan cannot be used");
      expect(pull.records[0]?.selection).toBeUndefined();
    });

    test("a fork: everything works with what forks get, and nobody learns from it", async () => {
      const fork = await lab.pull({ "src/gamma.py": "x = 2\n" }, { from: "stranger/lab", branch: "stranger-main" });
      called();
      expect(fork.conclusionOf("record"), fork.log).toBe("success");
      expect(fork.summary).toContain("whose token may not write");
      expect(fork.records).toEqual([]);
      const recorder = await lab.ended(fork, stored(example("record-forks.yml", {}, {})));
      expect(recorder.conclusionOf("record"), recorder.log).toBe("success");
      expect(recorder.outputs("telemetry-upload/record")).toEqual([{ recorded: "1", rejected: "0" }]);
      expect(fork.records.map(({ trust, default_branch, event }) => [trust, default_branch, event])).toEqual([
        ["fork", false, "pull_request"],
      ]);
      const pull = await lab.pull({ "README.md": "Numbers!\n" });
      expect(pull.plan.reason).toContain("going by 1 past failure");
      expect(called()).not.toContain("test_gamma");
    });

    test("a red test that selection rested is found by the next push, and then always runs", async () => {
      const sneaky = {
        "src/other.py": "import src.beta\n\nsrc.beta.x = 2\n",
        "src/alpha.py": "import src.other\n\nx = 1\n",
      };
      const pull = await lab.pull(sneaky);
      expect(called()).not.toContain("test_beta");
      expect(pull.conclusion, pull.log).toBe("success");
      const push = await lab.push(sneaky);
      expect(called()).toEqual(all);
      expect([push.conclusion, push.failed]).toEqual(["failure", ["test_beta"]]);
      const next = await lab.pull({ "README.md": "Numbers?\n" });
      expect(called()).toContain("test_beta");
      const [planFile] = next.artifacts(/^test-plan\.json$/);
      expect(planFile?.content.toString()).toContain("failed in its last run");
    });
  });

  test("shards of one plan run each chosen test once, and the history of a full run holds all of them", async () => {
    const lab = await projectWith(moduleFiles, example("ci-shards.yml"));
    try {
      called();
      await teach(lab, "alpha");
      // Both jobs of the two pushes together ran everything, once.
      expect(called()).toEqual([...all, ...all].sort());
      const full = await lab.push({ "README.md": "Shards\n" });
      expect(full.records).toHaveLength(2);
      expect(full.ran, full.log).toEqual(all);
      expect(full.annotations("warning")).toEqual([]);
      called();
      const pull = await lab.pull({
        "src/alpha.py": "x = 1  # one\n",
        "tests/test_beta.py": `${lab.read("tests/test_beta.py")}\n\ndef test_unknown():\n    pass\n`,
        "tests/test_new.py": "def test_new():\n    pass\n",
      });
      expect(called()).toEqual(["test_alpha", "test_beta", "test_beta_too", "test_new", "test_unknown"]);
      expect(pull.result.jobs.filter(({ id, steps }) => id === "test" && steps.length > 0)).toHaveLength(2);
    } finally {
      await lab.close();
    }
  });

  test("where no plan was made, one job runs everything, once", async () => {
    const lab = await projectWith(moduleFiles, example("ci-shards.yml", { "shards: 2": "shards: none" }));
    try {
      expect(called()).toEqual(all);
      const push = await lab.push({ "README.md": "More\n" });
      expect([push.conclusionOf("select"), push.conclusionOf("test")]).toEqual(["failure", "success"]);
      expect(push.conclusionOf("passed")).toBe("success");
      expect(called()).toEqual(all);
      expect(push.records).toHaveLength(1);
      const red = await lab.push(broken("beta"));
      expect(red.conclusionOf("passed")).toBe("failure");
    } finally {
      await lab.close();
    }
  });

  test("hostile names go from report to history to plan to pytest, and no shell reads them", async () => {
    const touch = "touch $CANARY canary";
    const names = [
      "a b",
      `$(${touch})`,
      `\`${touch}\``,
      `; ${touch} ;`,
      'it\'s "quoted"',
      "日本語 тест",
      "née",
      "&& || > x",
      "-rf",
      "100%",
      "a,b=c",
      "::x",
    ];
    // A `$` in a path stands for an inner class to the reader of reports, which then knows no file: everything would run.
    const files = ["a b", "`touch canary`", "; touch canary ;", ...names.slice(4, -1)];
    const file = (name: string) => `tests/test_${name}.py`;
    // What takes longer needs better reasons to run, and this one has none.
    const body = (index: number) =>
      `import time\nimport pytest\nimport src.alpha\n\n\n@pytest.mark.parametrize("p", ${JSON.stringify([...names, "two\nlines"])})\ndef test_alpha_${index}(p):\n    assert src.alpha.x == 1\n\n\ndef test_日本${index}():\n    time.sleep(0.3)\n`;
    const lab = await projectWith(
      {
        "src/alpha.py": "x = 1\n",
        "conftest.py": `${conftest}\n\ndef pytest_sessionfinish():\n    assert not os.path.exists("canary")\n`,
        ...Object.fromEntries(files.map((name, index) => [file(name), body(index)])),
      },
      example("ci-pytest.yml"),
    );
    try {
      const everything = called();
      expect(everything).toHaveLength(files.length * (names.length + 2));
      // Every parametrised test fails, so that the net of what failed last names all of them to pytest.
      await lab.push(broken("alpha"));
      called();
      const pull = await lab.pull(mended("alpha"));
      const calls = called();
      expect(pull.plan.mode, pull.plan.reason).toBe("select");
      expect(calls, pull.log).toEqual(everything.filter((name) => name.startsWith("test_alpha")));
      expect(pull.rested).toEqual(everything.filter((name) => name.startsWith("test_日")));
      expect(pull.annotations("warning")).toEqual([]);
      expect(existsSync(env.CANARY)).toBe(false);
    } finally {
      await lab.close();
    }
  });

  function stored(workflow: string): string {
    const folder = mkdtempSync(join(temp, "workflow-"));
    writeFileSync(join(folder, "ci.yml"), workflow);
    return join(folder, "ci.yml");
  }
  const rehearseWith = async (lab: Lab, workflow: string, options: Parameters<Lab["rehearse"]>[0]): Promise<Outcome> =>
    lab.rehearse({ ...options, workflow: stored(workflow) });
  async function withWorkflow(lab: Lab, workflow: string, act: (sha: string) => Promise<Outcome>): Promise<Outcome> {
    const rehearse = lab.rehearse.bind(lab);
    const file = stored(workflow);
    lab.rehearse = (options) => rehearse({ ...options, workflow: file });
    try {
      return await act(lab.head);
    } finally {
      lab.rehearse = rehearse;
    }
  }
});
