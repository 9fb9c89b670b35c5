/**
 * Makes `packages/test-reports/fixtures/` again, by the real runners: `REMAKE_FIXTURES=1 node scripts/fixtures.ts [name…]`.
 * A runner that is missing is named, and its fixture stays as it is.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { locate } from "./peers.ts";

const root = join(import.meta.dirname, "..");
const fixtures = join(root, "packages/test-reports/fixtures");

interface Fixture {
  /** Sources by path. */
  files: Record<string, string>;
  /** Run one after the other; tests fail in them on purpose, so that exit codes say nothing. */
  commands: [tool: string, ...args: string[]][];
  /** Reports that the commands leave, by the name of the fixture. */
  reports: Record<string, string>;
}

const pytest = `
import pytest

class TestX:
    def test_ok(self): pass
    @pytest.mark.parametrize("v", ["a b", "x;$(y)", 'quo"te', "li\\nne", "日本"])
    def test_param(self, v): assert v != "a b"

@pytest.fixture
def broken():
    yield
    raise RuntimeError("teardown")

def test_fails_twice(broken): assert 0
def test_teardown(broken): pass
@pytest.mark.xfail
def test_xfail(): assert 0
@pytest.mark.xfail
def test_xpass(): pass
@pytest.mark.xfail(strict=True)
def test_strict_xpass(): pass
@pytest.mark.skip
def test_skip(): pass
@pytest.mark.parametrize("o", [object()])
def test_object(o): assert "\\x1b" == o
`;

const blocks = (imports: string) => `${imports}
describe("out", () => {
  describe("in > \\"quoted\\"", () => {
    test("ok; $(x)", () => {});
    test("bad", () => { throw new Error("no \\u001b[31mred"); });
  });
  test.skip("skipped", () => {});
  test.todo("later");
});
test("日本語", () => {});
test("twice", () => {});
test("twice", () => {});
`;

const all: Record<string, Fixture> = {
  pytest: {
    files: { "tests/test_a.py": pytest, "tests/test_broken.py": "import no_such_module\n" },
    commands: [
      ["pytest", "-q", "--junitxml=xunit2.xml", "--continue-on-collection-errors"],
      ["pytest", "-q", "--junitxml=xunit1.xml", "-o", "junit_family=xunit1", "tests/test_a.py"],
    ],
    reports: { "pytest-xunit2.xml": "xunit2.xml", "pytest-xunit1.xml": "xunit1.xml" },
  },
  vitest: {
    files: {
      "src/a.test.mjs": `${blocks('import { describe, test } from "vitest";')}test("slow", () => new Promise(() => {}), 50);\n`,
    },
    commands: [["vitest", "run", "--root", ".", "--reporter=junit", "--outputFile=report.xml"]],
    reports: { "vitest.xml": "report.xml" },
  },
  "node-test": {
    files: {
      "src/a.test.mjs": `${blocks('import { describe, test } from "node:test";')}
test("raw \\u001b[31m", async (t) => { await t.test("sub", () => {}); });
test("slow", { timeout: 30 }, () => new Promise((done) => setTimeout(done, 200)));
test("failing todo", { todo: true }, () => { throw new Error("not yet"); });\n`,
    },
    commands: [["node", "--test", "--test-reporter=junit", "--test-reporter-destination=report.xml", "src/a.test.mjs"]],
    reports: { "node-test.xml": "report.xml" },
  },
  jest: {
    files: { "package.json": "{}", "src/a.test.js": `${blocks("")}test("slow", () => new Promise(() => {}), 50);\n` },
    commands: [
      ["npm", "install", "--no-save", "jest@30", "jest-junit@17"],
      ["node", "node_modules/jest/bin/jest.js", "--reporters=jest-junit"],
    ],
    reports: { "jest-junit.xml": "junit.xml" },
  },
  go: {
    files: {
      "go.mod": "module example.org/m\ngo 1.22\n",
      "root_test.go": 'package m\nimport "testing"\nfunc TestRoot(t *testing.T) {}\n',
      "sub/a_test.go": `package sub
import ("os"; "testing")
func TestOk(t *testing.T) { t.Run("x y", func(t *testing.T) {}); t.Run("日本;$()", func(t *testing.T) { t.Fail() }) }
func TestSkip(t *testing.T) { t.Skip("no") }
func TestFlaky(t *testing.T) { if _, e := os.Stat("flag"); e != nil { os.WriteFile("flag", nil, 0644); t.Fatal("first") } }
func TestPath(t *testing.T) { t.Run("/healthz", func(t *testing.T) {}) }
func TestTwice(t *testing.T) { t.Run("d", func(t *testing.T) {}); t.Run("d", func(t *testing.T) {}) }
`,
    },
    commands: [["gotestsum", "--junitfile", "report.xml", "--rerun-fails", "--packages", "./..."]],
    reports: { "gotestsum.xml": "report.xml" },
  },
  ctest: {
    files: {
      "CMakeLists.txt": `cmake_minimum_required(VERSION 3.20)
project(x NONE)
enable_testing()
add_test(NAME "ok one" COMMAND \${CMAKE_COMMAND} -E true)
add_test(NAME bad COMMAND \${CMAKE_COMMAND} -E false)
add_test(NAME missing COMMAND /no/such/program)
add_test(NAME disabled COMMAND \${CMAKE_COMMAND} -E true)
set_tests_properties(disabled PROPERTIES DISABLED TRUE)
add_test(NAME skipped COMMAND \${CMAKE_COMMAND} -E echo SKIP)
set_tests_properties(skipped PROPERTIES SKIP_REGULAR_EXPRESSION SKIP)
add_test(NAME "日本 $()" COMMAND \${CMAKE_COMMAND} -E true)
`,
    },
    commands: [
      ["cmake", "-S", ".", "-B", "build"],
      ["ctest", "--test-dir", "build", "--output-junit", "../report.xml"],
    ],
    reports: { "ctest.xml": "report.xml" },
  },
};

/** Runs a fixture's runner in a folder of its own, and keeps its reports without this machine's name and paths. */
function remake(name: string, { files, commands, reports }: Fixture): void {
  const folder = mkdtempSync(join(tmpdir(), `fixture-${name}-`));
  try {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(join(folder, path, ".."), { recursive: true });
      writeFileSync(join(folder, path), text);
    }
    for (const [tool, ...args] of commands) {
      const PATH = [join(root, "node_modules/.bin"), process.env.PATH].join(delimiter);
      const { error } = spawnSync(locate(tool) ?? tool, args, {
        cwd: folder,
        env: { ...process.env, PATH },
        stdio: "ignore",
      });
      if (error) {
        console.log(`${name}: ${tool} is missing (${error.message}); its fixtures stay as they are.`);
        return;
      }
    }
    for (const [fixture, report] of Object.entries(reports)) {
      const path = join(folder, report);
      if (!existsSync(path)) {
        console.log(`${name}: the runner left no ${report}; its fixtures stay as they are.`);
        return;
      }
      const text = readFileSync(path, "utf8")
        .replaceAll(folder, "/workspace")
        .replaceAll(`hostname="${hostname()}"`, 'hostname="host"');
      writeFileSync(join(fixtures, fixture), text);
      console.log(`${fixture}: ${text.length} characters`);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

if (process.env.REMAKE_FIXTURES !== "1") {
  console.error("Set REMAKE_FIXTURES=1 to overwrite packages/test-reports/fixtures/ by what the runners here write.");
  process.exitCode = 1;
} else {
  mkdirSync(fixtures, { recursive: true });
  const wanted = process.argv.slice(2);
  for (const [name, fixture] of Object.entries(all))
    if (wanted.length === 0 || wanted.includes(name)) remake(name, fixture);
}
