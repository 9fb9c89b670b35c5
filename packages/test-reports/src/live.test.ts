import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import type { Status } from "@goatnote/ci-history";
import { afterAll, beforeAll, expect, test } from "vitest";
import { describeWithPeer } from "../../../test/peers.ts";
import { type ReportResult, readReports } from "./index.ts";

const folder = mkdtempSync(join(tmpdir(), "live-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs a runner now, and returns what it prints. Its exit code says that tests failed, as they should. */
function run(tool: string, args: string[]): string {
  const PATH = [join(tool, ".."), process.env.PATH].join(delimiter);
  // The runner under test must not take this one's settings for its own.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(?:VITEST|NODE_|TEST$)/.test(name)));
  const { stdout, stderr, error } = spawnSync(tool, args, { cwd: folder, encoding: "utf8", env: { ...env, PATH } });
  if (error) throw error;
  return (stdout + stderr).replace(/\x1b\[[\d;]*m/g, "");
}

const counted = ({ executions }: ReportResult, ...statuses: Status[]) =>
  executions.filter(({ status }) => statuses.includes(status)).length;
const said = (summary: string, word: string) => Number(new RegExp(`(\\d+) ${word}`).exec(summary)?.[1] ?? 0);

describeWithPeer("pytest", (pytest) => {
  let summary: string;
  let result: ReportResult;
  beforeAll(async () => {
    writeFileSync(
      join(folder, "test_live.py"),
      `import pytest
@pytest.mark.parametrize("v", [1, 2, "a b", "$(x);"])
def test_param(v): assert v != 2
@pytest.mark.skip
def test_skip(): pass
@pytest.mark.xfail
def test_xfail(): assert 0
@pytest.fixture
def broken():
    yield
    raise RuntimeError
def test_error(broken): pass
class TestX:
    def test_ok(self): pass
`,
    );
    summary = run(pytest, ["-q", "-p", "no:cacheprovider", "--junitxml=pytest.xml", "test_live.py"])
      .split("\n")
      .at(-2)!;
    result = await readReports(["pytest.xml"], { root: folder, files: ["test_live.py"] });
  });

  test("counts are those of its own summary", () => {
    expect(counted(result, "fail")).toBe(said(summary, "failed"));
    expect(counted(result, "skip")).toBe(said(summary, "skipped"));
    expect(counted(result, "xfail")).toBe(said(summary, "xfailed"));
    expect(counted(result, "error")).toBe(said(summary, "error"));
    // pytest counts a test that passed, and failed in its teardown, as both.
    expect(counted(result, "pass", "error")).toBe(said(summary, "passed"));
    expect(said(summary, "passed")).toBe(5);
  });

  test("an execution says how to run it again", () => {
    for (const { id, param, status } of result.executions) {
      const [file, classes, name] = id.split("|");
      const node = [file, classes, name].filter(Boolean).join("::") + (param === undefined ? "" : `[${param}]`);
      const again = run(pytest, ["-q", "-p", "no:cacheprovider", node]).split("\n").at(-2)!;
      const word = { pass: "1 passed", fail: "1 failed", skip: "1 skipped", xfail: "1 xfailed", error: "1 error" }[
        status as "pass"
      ];
      expect(again, node).toContain(word);
    }
  });
});

describeWithPeer("vitest", (vitest) => {
  test("counts are those of its own summary", async () => {
    writeFileSync(
      join(folder, "live.test.mjs"),
      `import { describe, expect, test } from "${import.meta.resolve("vitest")}";
describe("a > b", () => { test.each([1, 2, 3])("is %s", (n) => expect(n).not.toBe(2)); test.skip("no", () => {}); });
test("same", () => {}); test("same", () => {}); test("日本 | \\n two", () => {});
`,
    );
    const printed = run(vitest, [
      "run",
      "--root",
      ".",
      "--reporter=junit",
      "--reporter=default",
      "--outputFile=vitest.xml",
    ]);
    const summary = /Tests .*/.exec(printed)![0];
    const result = await readReports(["vitest.xml"], { root: folder, files: ["live.test.mjs"] });
    expect(result.executions).toHaveLength(Number(/\((\d+)\)/.exec(summary)![1]));
    expect(counted(result, "pass")).toBe(said(summary, "passed"));
    expect(counted(result, "fail")).toBe(said(summary, "failed"));
    expect(counted(result, "skip")).toBe(said(summary, "skipped"));
    expect(result.executions.every(({ file }) => file === "live.test.mjs")).toBe(true);
    expect(new Set(result.executions.map(({ id, param }) => id + param)).size).toBe(result.executions.length);
  });

  test("a file that fails as a whole is its own", async () => {
    const vitestAt = import.meta.resolve("vitest");
    writeFileSync(join(folder, "lost.test.mjs"), `import { test } from "${vitestAt}";\nimport "./gone.mjs";\n`);
    const after = "afterAll(() => { throw new Error(); });";
    writeFileSync(
      join(folder, "late.test.mjs"),
      `import { afterAll, test } from "${vitestAt}";\n${after}\ntest("a", () => {});`,
    );
    run(vitest, ["run", "--root", ".", "--reporter=junit", "--outputFile=whole.xml", "lost.test.mjs", "late.test.mjs"]);
    const result = await readReports(["whole.xml"], { root: folder, files: ["lost.test.mjs", "late.test.mjs"] });
    expect(result.executions.map(({ file, status }) => `${file} ${status}`).sort()).toEqual([
      "late.test.mjs fail",
      "late.test.mjs pass",
      "lost.test.mjs fail",
    ]);
  });
});
