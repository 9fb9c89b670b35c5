import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync, gzipSync, zstdCompressSync } from "node:zlib";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readHistory, writeHistory } from "./history-file.ts";
import type { Run } from "./model.ts";
import { sampleRun } from "./sample-run.ts";
import { anyRun } from "./samples.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "history-"));
});
afterAll(() => rm(folder, { recursive: true }));

const read = (path: string): Promise<Run[]> => Array.fromAsync(readHistory(path));
const put = async (name: string, bytes: string | Uint8Array): Promise<string> => {
  const path = join(folder, name);
  await writeFile(path, bytes);
  return path;
};
const line = (run: Run): string => `${JSON.stringify(run)}\n`;

test.each(["h.ndjson", "h.ndjson.gz", "h.ndjson.zst"])("what is written to %s is read again", async (name) => {
  const path = join(folder, name);
  await fc.assert(
    fc.asyncProperty(fc.array(anyRun, { maxLength: 4 }), async (runs) => {
      await writeHistory(path, runs);
      expect(await read(path)).toEqual(runs);
    }),
    { numRuns: 40 },
  );
});

test.each(["h.ndjson", "h.ndjson.gz", "h.ndjson.zst"])("equal runs are equal bytes in %s", async (name) => {
  const run = sampleRun({ event: "push", job: "linux" });
  const turned = Object.fromEntries(Object.entries(run).reverse()) as unknown as Run;
  await writeHistory(join(folder, name), [run]);
  const first = await readFile(join(folder, name));
  await writeHistory(join(folder, name), [turned]);
  expect(await readFile(join(folder, name))).toEqual(first);
});

test("the first bytes tell the compression, not the name", async () => {
  const run = sampleRun();
  const text = line(run);
  expect(await read(await put("plain.gz", text))).toEqual([run]);
  expect(await read(await put("gzip.zst", gzipSync(text)))).toEqual([run]);
  expect(await read(await put("zstd.ndjson", zstdCompressSync(text)))).toEqual([run]);
});

test("several members and frames in one file are all read", async () => {
  const [a, b] = [sampleRun({ run_id: "1" }), sampleRun({ run_id: "2" })];
  for (const pack of [gzipSync, zstdCompressSync]) {
    const text = line(a) + line(b);
    // The cut lies inside the second line.
    const cut = text.length - 20;
    const frames = [text.slice(0, cut), text.slice(cut)].map((part) => pack(Buffer.from(part)));
    expect(await read(await put("frames", Buffer.concat(frames)))).toEqual([a, b]);
  }
});

test("blank lines, a byte order mark and a missing last newline are fine; an empty file is no runs", async () => {
  const run = sampleRun();
  expect(await read(await put("blank", `\uFEFF${line(run)}\n  \r\n${JSON.stringify(run)}`))).toEqual([run, run]);
  expect(await read(await put("empty", ""))).toEqual([]);
});

test.each([
  ["gzip", gzipSync],
  ["zstd", zstdCompressSync],
] as const)("a cut or continued %s file is an error that names file and line", async (name, pack) => {
  const lines = Array.from({ length: 2000 }, (_, i) => line(sampleRun({ run_id: String(i) }))).join("");
  const bytes = pack(Buffer.from(lines));
  for (const damaged of [bytes.subarray(0, -5), bytes.subarray(0, 9), Buffer.concat([bytes, Buffer.from("more")])]) {
    const path = await put(`cut-${name}`, damaged);
    await expect(read(path)).rejects.toThrow(new RegExp(`cut-${name}:\\d+: the ${name} data is damaged or cut off`));
  }
});

test("a bad line is an error that names file, line and field", async () => {
  const path = await put("bad", `${line(sampleRun())}\n{"run_id":""}\n`);
  await expect(read(path)).rejects.toThrow(/bad:3: run_id is ""; allowed is a string of 1 to/);
  await expect(read(await put("text", "no json\n"))).rejects.toThrow(/text:1: the line is not JSON/);
  await expect(read(await put("latin", Buffer.from([0x7b, 0xe9, 0x0a])))).rejects.toThrow(/latin:1: .*not UTF-8/);
});

test("an error while writing leaves the old file and no other", async () => {
  const own = await mkdtemp(join(folder, "own-"));
  const path = join(own, "h.ndjson.gz");
  await writeHistory(path, [sampleRun()]);
  const before = await readFile(path);
  async function* failing() {
    yield sampleRun();
    throw new Error("the source broke");
  }
  await expect(writeHistory(path, failing())).rejects.toThrow("the source broke");
  await expect(writeHistory(path, [sampleRun({ run_id: "" })])).rejects.toThrow(/h\.ndjson\.gz:1: run_id/);
  expect(await readdir(own)).toEqual(["h.ndjson.gz"]);
  expect(await readFile(path)).toEqual(before);
  expect(gunzipSync(before).toString()).toBe(line(sampleRun()));
});

test("a reader that stops early closes the file", async () => {
  const path = await put("many", line(sampleRun()).repeat(1000));
  for await (const run of readHistory(path)) {
    expect(run.run_id).toBe("17");
    break;
  }
  await rm(path);
});
