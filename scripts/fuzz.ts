/**
 * Gives the parsers real inputs that were changed at random. A parser may refuse an input by a message of ours; an error of
 * JavaScript itself, a message without bound, or an input that takes ten seconds is a finding, and ends with 1.
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
 */
export async function fuzz(target: Target, seed: number, enough: (inputs: number) => boolean): Promise<Fuzzed> {
  const random = randomNumbers(seed);
  const seeds = await target.seeds();
  const result: Fuzzed = { inputs: 0, read: 0 };
  for (; !enough(result.inputs); result.inputs++) {
    const input = seeds[result.inputs] ?? mutate(seeds, random);
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

if (import.meta.main) {
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
    const end = performance.now() + minutes * 60_000;
    const { inputs, read, finding } = await fuzz(targets[each]!, Number(values.seed), () => performance.now() > end);
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
