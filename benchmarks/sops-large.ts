/**
 * Claim: a binary file of 70 MB that the real `sops` encrypted takes `sops-decrypt` at most the time and memory of
 * `sops decrypt`, when it need not be masked. Also printed: a file just below the default `max-file-size`, masked and not.
 * Both are whole processes that write the decrypted file; random bytes; the median of interleaved starts decides. Linux only,
 * as the peak of memory is VmHWM in /proc.
 *
 *   node benchmarks/sops-large.ts [rounds]
 */
import { execFileSync, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { closeSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "../scripts/build.ts";
import { locate } from "../scripts/peers.ts";
import { ageKey, Lab } from "../test/sops/lab.ts";

const rounds = Number(process.argv[2] ?? 3);
const sops = locate("sops");
if (!sops) throw new Error("This needs sops; npm run peers sops");
const lab = new Lab(await build(), sops);
const key = await ageKey();

interface Cost {
  seconds: number;
  megabytes: number;
}

/** Time to the end of a process, and the peak of its memory, looked at every 10 ms. */
async function cost(start: () => { pid: number | undefined; ended: Promise<number | null> }): Promise<Cost> {
  const started = performance.now();
  const { pid, ended } = start();
  let megabytes = 0;
  const timer = setInterval(() => {
    try {
      const [, peak = "0"] = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
      megabytes = Math.max(megabytes, Number(peak) / 1024);
    } catch {
      // The process has ended.
    }
  }, 10);
  const code = await ended;
  clearInterval(timer);
  if (code !== 0) throw new Error(`It ended with ${code}.`);
  return { seconds: (performance.now() - started) / 1000, megabytes };
}

const ours = (file: string, noMask: string): Promise<Cost> =>
  cost(() => {
    const inputs = { files: file, "age-key": key.identity, export: "file", "max-file-size": "100000000" };
    const { child, ended } = lab.start("main", { ...inputs, "no-mask": noMask });
    return { pid: child.pid, ended: ended.then(({ code }) => code) };
  });

const theirs = (file: string): Promise<Cost> =>
  cost(() => {
    const output = openSync(join(lab.root, "decrypted"), "w");
    const env = { PATH: process.env.PATH, HOME: lab.root, SOPS_AGE_KEY: key.identity };
    const child = spawn(sops, ["decrypt", file], { cwd: lab.workspace, env, stdio: ["ignore", output, "inherit"] });
    closeSync(output);
    return { pid: child.pid, ended: new Promise((resolve) => child.on("close", resolve)) };
  });

function median(costs: Cost[]): Cost {
  const middle = (values: number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
  return {
    seconds: middle(costs.map(({ seconds }) => seconds)),
    megabytes: middle(costs.map(({ megabytes }) => megabytes)),
  };
}

try {
  for (const [file, size] of [
    ["small.bin", 6_700_000],
    ["large.bin", 70_000_000],
  ] as const) {
    execFileSync(sops, ["encrypt", "--age", key.recipient, "--in-place", lab.write(file, randomBytes(size))]);
    const [unmasked, tool, masked]: Cost[][] = [[], [], []];
    for (let round = 0; round < rounds; round++) {
      unmasked!.push(await ours(file, "data"));
      tool!.push(await theirs(file));
      if (size < 10_000_000) masked!.push(await ours(file, ""));
    }
    const peer = median(tool!);
    const show = (name: string, { seconds, megabytes }: Cost): void =>
      console.log(
        `${size / 1e6} MB, ${name}: ${seconds.toFixed(2)} s (${(seconds / peer.seconds).toFixed(2)} of sops), ${megabytes.toFixed(0)} MB (${(megabytes / peer.megabytes).toFixed(2)} of sops)`,
      );
    show("sops decrypt", peer);
    show("no-mask", median(unmasked!));
    if (masked!.length > 0) show("masked", median(masked!));
    if (size > 10_000_000 && (median(unmasked!).seconds > peer.seconds || median(unmasked!).megabytes > peer.megabytes))
      process.exitCode = 1;
  }
} finally {
  lab.remove();
}
