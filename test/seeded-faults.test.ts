/** The maker of histories with seeded faults, on a project with real git and node:test. */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { readHistory } from "@goatnote/ci-history";
import { afterAll, beforeAll, expect, test } from "vitest";
import { mutantsOf, seeded } from "../benchmarks/seeded-faults/mutants.ts";

const folder = mkdtempSync(join(tmpdir(), "seeded-faults-"));
const project = join(folder, "project");
const maker = join(import.meta.dirname, "../benchmarks/seeded-faults.ts");

function commit(files: Record<string, string>): string {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(project, name)), { recursive: true });
    writeFileSync(join(project, name), text);
  }
  const git = (...args: string[]): string =>
    execFileSync("git", ["-c", "user.name=Ada", "-c", "user.email=ada@example.org", ...args], {
      cwd: project,
      encoding: "utf8",
    }).trim();
  git("add", "--all");
  git("commit", "--quiet", "--message", "Change");
  return git("rev-parse", "HEAD");
}

const testOf = (name: string, call: string, expected: unknown): string =>
  `import { equal } from "node:assert";\nimport { test } from "node:test";\nimport { ${name} } from "../src/${name}.js";\n` +
  `test("${name}", () => equal(${call}, ${JSON.stringify(expected)}));\n`;

let commits: string[];

beforeAll(() => {
  mkdirSync(project);
  execFileSync("git", ["init", "--quiet", "--initial-branch=main"], { cwd: project });
  const older = "export function older(age) {\n  return age;\n}\n";
  commits = [
    commit({
      "package.json": '{ "type": "module" }',
      "src/older.js": older,
      "test/older.test.js": testOf("older", "older(3)", 3),
      "test/broken.test.js": 'throw new Error("also without a fault");\n',
      // What the maker's own environment holds must not reach the project.
      "test/secret.test.js": "if (process.env.SECRET_OF_THE_MAKER) throw new Error();\n",
    }),
    commit({
      "src/adult.js": "export function adult(age) {\n  return age >= 18;\n}\n",
      "test/adult.test.js": testOf("adult", "adult(18)", true),
    }),
    commit({ "README.md": "No source.\n" }),
    commit({
      "src/older.js": older.replace("return age;", "return age + 1;"),
      "test/older.test.js": testOf("older", "older(3)", 4),
    }),
  ];
});

afterAll(() => rmSync(folder, { recursive: true }));

const argv = (output: string): string[] => [
  maker,
  project,
  ...["--output", output, "--sources", "src/*.js", "--tests", "test/*.test.js", "--runs", "9", "--per-commit", "2"],
  ...["--", process.execPath, "{file}"],
];
const make = (output: string): string =>
  execFileSync(process.execPath, argv(output), { encoding: "utf8", env: { ...process.env, SECRET_OF_THE_MAKER: "1" } });

test("a fault in a line that the commit put in is noticed by that file's test, and by no other", async () => {
  const output = join(folder, "history.ndjson.zst");
  const said = make(output);
  const runs = await Array.fromAsync(readHistory(output));
  const red = runs.map(({ sha, tests }) => [
    sha,
    tests.filter(({ status }) => status === "fail").map(({ file }) => file),
  ]);
  expect(red).toEqual([
    [commits[1], ["test/adult.test.js"]],
    [commits[3], ["test/older.test.js"]],
  ]);
  for (const { tests } of runs) {
    const files = tests.map(({ file }) => file);
    expect(files).not.toContain("test/broken.test.js"); // it fails without the fault too
    expect(files).toEqual(expect.arrayContaining(["test/adult.test.js", "test/older.test.js", "test/secret.test.js"]));
    expect(tests.every(({ duration_ms }) => duration_ms! > 0)).toBe(true);
  }
  // The commit's own difference, not the fault's.
  expect(runs[0]!.changes.map(({ path, added, deleted }) => [path, added, deleted])).toEqual([
    ["src/adult.js", 3, 0],
    ["test/adult.test.js", 4, 0],
  ]);
  expect(runs[1]!.changes.map(({ path, authors }) => [path, authors])).toEqual([
    ["src/older.js", 1],
    ["test/older.test.js", 1],
  ]);
  expect(said).toContain("2 runs with seeded faults, 2 of them noticed");
});

test("one process for all files, whose report tells them apart", async () => {
  const output = join(folder, "report.ndjson.zst");
  const report = join(folder, "junit.xml");
  const command = argv(output).slice(0, -3);
  const runner = ["--test", "--test-reporter=junit", `--test-reporter-destination=${report}`, "{files}"];
  execFileSync(process.execPath, [...command, "--report", report, "--", process.execPath, ...runner]);
  const runs = await Array.fromAsync(readHistory(output));
  const failed = runs.map(({ sha, tests }) => [
    sha,
    tests.flatMap(({ file, status }) => (status === "fail" ? file : [])),
  ]);
  expect(failed).toEqual([
    [commits[1], ["test/adult.test.js"]],
    [commits[3], ["test/older.test.js"]],
  ]);
  expect(runs[1]!.tests.map(({ file }) => file)).toEqual(
    expect.arrayContaining(["test/adult.test.js", "test/older.test.js"]),
  );

  // A runner that leaves no report says nothing about any file.
  const silent = argv(join(folder, "silent.ndjson.zst")).slice(0, -3);
  const said = execFileSync(
    process.execPath,
    [...silent, "--report", report, "--", process.execPath, "--version", "{files}"],
    {
      encoding: "utf8",
    },
  );
  expect(said).toContain("0 runs with seeded faults");
});

test("killed at any time and with a torn line, it goes on and ends with the same runs", async () => {
  const output = join(folder, "killed.ndjson.zst");
  const child = spawn(process.execPath, argv(output), { stdio: ["ignore", "pipe", "ignore"] });
  await once(child.stdout, "data"); // the first run is noted
  child.kill("SIGKILL");
  await once(child, "exit");
  appendFileSync(`${output}.state/runs.ndjson`, '{"run":{"run_id":"to');
  make(output);
  const log = readFileSync(`${output}.state/runs.ndjson`, "utf8").trim().split("\n");
  expect(log.map((line) => JSON.parse(line)).filter((entry) => "run" in entry)).toHaveLength(2);
  const [whole, resumed] = await Promise.all(
    ["history", "killed"].map(async (name) => {
      const runs = await Array.fromAsync(readHistory(join(folder, `${name}.ndjson.zst`)));
      return runs.map(({ run_id, tests }) => [run_id, tests.map(({ file, status }) => [file, status])]);
    }),
  );
  expect(resumed).toEqual(whole);
});

test.each([
  ["a.js", "  if (a < b) return a;", ["  if (a <= b) return a;", "  if (!a < b) return a;"]],
  [
    "a.js",
    "  return a === 'x < 1' && b; // 1 < 2",
    ["  return a !== 'x < 1' && b; // 1 < 2", "  return a === 'x < 1' || b; // 1 < 2"],
  ],
  ["a.py", "    return a + 10", ["    return a - 10", "    return a + 11", "    return None"]],
  [
    "a.py",
    "    if x is not None and y:",
    ["    if x is not None or y:", "    if x is None and y:", "    if not x is not None and y:"],
  ],
  ["a.py", "# 1 < 2", []],
  ["a.py", '"""\n\nTrue""" < 3', []],
  ["a.js", "import a from 'b';", []],
])("mutants of %s: %s", (path, line, expected) => {
  const texts = mutantsOf(path, `first\n${line}\nlast`, [2]).map((mutant) => mutant.text);
  expect(texts).toEqual(expect.arrayContaining(expected));
  expect(texts.length).toBe(expected.length);
});

test("a mutant is put in its place", () => {
  expect(seeded("a\nb\nc", { line: 2, text: "B", what: "" })).toBe("a\nB\nc");
});
