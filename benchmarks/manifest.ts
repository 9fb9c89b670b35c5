/**
 * Claim: the manifest of a tree of 2 GB is made at 0.8 or more of the speed of `sha256sum`, which reads the same files in
 * the same run, once in one process and once in as many as there are processors. The median of five decides.
 *
 *   node benchmarks/manifest.ts [megabytes]
 */
import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { scan } from "@goatnote/build-comparison";

const megabytes = Number(process.argv[2] ?? 2000);
const folder = mkdtempSync(join(tmpdir(), "benchmark-"));

/** Half of the bytes in files of 8 MiB, the rest in files of 64 KiB, as in a tree of libraries and sources. */
function fill(): void {
  const large = randomBytes(8 * 1024 * 1024);
  for (let i = 0; i * 16 < megabytes; i++) {
    large.writeUInt32LE(i);
    mkdirSync(join(folder, `d${i}`));
    writeFileSync(join(folder, `d${i}/large`), large);
    for (let j = 0; j < 128; j++)
      writeFileSync(join(folder, `d${i}/small-${j}`), large.subarray(j * 65_536, (j + 1) * 65_536));
  }
}

const median = (times: number[]): number => times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)]!;

/** Seconds of `sha256sum` over all files. */
function sha256sum(processes: number): number {
  const started = performance.now();
  const script = `find "$1" -type f -print0 | xargs -0 -n 64 -P ${processes} sha256sum > /dev/null`;
  const { status } = spawnSync("bash", ["-c", script, "sums", folder], { stdio: "inherit" });
  if (status !== 0) throw new Error("sha256sum failed");
  return (performance.now() - started) / 1000;
}

try {
  fill();
  const times = { ours: [] as number[], one: [] as number[], many: [] as number[] };
  for (let round = 0; round < 5; round++) {
    const started = performance.now();
    await scan(folder, [folder]);
    times.ours.push((performance.now() - started) / 1000);
    times.one.push(sha256sum(1));
    times.many.push(sha256sum(availableParallelism()));
  }
  const [ours, one, many] = [median(times.ours), median(times.one), median(times.many)];
  console.log(`${megabytes} MB: manifest ${ours.toFixed(2)} s`);
  console.log(`sha256sum, one process: ${one.toFixed(2)} s; we have ${(one / ours).toFixed(2)} of its speed`);
  console.log(
    `sha256sum, ${availableParallelism()} processes: ${many.toFixed(2)} s; we have ${(many / ours).toFixed(2)} of its speed`,
  );
  if (many / ours < 0.8) process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
