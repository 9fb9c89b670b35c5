/**
 * Claim: of two differing trees of 200 MB the first cause is named in less than 5 s. Beside it the time of diffoscope,
 * where it is installed, on the same trees.
 *
 *   node benchmarks/cause.ts [megabytes]
 */
import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { explainResults, scan } from "@goatnote/build-comparison";
import { sampleScene } from "../packages/build-comparison/src/samples.ts";
import { locate } from "../scripts/peers.ts";

const megabytes = Number(process.argv[2] ?? 200);
const base = mkdtempSync(join(tmpdir(), "benchmark-"));

/** Half of it is binary files of which one differs by a time, the other half a gzipped tar that stores times of its members. */
function tree(name: string, seconds: number): string {
  const [folder, inside] = [join(base, name), join(base, `${name}-inside`)];
  for (const each of [folder, inside]) mkdirSync(each);
  for (let i = 0; i < megabytes / 2; i++) {
    const bytes = Buffer.from(blocks[i % blocks.length]!);
    bytes.writeUInt32LE(i);
    if (i === 7) bytes.write(`built at ${seconds}`, 5000);
    writeFileSync(join(folder, `file-${i}`), bytes);
    writeFileSync(join(inside, `member-${i}`), bytes);
    utimesSync(join(inside, `member-${i}`), seconds, seconds);
  }
  const args = ["--sort=name", "--owner=0", "--group=0", "-C", inside, "-cf", join(folder, "all.tar"), "."];
  if (spawnSync("tar", args, { stdio: "inherit" }).status !== 0) throw new Error("tar failed");
  if (spawnSync("gzip", ["-n1", join(folder, "all.tar")], { stdio: "inherit" }).status !== 0)
    throw new Error("gzip failed");
  rmSync(inside, { recursive: true });
  return folder;
}

const mib = 1024 * 1024;
const blocks = Array.from({ length: 8 }, () => Buffer.concat([randomBytes(mib / 2), Buffer.alloc(mib / 2, "text ")]));

try {
  const [first, second] = [tree("first", 1_700_000_010), tree("second", 1_734_400_010)];
  const times: number[] = [];
  for (let round = 0; round < 5; round++) {
    const started = performance.now();
    const [a, b] = [await scan(first, [first]), await scan(second, [second])];
    const findings = await explainResults({ folder: first, entries: a }, { folder: second, entries: b }, sampleScene);
    times.push((performance.now() - started) / 1000);
    const named = findings.map(({ place, causes }) => `${place.join(" › ")}: ${causes.join()}`);
    if (round === 0) console.log(named.slice(0, 3).join("\n"));
    if (!named.includes("file-7: timestamp")) throw new Error("the cause was not named");
  }
  const ours = times.toSorted((a, b) => a - b)[2]!;
  console.log(`two trees of ${megabytes} MB: all causes named in ${ours.toFixed(2)} s, manifests included`);
  if (ours > 5) process.exitCode = 1;
  const diffoscope = locate("diffoscope");
  if (diffoscope) {
    const started = performance.now();
    const report = join(base, "report");
    const args = [
      "--exclude-directory-metadata=recursive",
      "--max-text-report-size=1048576",
      `--text=${report}`,
      first,
      second,
    ];
    const { status } = spawnSync(diffoscope, args, { stdio: ["ignore", "ignore", "inherit"], timeout: 900_000 });
    const seconds = (performance.now() - started) / 1000;
    console.log(
      `diffoscope: ${status === 1 ? "" : "stopped after "}${seconds.toFixed(1)} s, ${(seconds / ours).toFixed(1)} times ours`,
    );
  }
} finally {
  rmSync(base, { recursive: true, force: true });
}
