/**
 * Claim: an action starts in at most 1.3 times the time of a bundle that holds only `@actions/core`, made by the same
 * steps in the same run. The median of interleaved starts decides.
 *
 *   node benchmarks/startup.ts [rounds]
 */
import { spawnSync } from "node:child_process";
import { globSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { build, bundleEntry } from "../scripts/build.ts";

const bar = 1.3;
const rounds = Math.max(11, Number(process.argv[2] ?? 21));

// An input that does not exist: an entry loads all that it needs before its work, reads its inputs, and ends there.
const wrongInput = { INPUT_NO_SUCH_INPUT: "x" };

/** One thing to start. */
interface Subject {
  name: string;
  main: string;
  /** What it says before it ends, which shows that it came that far. */
  says: RegExp;
  times: number[];
}

const folder = mkdtempSync(join(tmpdir(), "startup-"));
// What the runner sets, as far as an action looks at it before its work.
const runner = {
  PATH: process.env.PATH ?? "",
  HOME: folder,
  RUNNER_TEMP: folder,
  GITHUB_WORKSPACE: folder,
  GITHUB_REPOSITORY: "goatnote/example",
  GITHUB_SHA: "0".repeat(40),
  GITHUB_RUN_ID: "1",
  GITHUB_RUN_ATTEMPT: "1",
  GITHUB_JOB: "test",
  GITHUB_EVENT_NAME: "push",
};

/** The smallest action there is: it reads an input and logs it. Below build/, so that the repository's packages are found. */
async function coreAlone(): Promise<Subject> {
  const to = join(dirname(import.meta.dirname), "build/startup");
  mkdirSync(to, { recursive: true });
  writeFileSync(join(to, "package.json"), '{ "type": "module" }\n');
  writeFileSync(
    join(to, "entry.js"),
    'import * as core from "@actions/core";\nexport const run = () => core.info(`input: ${core.getInput("no_such_input")}`);\n',
  );
  writeFileSync(join(to, "main.js"), 'import { run } from "./bundle/index.js";\n\nawait run();\n');
  await bundleEntry(join(to, "entry.js"), join(to, "bundle"));
  return { name: "@actions/core alone", main: join(to, "main.js"), says: /input: x/, times: [] };
}

function start({ name, main, says }: Subject): number {
  const started = performance.now();
  const { stdout, stderr } = spawnSync(process.execPath, [main], {
    cwd: folder,
    env: { ...runner, ...wrongInput },
    encoding: "utf8",
  });
  const took = performance.now() - started;
  if (!says.test(stdout + stderr)) {
    throw new Error(`${name} did not end where it should, so its time means nothing. It said:\n${stdout}${stderr}`);
  }
  return took;
}

const median = (values: number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] as number;

const built = await build();
const entries = globSync(["*/{main,post}.js", "*/*/{main,post}.js"], { cwd: built })
  .filter((file) => !file.includes("bundle"))
  .sort();
const subjects: Subject[] = [
  await coreAlone(),
  ...entries.map((file) => {
    const name = file.replaceAll("\\", "/").replace(/\/main\.js$/, "");
    // A post step reads no inputs; with nothing to undo it ends at once, and says nothing.
    const says = name.endsWith("post.js") ? /^$/ : /There is no input `no_such_input`/;
    return { name, main: join(built, file), says, times: [] };
  }),
];
try {
  for (const subject of subjects) start(subject); // the first start fills the machine's file cache
  for (let round = 0; round < rounds; round++) for (const subject of subjects) subject.times.push(start(subject));
} finally {
  rmSync(folder, { recursive: true });
}

const [base] = subjects.map(({ times }) => median(times));
console.log(`start-up, median of ${rounds} interleaved starts, Node ${process.version}`);
for (const { name, times } of subjects) {
  const ratio = median(times) / (base as number);
  const verdict = ratio > bar ? `  over ${bar}` : "";
  console.log(`${name.padEnd(28)} ${median(times).toFixed(1).padStart(7)} ms  ${ratio.toFixed(2)}${verdict}`);
  if (ratio > bar) process.exitCode = 1;
}
