/**
 * Gives the parsers real inputs that were changed at random. A parser may refuse an input by a message of ours; an error of
 * JavaScript itself, a message without bound, or an input that takes ten seconds or never ends is a finding, and ends with 1.
 *
 *   node scripts/fuzz.ts <target|all> [--minutes N] [--seed N] [--shard I/N]
 *
 * Minutes are for each target, 1 by default. A shard is every N-th target, so that N machines share the work. Alone it lists the
 * targets.
 *
 * A finding is written to build/fuzz/; the same target and seed find it again.
 */
import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { random as randomNumbers } from "../packages/boosted-trees/src/random.ts";
import { mutate } from "./fuzz/mutate.ts";
import { isRefusal, type Target, targets } from "./fuzz/targets.ts";

/** What a run has tried, and the first input that broke the parser. */
export interface Fuzzed {
  inputs: number;
  /** How many were read without an error: where it is none, the seeds are of another form than the parser's. */
  read: number;
  finding?: { input: Buffer; error: unknown };
}

const slow = 10_000;

/**
 * Fuzzes one target until it is told to stop, or something is found. The first inputs are the seeds themselves.
 * @param enough is asked before each input, with how many there were
 * @param onInput is told each input before it is read
 */
export async function fuzz(
  target: Target,
  seed: number,
  enough: (inputs: number) => boolean,
  onInput: (input: Buffer) => void = () => {},
): Promise<Fuzzed> {
  const random = randomNumbers(seed);
  const seeds = await target.seeds();
  const result: Fuzzed = { inputs: 0, read: 0 };
  for (; !enough(result.inputs); result.inputs++) {
    const input = seeds[result.inputs] ?? mutate(seeds, random);
    onInput(input);
    const started = performance.now();
    try {
      await target.read(input);
      result.read++;
    } catch (error) {
      if (!isRefusal(error)) return { ...result, finding: { input, error } };
    }
    const took = performance.now() - started;
    if (took > slow) return { ...result, finding: { input, error: new Error(`took ${(took / 1000).toFixed(1)} s`) } };
  }
  return result;
}

/** The targets of one of so many shards, from 1: together they are all, each once. */
export const shard = (names: readonly string[], index: number, count: number): string[] =>
  names.filter((_, i) => i % count === index - 1);

// Longer than any input that `mutate` makes of the seeds.
const mostBytes = 64 * 1024 * 1024;

/** What a thread that fuzzes shares with the one that watches it: how many inputs it was given, and the last one. */
interface Shared {
  count: Uint32Array;
  size: Uint32Array;
  bytes: Uint8Array;
}

const shared = (memory: SharedArrayBuffer): Shared => ({
  count: new Uint32Array(memory, 0, 1),
  size: new Uint32Array(memory, 4, 1),
  bytes: new Uint8Array(memory, 8),
});

/**
 * Fuzzes a target in a thread of its own for so long, so that an input on which a parser never ends is found too.
 * @param patience milliseconds after which an input is taken for such
 * @param from the module that has the target
 */
export function fuzzFor(
  name: string,
  seed: number,
  minutes: number,
  { patience = 2 * slow, from = import.meta.resolve("./fuzz/targets.ts") } = {},
): Promise<Fuzzed> {
  const memory = new SharedArrayBuffer(8 + mostBytes);
  const { count, size, bytes } = shared(memory);
  const worker = new Worker(new URL(import.meta.url), { workerData: { name, seed, minutes, from, memory } });
  const broken = (error: unknown): Fuzzed => {
    const input = Buffer.from(bytes.slice(0, size[0]));
    return { inputs: Atomics.load(count, 0), read: 0, finding: { input, error } };
  };
  return new Promise((resolve, reject) => {
    let [known, since] = [0, performance.now()];
    const watch = setInterval(() => {
      const now = Atomics.load(count, 0);
      if (now !== known) [known, since] = [now, performance.now()];
      // Before the first input it loads what it needs.
      if (performance.now() - since < (now === 0 ? 6 * patience : patience)) return;
      const seconds = Math.round((performance.now() - since) / 1000);
      settle(() => resolve(broken(new Error(`had no end in ${seconds} s`))));
    }, 1000);
    const settle = (end: () => void): void => {
      clearInterval(watch);
      void worker.terminate();
      end();
    };
    worker.once("message", (fuzzed: Fuzzed) => settle(() => resolve(fuzzed)));
    // Such as when it has no memory left.
    worker.once("error", (error) =>
      settle(() => (Atomics.load(count, 0) === 0 ? reject(error) : resolve(broken(error)))),
    );
  });
}

if (!isMainThread && workerData?.memory) {
  const { name, seed, minutes, from, memory } = workerData;
  const { targets } = (await import(from)) as { targets: Record<string, Target> };
  const { count, size, bytes } = shared(memory);
  const end = performance.now() + minutes * 60_000;
  const fuzzed = await fuzz(
    targets[name]!,
    seed,
    () => performance.now() > end,
    (input) => {
      bytes.set(input.subarray(0, mostBytes));
      size[0] = Math.min(input.length, mostBytes);
      Atomics.add(count, 0, 1);
    },
  );
  parentPort!.postMessage(fuzzed);
}

if (import.meta.main && isMainThread) {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      minutes: { type: "string", default: "1" },
      seed: { type: "string", default: String(Date.now() % 2 ** 31) },
      shard: { type: "string", default: "1/1" },
    },
  });
  const [name] = positionals;
  const minutes = Number(values.minutes);
  const [index = 0, count = 0] = values.shard.split("/").map(Number);
  const asked = name === "all" ? Object.keys(targets) : name && name in targets ? [name] : [];
  const names = shard(asked, index, count);
  if (names.length === 0 || !(minutes > 0)) {
    console.error(
      `usage: node scripts/fuzz.ts <target|all> [--minutes N] [--seed N] [--shard I/N]; targets: ${Object.keys(targets).join(", ")}`,
    );
    process.exit(2);
  }
  for (const each of names) {
    const { inputs, read, finding } = await fuzzFor(each, Number(values.seed), minutes);
    console.log(`fuzz: ${each}: ${inputs} inputs, ${read} of them read, seed ${values.seed}`);
    if (!finding) continue;
    const folder = join(dirname(import.meta.dirname), "build/fuzz");
    mkdirSync(folder, { recursive: true });
    const file = join(folder, `${each}-${createHash("sha256").update(finding.input).digest("hex").slice(0, 12)}`);
    writeFileSync(file, finding.input);
    const { message, stack } = finding.error as Error;
    console.error(`fuzz: ${each} broke on ${file}: ${(stack ?? message).slice(0, 1500)}`);
    process.exitCode = 1;
  }
}
