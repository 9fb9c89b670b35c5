import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type Runner, runners } from "@goatnote/test-selection";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { sourcesIn } from "./sources.ts";

const folder = mkdtempSync(join(tmpdir(), "sources-"));
const workspace = join(folder, "lab");
const write = (texts: Record<string, string>): void => {
  for (const [path, text] of Object.entries(texts)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
};
const git = (...args: string[]): string =>
  execFileSync("git", ["-C", workspace, "-c", "user.name=a", "-c", "user.email=a@example.org", ...args]).toString();
const commit = (): string => {
  git("add", "--all");
  git("commit", "--quiet", "--message", "a step");
  return git("rev-parse", "HEAD").trim();
};

const files = [
  "src/model.py",
  "tests/test_model.py",
  "tests/test_link.py",
  "tests/test_table.py",
  "tests/test_page.py",
  "tests/test_ink.py",
  "go.mod",
];
const goFiles = ["io/io.go", "io/io_test.go"];
const isTest = (path: string): boolean => /test_\w+\.py$|_test\.go$/.test(path);
let [base, head] = ["", ""];

const read = (path: string, where = workspace) =>
  sourcesIn(where, [...files, ...goFiles], { base, head, files: [{ path } as never] }, null, isTest);

beforeAll(() => {
  write({
    "lab/src/model.py": "def fit_curve(points):\n    return points\n",
    "lab/tests/test_model.py": "from src import model\n",
    "lab/tests/test_table.py": "import reader\n\ndef test_width():\n    assert reader.cells(fit_curve=1)\n",
    "lab/tests/test_page.py": "def test_page():\n    pass\n",
    "lab/tests/test_ink.py": "def test_ink():\n    pass\n",
    "lab/go.mod": "module example.org/lab\n",
    "lab/io/io.go": "package io\n",
    "lab/io/io_test.go": "package io\n\nfunc TestReadings() { fit_curve() }\n",
    "outside.py": "from src import model\n",
  });
  symlinkSync(join(folder, "outside.py"), join(folder, "lab/tests/test_link.py"));
  git("init", "--quiet");
  base = commit();
  write({ "lab/src/model.py": "def fit_curve(points):\n    return sorted(fit_curve, points)\n" });
  head = commit();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("imports", () => {
  test("are followed in the files of the checkout, and through no link out of it", async () => {
    const { imports } = (await read("src/model.py")).sources!;
    expect(imports.get("tests/test_model.py")).toEqual({ distance: 1, changed: "src/model.py" });
    expect(imports.get("tests/test_link.py")).toEqual({ distance: 1, changed: "tests/test_link.py", unread: true });
  });
  test("of a package of Go are those of its folder, which is what a runner is told", async () => {
    expect((await read("io/io.go")).sources!.imports.get("io")).toEqual({ distance: 1, changed: "io/io.go" });
  });
  test("lead to a file that the change deleted", async () => {
    expect((await read("src/__init__.py")).sources!.imports.get("tests/test_model.py")?.distance).toBe(1);
  });
  test("are not known where a file that says where modules are cannot be read", async () => {
    expect(await read("src/model.py", join(folder, "nowhere"))).toEqual({
      sources: null,
      sourcesUnknown: "go.mod cannot be read, or has more than 1000000 characters",
    });
  });
});

describe("imports of a test file that the change edits", () => {
  test("are told apart, also where they lead on, and there are none of other files", async () => {
    const { importsOfTests } = await read("tests/test_table.py");
    expect(importsOfTests!.get("tests/test_page.py")).toBeUndefined();
    expect((await read("src/model.py")).importsOfTests!.size).toBe(0);
    write({ "lab/tests/test_ink.py": "from tests import test_page\n", "lab/tests/test_wide.py": "import test_ink\n" });
    const shared = await sourcesIn(
      workspace,
      [...files, "tests/test_wide.py"],
      { base, head, files: [{ path: "tests/test_page.py" } as never] },
      null,
      isTest,
    );
    expect(shared.importsOfTests!.get("tests/test_ink.py")).toMatchObject({ distance: 1 });
    expect(shared.importsOfTests!.get("tests/test_wide.py")).toMatchObject({ changed: "tests/test_page.py" });
    write({ "lab/tests/test_ink.py": "def test_ink():\n    pass\n" });
    rmSync(join(workspace, "tests/test_wide.py"));
  });
});

describe("what tests share", () => {
  const shared = async (path: string): Promise<string[]> => [...(await read(path)).importsOfTests!.keys()].sort();
  beforeAll(() =>
    write({
      "lab/tests/conftest.py": 'from tests import support\npytest_plugins = ["tests.plugged"]\n',
      "lab/tests/support.py": "def helper():\n    return 1\n",
      "lab/tests/plugged.py": "",
      "lab/tests/test_ink.py": "from tests.cases import Cases\n\nclass TestInk(Cases):\n    pass\n",
      "lab/tests/cases.py": "class Cases:\n    def test_one(self):\n        pass\n",
    }),
  );
  const shares = ["tests/cases.py", "tests/conftest.py", "tests/plugged.py", "tests/support.py"];
  beforeAll(() => void files.push(...shares));
  afterAll(() => {
    files.splice(-shares.length);
    for (const path of shares) rmSync(join(workspace, path));
    write({ "lab/tests/test_ink.py": "def test_ink():\n    pass\n" });
  });

  test("is used by tests alone", async () => {
    write({ "lab/tests/client.py": "", "lab/src/app.py": "from tests import client\n" });
    files.push("tests/client.py", "src/app.py");
    expect(await shared("tests/client.py")).toEqual([]);
    files.splice(-2);
    for (const path of ["tests/client.py", "src/app.py"]) rmSync(join(workspace, path));
  });

  test("is a link where a conftest.py is not above all tests", async () => {
    const texts = {
      "api/conftest.py": "from src.model import fit_curve\n",
      "api/test_call.py": "def test_call(client):\n    pass\n",
    };
    write(Object.fromEntries(Object.entries(texts).map(([path, text]) => [`lab/${path}`, text])));
    files.push(...Object.keys(texts));
    const { imports } = (await read("src/model.py")).sources!;
    expect(imports.get("api/test_call.py")).toEqual({ distance: 2, changed: "src/model.py" });
    expect(imports.get("tests/test_page.py")).toBeUndefined();
    files.splice(-2);
    rmSync(join(workspace, "api"), { recursive: true });
  });

  test("is told where no import leads to it, unless it is data", async () => {
    expect((await read("tests/support.py")).unlinked).toBeNull();
    write({ "lab/tests/plug.py": "", "lab/tests/data/plug.py": "" });
    files.push("tests/plug.py", "tests/data/plug.py");
    expect((await read("tests/plug.py")).unlinked).toMatch(/^tests\/plug\.py is among the tests/);
    expect((await read("tests/data/plug.py")).unlinked).toBeNull();
    files.splice(-2);
    for (const path of ["plug.py", "data"]) rmSync(join(workspace, "tests", path), { recursive: true });
  });

  test("reaches all that inherit it", async () => {
    expect(await shared("tests/cases.py")).toContain("tests/test_ink.py");
    expect(await shared("tests/cases.py")).not.toContain("tests/test_page.py");
  });
  test.each(["tests/support.py", "tests/plugged.py"])(
    "reaches all tests below the conftest.py that loads %s",
    async (path) => {
      expect(await shared(path)).toEqual(
        expect.arrayContaining([
          "tests/test_ink.py",
          "tests/test_model.py",
          "tests/test_page.py",
          "tests/test_table.py",
        ]),
      );
    },
  );
});

test("changed sources in which vitest finds tests are told", async () => {
  write({ "lab/inside/a.ts": "if (import.meta.vitest) {}", "lab/inside/b.ts": "" });
  const listed = ["inside/a.ts", "inside/b.ts"];
  const change = { base, head, files: [...listed, "inside/gone.ts"].map((path) => ({ path }) as never) };
  const told = async (runner: Runner) => (await sourcesIn(workspace, listed, change, runner, isTest)).holdingTests;
  expect(await told(runners.vitest)).toEqual(["inside/a.ts"]);
  expect(await told(runners.jest)).toBeUndefined();
});

describe("what settings of a runner lead to", () => {
  const texts = {
    "web/jest.config.js":
      'const common = require("./tools/common");\nmodule.exports = { ...common, setupFiles: ["<rootDir>/tools/env"] };',
    "web/tools/common.js": 'require("./deep");',
    "web/tools/deep.js": "",
    "web/tools/env.js": 'require("../src/cart");',
    "web/src/cart.js": "",
    "web/src/cart.test.js": 'require("./cart");',
    "docs/vite.config.js": 'import "./theme";',
    "docs/theme.js": "",
  };
  const unlinked = async (path: string): Promise<string | null | undefined> => {
    const change = { base, head, files: [{ path } as never] };
    return (await sourcesIn(workspace, Object.keys(texts), change, runners.jest, runners.jest.isTestFile)).unlinked;
  };
  beforeAll(() => write(Object.fromEntries(Object.entries(texts).map(([path, text]) => [`lab/${path}`, text]))));

  test.each(["common", "deep", "env"])("may concern all tests: tools/%s.js", async (name) => {
    expect(await unlinked(`web/tools/${name}.js`)).toMatch(/is a part of web\/jest\.config\.js/);
  });
  test("concerns all tests where a setting names it, also if one imports it", async () => {
    write({ "lab/web/tools/env.test.js": 'require("./env");' });
    const [env, test] = ["web/tools/env.js", "web/tools/env.test.js"];
    const change = { base, head, files: [{ path: env } as never] };
    const files = [...Object.keys(texts), test];
    const told = await sourcesIn(workspace, files, change, runners.jest, runners.jest.isTestFile);
    expect(told.unlinked).toMatch(/is a part of web\/jest\.config\.js/);
  });
  test("is linked where a test leads to it, and settings without tests say nothing", async () => {
    expect(await unlinked("web/src/cart.js")).toBeNull();
    expect(await unlinked("docs/theme.js")).toBeNull();
  });
});

describe("packages that hold no tests", () => {
  const sources = {
    "api/api.go": "package api\n",
    "cmd/main.go": 'package main\n\nimport "example.org/lab/api"\n',
    "far/far.go": "package far\n\n//go:embed page.html\nvar page string\n",
    "code/code.go": 'package code\n\nimport "example.org/lab/api"\n\nconst made = `\n//go:build ignore\n`\n',
    "c/c.go": 'package c\n\nimport (\n\t"C"\n\t"example.org/lab/api"\n)\n',
    "gen/gen.go": '//go:build ignore\n\npackage main\n\nimport "example.org/lab/api"\n',
    "port/port_windows.go": 'package port\n\nimport "example.org/lab/api"\n',
    "tagged/a.go": "package tagged\n",
    "tagged/a_test.go": "//go:build integration\n\npackage tagged\n",
    "doc/doc.go": 'package documentation\n\nimport "example.org/lab/api"\n',
    "tested/a.go": 'package tested\n\nimport "example.org/lab/api"\n',
    "tested/a_test.go": "package tested\n",
  };
  const compiled = async (...paths: string[]): Promise<string[] | undefined> => {
    const change = { base, head, files: paths.map((path) => ({ path }) as never) };
    const { compiled } = await sourcesIn(
      workspace,
      ["go.mod", ...Object.keys(sources)],
      change,
      runners["go-test"],
      (path) => isTest(path) || path === "tested",
    );
    return compiled && [...compiled].sort();
  };
  beforeAll(() => write(Object.fromEntries(Object.entries(sources).map(([path, text]) => [`lab/${path}`, text]))));

  test("are compiled where they are changed or reach the change, unless all of their files may be left out", async () => {
    expect(await compiled("api/api.go")).toEqual(["api", "cmd", "code"]);
    expect(await compiled("cmd/gone.go")).toEqual(["cmd"]);
    expect(await compiled("far/page.html")).toEqual(["far"]);
    expect(await compiled("tested/a.go")).toEqual([]);
    // No run has tests of it.
    expect(await compiled("tagged/a.go")).toEqual(["tagged"]);
  });
  test("are none for a runner of files", async () => {
    expect((await read("src/model.py")).compiled).toBeUndefined();
  });
});

describe("the changed lines", () => {
  test("are compared with the text of test files that no import links, and of packages", async () => {
    const { texts } = (await read("src/model.py")).sources!;
    expect(texts!.get("tests/test_table.py")!.shared).toEqual(["fit_curve"]);
    expect(texts!.get("io")).toEqual(texts!.get("io/io_test.go"));
    expect(texts!.get("io")!.similarity).toBeGreaterThan(0.1);
    expect(texts!.get("tests/test_link.py")).toEqual({ similarity: 1 });
    expect([texts!.has("tests/test_model.py"), texts!.has("src/model.py")]).toEqual([false, false]);
  });
  test("are left out where git does not know them, and imports stay", async () => {
    const known = base;
    base = "1".repeat(40);
    const { sources, sourcesUnknown } = await read("src/model.py");
    base = known;
    expect([sources!.imports.has("tests/test_model.py"), sources!.texts]).toEqual([true, null]);
    expect(sourcesUnknown).toMatch(/^git diff-tree failed .*bad object 1{40}$/);
  });
});
