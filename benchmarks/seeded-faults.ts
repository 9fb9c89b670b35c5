/**
 * A history with seeded faults: real commits of a project, a small fault in a line that each put in, and which test files
 * notice it. For judging a selection where no recorded history tells what changed. The project's own code runs.
 *
 *   node benchmarks/seeded-faults.ts <checkout> --output history.ndjson.zst --sources 'src/**' --tests 'test/*.js' \
 *     [--runs 75] [--per-commit 2] [--limit 60] [--link node_modules=/elsewhere] [--env NAME=value] [--seed 1] \
 *     -- node --test '{file}'
 *   node benchmarks/seeded-faults.ts … --report /tmp/junit.xml -- python3 -m pytest --junitxml /tmp/junit.xml '{files}'
 *
 * With `--report` one process runs all files, and a fault that stops it before it reports, or only after `--limit` seconds, is left out.
 * Walks the main line from where the last `--commits` (400) begin. Every finished run is a line of `<output>.state/runs.ndjson`: killed at
 * any time and started again, it goes on after the last whole line. A test file that also fails without the fault is left
 * out of that run. Nothing keeps the tests from the network or from files of the user who runs this. Needs git; `{work}` in the command and in `--env` is the checkout under test.
 */
import {
  appendFileSync,
  existsSync,
  globSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join, matchesGlob, resolve } from "node:path";
import { parseArgs } from "node:util";
import { changeBetween, changeFacts } from "@goatnote/change-facts";
import { type FileChange, type Run, testId, writeHistory } from "@goatnote/ci-history";
import { parseSync } from "rolldown/utils";
import { type Commit, git, linesPutIn, mainLine } from "./seeded-faults/changes.ts";
import { type Mutant, mutantsOf, seeded } from "./seeded-faults/mutants.ts";
import { sourcesAt } from "./seeded-faults/sources.ts";
import { type Outcome, runFiles, type Suite } from "./seeded-faults/suite.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    output: { type: "string" },
    sources: { type: "string", multiple: true },
    tests: { type: "string", multiple: true },
    runs: { type: "string", default: "75" },
    commits: { type: "string", default: "400" },
    "per-commit": { type: "string", default: "2" },
    limit: { type: "string", default: "60" },
    report: { type: "string" },
    link: { type: "string", multiple: true, default: [] },
    env: { type: "string", multiple: true, default: [] },
    seed: { type: "string", default: "1" },
  },
});
const [checkout, ...command] = positionals;
const { output, sources, tests } = values;
if (!checkout || !output || !sources || !tests || !command.some((part) => /\{files?\}/.test(part)))
  throw new Error(
    "Name a checkout, --output, --sources, --tests and, after --, a command with {file} or {files}; see the head of this file.",
  );
const [wanted, perCommit] = [Number(values.runs), Number(values["per-commit"])];

const state = resolve(`${output}.state`);
const work = join(state, "work");
const log = join(state, "runs.ndjson");
const home = join(state, "home");
mkdirSync(home, { recursive: true });
if (!existsSync(join(state, "cloned"))) {
  rmSync(work, { recursive: true, force: true });
  git(state, "clone", "--quiet", "--no-checkout", resolve(checkout), work);
  writeFileSync(join(state, "cloned"), "");
}
rmSync(join(work, ".git/index.lock"), { force: true }); // of a git that was killed

/** What one line of the log says: a run, or that a commit is done with. */
type Entry = { run: Run } | { done: string };
const entries = readLog();
const runs = await Array.fromAsync(
  entries.flatMap((entry) => ("run" in entry ? [entry.run] : [])),
  withSources,
);
const done = new Set(entries.flatMap((entry) => ("done" in entry ? [entry.done] : [])));

/** The whole lines; what a kill cut off is cut off in the file too. */
function readLog(): Entry[] {
  if (!existsSync(log)) return [];
  const text = readFileSync(log, "utf8");
  const whole = text.slice(0, text.lastIndexOf("\n") + 1);
  if (whole !== text) writeFileSync(log, whole);
  return whole
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line));
}
const note = (entry: Entry): void => appendFileSync(log, `${JSON.stringify(entry)}\n`, { flush: true });

const suite: Suite = {
  command,
  report: values.report && resolve(values.report),
  work,
  home,
  limitMs: 1000 * Number(values.limit),
  env: Object.fromEntries(
    values.env.map((pair) => [pair.split("=")[0]!, pair.slice(pair.indexOf("=") + 1).replaceAll("{work}", work)]),
  ),
};
const isSource = (path: string): boolean =>
  sources.some((glob) => matchesGlob(path, glob)) &&
  !tests.some((glob) => matchesGlob(path, glob)) &&
  /\.([cm]?[jt]sx?|py)$/.test(path);

/** A number from 0 up to 1 from the seed and a text (FNV-1a with a last mix). */
function chance(text: string): number {
  let hash = 0x811c9dc5 ^ Number(values.seed);
  for (const char of text) hash = Math.imul(hash ^ char.codePointAt(0)!, 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return ((hash ^ (hash >>> 13)) >>> 0) / 2 ** 32;
}

/** Does the program still parse? */
async function parses(path: string, text: string): Promise<boolean> {
  if (!path.endsWith(".py")) return parseSync(path, text).errors.length === 0;
  const file = join(home, "parsed.py");
  writeFileSync(file, text);
  const program = "import ast, sys; ast.parse(open(sys.argv[1], encoding='utf-8').read())";
  const checked = await runFiles({ ...suite, report: undefined, command: ["python3", "-c", program, file] }, [file]);
  return checked?.get(file)?.status === "pass";
}

/** The commit's files, clean, with the dependencies in their places. */
function checkOut(commit: Commit): void {
  git(work, "checkout", "--quiet", "--force", "--detach", commit.sha);
  git(work, "clean", "-ffdxq");
  for (const link of values.link) {
    const [name, target] = link.split("=");
    if (!existsSync(join(work, name!))) symlinkSync(resolve(target!), join(work, name!));
  }
}

/** The commit's real difference with all that a selection may know of it. */
async function changesOf({ sha, parent }: Commit): Promise<{ author: string | null; changes: FileChange[] }> {
  const change = await changeBetween(work, parent, sha);
  const facts = await changeFacts(work, change);
  const changes = change.files.map(({ path, added, deleted }): FileChange => {
    const { decisionDelta = null, ageDays = null, authors = null } = facts.files.get(path) ?? {};
    return {
      path,
      added,
      deleted,
      ...(decisionDelta === null ? {} : { decision_delta: decisionDelta }),
      ...(ageDays === null ? {} : { age_days: ageDays }),
      ...(authors === null ? {} : { authors }),
    };
  });
  return { author: change.author, changes };
}

/** The mutants to try: each of a line of its own where there are enough lines, at random. */
async function choose(commit: Commit): Promise<{ path: string; mutant: Mutant; text: string }[]> {
  const all = [...linesPutIn(work, commit)]
    .filter(([path]) => isSource(path) && existsSync(join(work, path)))
    .flatMap(([path, lines]) => {
      const text = readFileSync(join(work, path), "utf8");
      return mutantsOf(path, text, lines).map((mutant) => ({ path, mutant, text }));
    });
  const rank = ({ path, mutant }: (typeof all)[number]) =>
    chance(`${commit.sha} ${path} ${mutant.line} ${mutant.text}`);
  const chosen: typeof all = [];
  for (const one of all.sort((a, b) => rank(a) - rank(b))) {
    if (chosen.length === perCommit) break;
    if (chosen.some(({ path, mutant }) => path === one.path && mutant.line === one.mutant.line)) continue;
    if (await parses(one.path, seeded(one.text, one.mutant))) chosen.push(one);
  }
  return chosen;
}

/** A run with what the sources say of its test files and its change, where that is not known yet. */
async function withSources(run: Run): Promise<Run> {
  if (run.text_similarities || run.sha === null) return run;
  const files = run.tests.map(({ file }) => file!);
  return { ...run, ...(await sourcesAt(checkout!, run.sha, run.changes, files)) };
}

/** Runs every test file with the fault in place, and again without it those that then fail. */
async function outcomes(path: string, text: string, mutant: Mutant, files: string[]): Promise<Map<string, Outcome>> {
  writeFileSync(join(work, path), seeded(text, mutant));
  const found = (await runFiles(suite, files)) ?? new Map<string, Outcome>();
  writeFileSync(join(work, path), text);
  const failed = [...found].flatMap(([file, { status }]) => (status === "pass" ? [] : [file]));
  const clean = failed.length > 0 ? await runFiles(suite, failed) : null;
  for (const file of failed) if (clean?.get(file)?.status !== "pass") found.delete(file);
  return found;
}

const commits = mainLine(checkout).slice(-Number(values.commits));
const started = performance.now();
const before = runs.length;
for (const [index, commit] of commits.entries()) {
  if (runs.length >= wanted) break;
  if (done.has(commit.sha)) continue;
  const touched = git(work, "diff", "--name-only", "--no-renames", "--diff-filter=AM", commit.parent, commit.sha, "--");
  if (touched.split("\n").some(isSource)) {
    checkOut(commit);
    const files = [...new Set(tests.flatMap((glob) => globSync(glob, { cwd: work })))]
      .map((file) => file.replaceAll("\\", "/"))
      .sort();
    const { author, changes } = await changesOf(commit);
    for (const [number, { path, mutant, text }] of (await choose(commit)).entries()) {
      const run_id = `${commit.sha.slice(0, 12)}-${number + 1}`;
      if (runs.some((run) => run.run_id === run_id)) continue;
      const found = await outcomes(path, text, mutant, files);
      if (found.size === 0) {
        console.log(
          `${commit.sha.slice(0, 8)} is left out: the command reported no test file that passes without the fault.`,
        );
        continue;
      }
      const run = await withSources({
        run_id,
        sha: commit.sha,
        started_at: new Date(Date.parse(commit.date) + 60_000 * number).toISOString(),
        author,
        default_branch: true,
        trust: "push",
        changes,
        tests: Array.from(found, ([file, { status, durationMs }]) => ({
          id: testId({ file, name: "" }),
          file,
          status,
          duration_ms: durationMs,
        })),
      });
      note({ run });
      runs.push(run);
      await writeHistory(output, runs);
      const failed = run.tests.filter(({ status }) => status !== "pass").length;
      const minutes = ((performance.now() - started) / 60_000 / (runs.length - before)) * (wanted - runs.length);
      console.log(
        `${runs.length} of ${wanted}: ${commit.sha.slice(0, 8)} ${path}:${mutant.line} ${mutant.what}: ${failed} of ${run.tests.length} files fail; commit ${index + 1} of ${commits.length}, about ${minutes.toFixed(0)} min to go`,
      );
    }
  }
  note({ done: commit.sha });
}
if (runs.length > 0) await writeHistory(output, runs);
const red = runs.filter(({ tests: all }) => all.some(({ status }) => status !== "pass")).length;
console.log(`${output}: ${runs.length} runs with seeded faults, ${red} of them noticed by a test.`);
