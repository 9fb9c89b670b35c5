/**
 * Makes `history.ndjson.zst`: the first weeks of the demonstration project, as `npm start` finds them recorded. One
 * fault after another is seeded into a line of its sources and mended again, and vitest runs all tests each time, so
 * what broke is what really broke. Run it again when the project changes: `node scripts/demo/record-history.ts`.
 */
import { cpSync, globSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Execution, type Run, testId, writeHistory } from "@goatnote/ci-history";
import { importPaths, readGraph } from "@goatnote/import-graph";
import { recordOf, textSimilarities } from "@goatnote/test-selection";
import { createVitest } from "vitest/node";

const faults = 60;
const people = ["ada", "carl", "emmy", "joseph"];
const project = mkdtempSync(join(tmpdir(), "demo-history-"));

// Park and Miller's generator: the same faults each time.
let state = 20260105;
const random = (below: number): number => {
  state = (state * 48271) % 0x7fffffff;
  return state % below;
};

interface Fault {
  file: string;
  text: string;
}

/** What may become what. Loops, and what bisection steps by, are left alone, so that no fault runs for ever. */
const replacements: [RegExp, string][] = [
  [/ \+ /, " - "],
  [/ - /, " + "],
  [/ \* /, " / "],
  [/ \/ /, " * "],
  [/ < /, " >= "],
  [/ > /, " <= "],
  [/ === /, " !== "],
  [/\b0\b/, "1"],
  [/\b1\b/, "2"],
  [/\b2\b/, "3"],
  [/Math\.abs/, "Number"],
];

/** Every fault that one replacement in one line makes. */
function possibleFaults(): Fault[] {
  return globSync("src/*.js", { cwd: project })
    .sort()
    .flatMap((file) => {
      const lines = read(file).split("\n");
      return lines.flatMap((line, at) => {
        if (/\b(while|for|low|high|middle|half)\b|^\s*(\/?\*|\/\/)/.test(line)) return [];
        return replacements
          .filter(([from]) => from.test(line))
          .map(([from, to]) => ({ file, text: lines.with(at, line.replace(from, to)).join("\n") }));
      });
    });
}

cpSync(join(import.meta.dirname, "project"), project, { recursive: true });
writeFileSync(join(project, "package.json"), '{ "type": "module" }\n');
symlinkSync(join(import.meta.dirname, "../../node_modules"), join(project, "node_modules"), "junction");
const vitest = await createVitest("test", { root: project, watch: true, reporters: [{}] });
await vitest.start();
const runs: Run[] = [];

const read = (path: string): string => readFileSync(join(project, path), "utf8");

/** What the sources say of the test files and a change that replaces lines of a file, as the plan of the run would record it. */
async function sourcesOf(file: string, before: string, after: string): Promise<ReturnType<typeof recordOf>> {
  const lines = [before, after].map((text) => text.split("\n"));
  const changed = lines.flatMap((mine, which) => mine.filter((line, at) => line !== lines[1 - which]![at]));
  const files = globSync("{src,test}/*.js", { cwd: project });
  const tests = files.filter((path) => path.startsWith("test/"));
  const found = await readGraph(files, read);
  if (found.kind === "unknown") throw new Error(found.reason);
  const texts = textSimilarities([changed.join("\n")], new Map(tests.map((path) => [path, read(path)])));
  return recordOf({ imports: importPaths(found.graph, [file]), texts }, tests);
}

/** Runs all tests on what the file is now, and records it as the next commit on main. */
async function record(file: string, text: string, author: string): Promise<void> {
  const before = read(file);
  writeFileSync(join(project, file), text);
  const sources = await sourcesOf(file, before, text);
  vitest.invalidateFile(join(project, file));
  const { testModules } = await vitest.runTestSpecifications(await vitest.globTestSpecifications(), true);
  const number = runs.length + 1;
  runs.push({
    run_id: String(number),
    run_attempt: 1,
    job: "test",
    sha: number.toString(16).padStart(40, "0"),
    started_at: new Date(Date.UTC(2025, 9, 1, 8) + number * 11 * 3_600_000).toISOString(),
    author,
    event: "push",
    branch: "main",
    default_branch: true,
    trust: "push",
    report_complete: true,
    changes: [{ path: file, added: 1, deleted: 1 }],
    ...sources,
    tests: testModules
      .flatMap((module) => [...module.children.allTests()])
      .map((test): Execution => {
        const path = test.module.moduleId.slice(project.length + 1);
        const duration = test.diagnostic()?.duration ?? 0;
        return {
          id: testId({ file: path, name: test.fullName }),
          file: path,
          status: test.result().state === "failed" ? "fail" : "pass",
          duration_ms: Number(duration.toFixed(3)),
        };
      })
      .sort((a, b) => (a.id < b.id ? -1 : 1)),
  });
}

try {
  const all = possibleFaults();
  for (let count = 0; count < faults; count += 1) {
    const { file, text } = all.splice(random(all.length), 1)[0]!;
    const whole = read(file);
    const author = people[random(people.length)]!;
    await record(file, text, author);
    await record(file, whole, author);
    const broken = runs.at(-2)!.tests.filter(({ status }) => status === "fail").length;
    console.log(`${count + 1} of ${faults}: ${file}, ${broken} tests broke`);
  }
  await writeHistory(join(import.meta.dirname, "history.ndjson.zst"), runs);
} finally {
  await vitest.close();
  rmSync(project, { recursive: true, force: true });
}
process.exit(0); // vitest's watcher may hold the process
