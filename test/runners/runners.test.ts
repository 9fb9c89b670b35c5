/** What each real runner does with the arguments of a plan that chooses a part: its own report tells which tests ran. */
import { dirname, join } from "node:path";
import { runners } from "@goatnote/test-selection";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { describeWithPeer } from "../peers.ts";
import { hostile, Project } from "./project.ts";

/** `content` for each hostile name, by the path that `path` makes of it; tests are called `t0`, `t1`, … */
const each = (
  path: (name: string) => string,
  content: (test: string, name: string) => string,
): Record<string, string> => Object.fromEntries(hostile.map((name, index) => [path(name), content(`t${index}`, name)]));
const all = hostile.map((_, index) => `t${index}`);
const odd = all.filter((_, index) => index % 2 === 1);

/** What holds for every runner that is told whole files. */
function runsWhatIsChosen(project: () => Project, args: string[] = []): void {
  test("everything is everything", async () => {
    const { code, ran, log } = await project().runEverything();
    expect(code, log).toBe(0);
    expect(ran).toEqual(all);
    expect(project().places).not.toContain(null);
  });

  test("the chosen tests run, and no other", async () => {
    const told = project().told(odd);
    const { code, ran, log } = await project().start(told!, args);
    expect(ran, log).toEqual(odd);
    expect(code).toBe(0);
    expect(project().harmed).toBe(false);
  });

  test("one chosen test is not swallowed by an argument of the user", async () => {
    expect((await project().start(project().told(["t4"])!, args)).ran).toEqual(["t4"]);
  });
}

describeWithPeer("pytest", (pytest) => {
  let project: Project;
  // A `$` parts classes in reports of other runners; a file that has one is not found, and everything would run.
  const file = (name: string): string => `tests/test_${name.replace("$(touch canary)", "`touch canary`")}.py`;
  const content = (test: string, name: string): string => `import pytest


@pytest.mark.parametrize("p", ${JSON.stringify([name, "]["])})
def test_${test}(p):
    pass


class Test日本:
    def test_${test}_rests(self):
        pass
`;
  beforeAll(() => {
    project = new Project(runners.pytest, each(file, content), dirname(pytest));
  });
  afterAll(() => project.remove());

  test("single tests run, with all their parameters, and no other", async () => {
    const everything = await project.runEverything();
    expect(everything.ran, everything.log).toHaveLength(3 * all.length);
    const told = project.told([...odd.map((name) => `test_${name}`), "test_t4_rests"]);
    const { code, ran, log } = await project.start(told!);
    expect(ran, log).toEqual([...odd.flatMap((name) => [`test_${name}`, `test_${name}`]), "test_t4_rests"].sort());
    expect(code).toBe(0);
    expect(project.harmed).toBe(false);
  });

  test("a whole file runs with what nobody knows in it", async () => {
    const { ran } = await project.start(project.told([], [file("a b")])!);
    expect(ran).toEqual(["test_t0", "test_t0", "test_t0_rests"]);
  });

  test("it says by its exit code that a named test is not there", async () => {
    const { code } = await project.start([`${file("a b")}::test_gone`]);
    expect(runners.pytest.notFound(code!)).toBe(true);
  });
});

describeWithPeer("vitest", (vitest) => {
  let project: Project;
  beforeAll(() => {
    project = new Project(runners.vitest, {
      ...each(
        (name) => `tests/${name} (1) [x].test.mjs`,
        (test) => `import { test } from "vitest";\ntest("${test}", () => {});\n`,
      ),
      "tests/helper.mjs": "",
    });
    project.link("vitest", join(dirname(vitest), ".."));
  });
  afterAll(() => project.remove());
  runsWhatIsChosen(() => project, ["--silent"]);

  test("it does not pass when nothing of what it was told is a test", async () => {
    expect((await project.start(["tests/helper.mjs"], ["--passWithNoTests"])).code).toBe(1);
  });
});

describeWithPeer("jest", (jest) => {
  let project: Project;
  beforeAll(() => {
    project = new Project(runners.jest, {
      "package.json": "{}",
      ...each(
        (name) => `tests/${name} (1) [x].test.js`,
        (name) => `test("${name}", () => {});\n`,
      ),
      // As a pattern it would choose all of them.
      "tests/helper.js": "",
    });
    for (const name of ["jest", "jest-junit"]) project.link(name, join(dirname(jest), ".."));
  });
  afterAll(() => project.remove());
  runsWhatIsChosen(() => project, ["--coverageReporters", "text"]);

  test("it does not pass when nothing of what it was told is a test", async () => {
    const told = project.told([], ["tests/helper.js"]);
    expect((await project.start(told!, ["--passWithNoTests"])).code).toBe(1);
  });

  test("a file that cannot be loaded is a failure of it in the report", async () => {
    const broken = new Project(runners.jest, {
      "package.json": "{}",
      "a.test.js": 'require("./gone");',
      "b.test.js": "test('b', () => {});",
    });
    try {
      for (const name of ["jest", "jest-junit"]) broken.link(name, join(dirname(jest), ".."));
      const { code, executions } = await broken.start([]);
      const seen = new Map(executions.map(({ file, status }) => [file, status === "pass"]));
      expect([code, seen]).toEqual([
        1,
        new Map([
          ["a.test.js", false],
          ["b.test.js", true],
        ]),
      ]);
    } finally {
      broken.remove();
    }
  });
});

describe("with node:test", () => {
  let project: Project;
  const content = (name: string): string => `require("node:test").test("${name}", () => {});\n`;
  beforeAll(() => {
    project = new Project(runners["node-test"], {
      ...each((name) => `tests/${name} (1).test.js`, content),
    });
  });
  afterAll(() => project.remove());

  test("the chosen tests run, and no other", async () => {
    const everything = await project.runEverything();
    expect(everything.ran, everything.log).toEqual(all);
    const { code, ran, log } = await project.start(project.told(odd)!, ["--test-concurrency", "2"]);
    expect(ran, log).toEqual(odd);
    expect(code).toBe(0);
    expect(project.harmed).toBe(false);
  });

  test("names that it would read as patterns, and pass without finding them, are never told", async () => {
    for (const name of ["@(x).test.js", "[x].test.js", "{x,y}.test.js"]) {
      const other = new Project(runners["node-test"], { [name]: content("t0"), "b.test.js": content("t1") });
      try {
        expect((await other.start([name, "b.test.js"])).ran, "node has learned to take paths").toEqual(["t1"]);
        expect((await other.runEverything()).ran).toEqual(["t0", "t1"]);
        expect(other.told(["t0"])).toBeNull();
      } finally {
        other.remove();
      }
    }
  });
});

describeWithPeer("gotestsum", (gotestsum) => {
  let project: Project;
  // Go refuses odd names of packages, not of files in them; every package knows a flag that go does not.
  const content = (test: string, name: string): string => `package p

import (
	"flag"
	"testing"
)

var _ = flag.Bool("custom", false, "")

func Test${test}(t *testing.T) { t.Run(${JSON.stringify(name)}, func(t *testing.T) {}) }
`;
  const folders = [".", "a", "a/b", "p+q", "x~y", "v1.2", "cmd/日", "tools", "lib/a"].filter(
    (name) => !/[^!-~]/.test(name),
  );
  const paths = folders.map((folder, index) => join(folder, `x ${hostile[index]}_test.go`));
  beforeAll(() => {
    project = new Project(
      runners["go-test"],
      {
        "go.mod": "module example.com/m\n\ngo 1.21\n",
        ...Object.fromEntries(paths.map((path, index) => [path, content(`T${index}`, hostile[index]!)])),
        "none/none.go": "package none\n",
        "a/testdata/x_test.go": "not Go",
      },
      dirname(gotestsum),
    );
  });
  afterAll(() => project.remove());
  const tests = folders.map((_, index) => `TestT${index}`);

  test("everything is all packages, each known by its folder", async () => {
    const { code, ran, log } = await project.runEverything();
    expect(code, log).toBe(0);
    expect(ran).toEqual(tests);
    expect(project.places).toEqual([...folders].sort());
  });

  test.each([[["TestT1", "TestT3"]], [["TestT2"]], [["TestT0", "TestT7"]]])(
    "the packages of %j run, and no other",
    async (chosen) => {
      const { code, ran, log } = await project.start(project.told(chosen)!, ["-custom", "-count=1"]);
      expect(ran, log).toEqual(chosen);
      expect(code).toBe(0);
      expect(project.harmed).toBe(false);
    },
  );

  test("a package without tests is compiled, and test data is never told", async () => {
    expect(project.told([], ["none"])).toEqual(["./none"]);
    expect((await project.start(["./none"])).code).toBe(0);
    expect(project.told(["TestT1"], ["a/testdata"])).toBeNull();
  });
});
