import { zstdCompressSync, zstdDecompressSync } from "node:zlib";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { Run } from "./model.ts";
import { sampleRun } from "./sample-run.ts";
import { anyRun } from "./samples.ts";
import {
  branchFolder,
  decodeRuns,
  decodeSegment,
  encodeRuns,
  encodeSegment,
  jobHash,
  parseSegmentPath,
  segmentPath,
} from "./segment.ts";
import { isStorePath } from "./store.ts";

test("a segment holds what was put in, in equal bytes each time", () => {
  fc.assert(
    fc.property(anyRun, (run) => {
      const bytes = encodeSegment(run);
      expect(decodeSegment(bytes, "s")).toEqual(run);
      expect(encodeSegment({ ...run }).equals(bytes)).toBe(true);
    }),
    { numRuns: 100 },
  );
});

test("the path tells run, attempt and job; any run has one that a store takes", () => {
  const run = sampleRun({ run_attempt: 2, job: "test", variant: "linux" });
  expect(segmentPath(run)).toBe(`v1/2021/05/17-2-${jobHash(run)}.ndjson.zst`);
  const name = { folder: "", month: "2021/05", run: "17", attempt: 2, job: jobHash(run) };
  expect(parseSegmentPath(segmentPath(run))).toEqual(name);
  fc.assert(fc.property(anyRun, (any) => isStorePath(segmentPath(any))));
});

test("runs of other branches and of forks lie apart from the default branch's", () => {
  const folder = (run: Partial<Run>) => parseSegmentPath(segmentPath(sampleRun(run)))?.folder;
  const topic = branchFolder("topic");
  expect(topic).toMatch(/^branch\/[0-9a-f]{16}\/$/);
  expect(folder({ trust: "push", default_branch: true, branch: "main" })).toBe("");
  // An exported history may say nothing of branches.
  expect(folder({})).toBe("");
  expect(folder({ trust: "push", default_branch: false, branch: "topic" })).toBe(topic);
  expect(folder({ trust: "pull_request", default_branch: true, branch: "topic" })).toBe(topic);
  expect(folder({ trust: "fork", default_branch: true, branch: "topic" })).toBe("fork/");
});

test("job and variant are told apart, however they are spelled together", () => {
  const jobs: Partial<Run>[] = [
    {},
    { job: "a" },
    { variant: "a" },
    { job: "a", variant: "b" },
    { job: "ab" },
    { job: '","' },
  ];
  expect(new Set(jobs.map((job) => jobHash(job))).size).toBe(jobs.length);
});

test("no changed bit gives another run", () => {
  const run = sampleRun({ job: "test", event: "push", trust: "push" });
  const bytes = encodeSegment(run);
  let errors = 0;
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const damaged = Buffer.from(bytes);
    damaged[bit >> 3]! ^= 1 << (bit & 7);
    try {
      // The format has a bit or two that mean nothing; the checksum says that the content is whole.
      expect(decodeSegment(damaged, "s")).toEqual(run);
    } catch (error) {
      expect((error as Error).message).toMatch(/^s: (not a whole zstd frame|\d+ bytes follow)/);
      errors++;
    }
  }
  expect(errors).toBeGreaterThan(bytes.length * 8 - 8);
});

test("a cut, padded or doubled segment is an error", () => {
  const bytes = encodeSegment(sampleRun());
  for (let length = 0; length < bytes.length; length++) {
    expect(() => decodeSegment(bytes.subarray(0, length), "s")).toThrow(/^s: not a whole zstd frame/);
  }
  expect(() => decodeSegment(Buffer.concat([bytes, bytes]), "s")).toThrow(
    `s: ${bytes.length} bytes follow the zstd frame.`,
  );
});

test("a bomb is refused before it is unpacked", () => {
  const bomb = zstdCompressSync(Buffer.alloc(200 * 1024 * 1024, 0x20));
  expect(bomb.length).toBeLessThan(50_000);
  expect(() => decodeSegment(bomb, "s")).toThrow("s: more than 128 MiB; store fewer tests per job.");
});

test("content that is no run is an error with line and field", () => {
  const pack = (text: string | Buffer) => zstdCompressSync(Buffer.from(text as string));
  const good = zstdDecompressSync(encodeSegment(sampleRun())).toString();
  expect(() => decodeSegment(pack(good + good), "s")).toThrow("s: holds 2 runs; a segment holds one.");
  expect(() => decodeRuns(pack(`${good}{}\n`), "s")).toThrow(/^s:2: run_id is missing/);
  expect(() => decodeRuns(pack(good.slice(0, -1)), "s")).toThrow("s: the last line has no end.");
  expect(() => decodeRuns(pack(Buffer.from([0xff, 0x0a])), "s")).toThrow("s: not UTF-8.");
});

test("a run that readers would refuse is not written", () => {
  expect(() => encodeSegment(sampleRun({ sha: "main" }))).toThrow(/run 17: sha is "main"/);
  expect(decodeRuns(encodeRuns([sampleRun(), sampleRun({ job: "b" })]), "s")).toHaveLength(2);
});
