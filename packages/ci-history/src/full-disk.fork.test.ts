import { spawnSync } from "node:child_process";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { fileStore } from "./file-store.ts";
import { writeHistory } from "./history-file.ts";
import { sampleRun } from "./sample-run.ts";
import { encodeSegment, segmentPath } from "./segment.ts";

/** Mounts a file system in memory; null where this user may not. */
async function mount(options: string): Promise<string | null> {
  const folder = await mkdtemp(join(tmpdir(), "full-"));
  const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", options, "tmpfs", folder]).status === 0;
  onTestFinished(async () => {
    if (mounted) spawnSync("umount", [folder]);
    await rm(folder, { recursive: true, force: true });
  });
  return mounted ? folder : null;
}

const noise = (length: number) => Array.from({ length }, () => String.fromCharCode(33 + Math.random() * 5000)).join("");

test("a full disk is a clear error, leaves nothing half, and loses nothing that was there", async ({ skip }) => {
  const folder = await mount("size=64k");
  if (folder === null) return skip("mount is not permitted here");
  const store = fileStore(folder);
  const small = sampleRun();
  await store.append(segmentPath(small), encodeSegment(small));
  const big = sampleRun({
    run_id: "18",
    tests: Array.from({ length: 40 }, () => ({ ...small.tests[0]!, id: noise(2000) })),
  });
  await expect(store.append(segmentPath(big), encodeSegment(big))).rejects.toThrow(/the disk is full \(ENOSPC\)/);
  await expect(writeHistory(join(folder, "h.ndjson"), [big])).rejects.toMatchObject({ code: "ENOSPC" });
  expect(await store.list()).toEqual([segmentPath(small)]);
  expect((await readdir(folder, { recursive: true })).filter((name) => name.includes(".tmp-"))).toEqual([]);
  expect(await store.append(segmentPath(small), encodeSegment(small))).toBe("present");
});

test("a read-only file system is a clear error", async ({ skip }) => {
  const folder = await mount("ro");
  if (folder === null) return skip("mount is not permitted here");
  const run = sampleRun();
  await expect(fileStore(folder).append(segmentPath(run), encodeSegment(run))).rejects.toThrow(
    `The store in ${folder} could not write ${segmentPath(run)}: the file system is read-only (EROFS).`,
  );
});
