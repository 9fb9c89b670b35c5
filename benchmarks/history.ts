/**
 * How fast a history is read: our reader, which streams and checks each field, against JSON.parse of every line of the
 * whole decompressed file. Usage: node benchmarks/history.ts <history.ndjson.gz>
 */
import { readFileSync } from "node:fs";
import { gunzipSync, zstdDecompressSync } from "node:zlib";
import { readHistory } from "@goatnote/ci-history";

const path = process.argv[2];
if (!path) throw new Error("Name a history file: node benchmarks/history.ts <history.ndjson[.gz|.zst]>");

async function ours(): Promise<number> {
  let executions = 0;
  for await (const run of readHistory(path!)) executions += run.tests.length;
  return executions;
}

async function parseAll(): Promise<number> {
  const bytes = readFileSync(path!);
  const text = (
    bytes[0] === 0x1f ? gunzipSync(bytes) : bytes[0] === 0x28 ? zstdDecompressSync(bytes) : bytes
  ).toString();
  const runs = text
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as { tests: unknown[] });
  return runs.reduce((sum, run) => sum + run.tests.length, 0);
}

async function seconds(read: () => Promise<number>): Promise<number> {
  const start = performance.now();
  await read();
  return (performance.now() - start) / 1000;
}

const median = (values: number[]) => values.toSorted((a, b) => a - b)[values.length >> 1]!;

const executions = await ours();
if (executions !== (await parseAll())) throw new Error("The two readers disagree on the number of executions.");
const times = { ours: [] as number[], peer: [] as number[] };
for (let round = 0; round < 5; round++) {
  times.ours.push(await seconds(ours));
  times.peer.push(await seconds(parseAll));
}
const [own, peer] = [median(times.ours), median(times.peer)];
console.log(`${executions} executions, median of 5`);
console.log(`readHistory, streamed and checked: ${own.toFixed(2)} s`);
console.log(`JSON.parse of the whole file:      ${peer.toFixed(2)} s`);
console.log(`ratio: ${(own / peer).toFixed(2)}`);
