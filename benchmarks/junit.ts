/**
 * Reads one JUnit report of 98 MB, 500,000 cases, 2 % of them failures with CDATA, by ours and by the parsers that
 * other actions use, each in a process of its own. Prints MB/s by the clock and by CPU time, which a busy machine
 * changes less, peak memory, and how many times our CPU time the peers take. Ours streams its executions; once more
 * it holds all of them. All are bundled first, as in the actions: Node's reading of TypeScript is not measured.
 */
import { execFileSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, statSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

const cases = 500_000;

interface Measured {
  ms: number;
  /** User and system, of all threads. */
  cpu: number;
  cases: number;
  /** MB at the peak. */
  rss: number;
}

/** What each peer does to get at the cases; ours also makes identities, statuses and durations of them. */
const peers: Record<string, { rounds: number; read(path: string): Promise<number> }> = {
  "ours, streamed": {
    rounds: 5,
    read: async (path) => {
      const { streamReports } = await import("../packages/test-reports/src/index.ts");
      let count = 0;
      await streamReports([path], { root: dirname(path) }, ({ executions }) => {
        count += executions.length;
      });
      return count;
    },
  },
  "ours, all held": {
    rounds: 3,
    read: async (path) => {
      const { readReports } = await import("../packages/test-reports/src/index.ts");
      return (await readReports([path], { root: dirname(path) })).executions.length;
    },
  },
  "fast-xml-parser 5.12.1": {
    rounds: 3,
    read: async (path) => {
      const { XMLParser } = await import("fast-xml-parser");
      // Its default of 1,000 entities in a document is less than a report of this size has.
      const parser = new XMLParser({ ignoreAttributes: false, processEntities: { maxTotalExpansions: Infinity } });
      const read = parser.parse(readFileSync(path, "utf8"));
      return read.testsuites.testsuite.reduce(
        (sum: number, { testcase }: { testcase: unknown[] }) => sum + testcase.length,
        0,
      );
    },
  },
  "xml2js 0.6.2": {
    rounds: 1,
    read: async (path) => {
      // @ts-expect-error It has no types.
      const { default: xml2js } = await import("xml2js");
      const read = await xml2js.parseStringPromise(readFileSync(path, "utf8"));
      return read.testsuites.testsuite.reduce(
        (sum: number, { testcase }: { testcase: unknown[] }) => sum + testcase.length,
        0,
      );
    },
  },
};

/** The same bytes each time. */
function generate(path: string): void {
  const file = openSync(path, "w");
  const perSuite = 1000;
  writeSync(file, `<?xml version="1.0" encoding="utf-8"?>\n<testsuites name="pytest tests">\n`);
  for (let suite = 0; suite < cases / perSuite; suite++) {
    const where = `tests/area_${suite % 50}/test_module_${suite}.py`;
    const module = where.slice(0, -3).replaceAll("/", ".");
    let text = `<testsuite name="pytest" tests="${perSuite}" time="12.5" timestamp="2026-01-02T03:04:05+00:00" hostname="ci">\n`;
    for (let i = 0; i < perSuite; i++) {
      const title = `test_number_${i}_holds[value ${i % 7}${i % 10 === 0 ? " &lt; limit" : ""}]`;
      const attributes = `classname="${module}.TestGroup${Math.floor(i / 50)}" name="${title}" file="${where}" line="${i * 9}" time="0.${String(i).padStart(3, "0")}"`;
      text +=
        i % 50 === 0
          ? `<testcase ${attributes}><failure message="assert ${i} == 1"><![CDATA[${"  File module, line 10, in test\n".repeat(40)}]]></failure></testcase>\n`
          : `<testcase ${attributes} />\n`;
    }
    writeSync(file, `${text}</testsuite>\n`);
  }
  writeSync(file, "</testsuites>\n");
  closeSync(file);
}

/** This file and what it reads by, as JavaScript. */
async function bundleTo(folder: string): Promise<string> {
  // Not loaded in the processes that are measured.
  const { rolldown } = await import("rolldown");
  const built = await rolldown({ input: import.meta.filename, platform: "node", external: ["rolldown"] });
  await built.write({ dir: folder, entryFileNames: "benchmark.mjs", chunkFileNames: "[name]-[hash].mjs" });
  await built.close();
  return join(folder, "benchmark.mjs");
}

/** MB. What `resourceUsage` tells begins, under Linux, with the memory of the process that started this one. */
function peakMemory(): number {
  const kib =
    process.platform === "linux"
      ? Number(/^VmHWM:\s*(\d+) kB$/m.exec(readFileSync("/proc/self/status", "utf8"))![1])
      : process.resourceUsage().maxRSS;
  return (kib * 1024) / 1e6;
}

async function child(name: string, path: string): Promise<void> {
  const [begin, before] = [performance.now(), process.cpuUsage()];
  const found = await peers[name]!.read(path);
  const [ms, { user, system }] = [performance.now() - begin, process.cpuUsage(before)];
  const measured: Measured = {
    ms,
    cpu: (user + system) / 1000,
    cases: found,
    rss: peakMemory(),
  };
  console.log(JSON.stringify(measured));
}

const median = (values: number[]) => values.sort((a, b) => a - b)[values.length >> 1]!;

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "junit-benchmark-"));
  try {
    const path = join(folder, "report.xml");
    generate(path);
    const bundle = await bundleTo(folder);
    const mb = statSync(path).size / 1e6;
    console.log(`${mb.toFixed(1)} MB, ${cases} cases`);
    let first = 0;
    for (const [name, { rounds }] of Object.entries(peers)) {
      const runs: Measured[] = Array.from({ length: rounds }, () =>
        JSON.parse(
          execFileSync(process.execPath, ["--max-old-space-size=8192", bundle, name, path], {
            encoding: "utf8",
          }),
        ),
      );
      const wrong = runs.find((run) => run.cases !== cases);
      if (wrong) throw new Error(`${name} read ${wrong.cases} cases of ${cases}.`);
      const ms = median(runs.map((run) => run.ms));
      const cpu = median(runs.map((run) => run.cpu));
      first ||= cpu;
      const rss = Math.max(...runs.map((run) => run.rss));
      const speed = (time: number) => (mb / (time / 1000)).toFixed(1).padStart(6);
      console.log(
        `${name.padEnd(24)} ${speed(ms)} MB/s by the clock ${speed(cpu)} MB/s of CPU time  ${rss.toFixed(0).padStart(5)} MB peak  ${(cpu / first).toFixed(1).padStart(5)} x our CPU time  (${rounds} rounds)`,
      );
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const [name, path] = process.argv.slice(2);
if (name !== undefined && path !== undefined) await child(name, path);
else await main();
