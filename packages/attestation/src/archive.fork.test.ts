import { spawnSync } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { type Attested, writeArchive } from "./archive.ts";
import { attestedSample, sampleOptions } from "./archive-samples.ts";

/** Mounts a file system in memory; null where this user may not. */
async function mount(size: string): Promise<string | null> {
  const folder = await mkdtemp(join(tmpdir(), "full-"));
  const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", `size=${size}`, "tmpfs", folder]).status === 0;
  onTestFinished(async () => {
    if (mounted) spawnSync("umount", [folder]);
    await rm(folder, { recursive: true, force: true });
  });
  return mounted ? folder : null;
}

const attested = (name: string, bytes: number): Attested => attestedSample(name, "x".repeat(bytes));

test("a disk that is full midway leaves the archive as it was", async ({ skip }) => {
  const folder = await mount("256k");
  if (folder === null) return skip("mount is not permitted here");
  await writeArchive([attested("a", 100), attested("b", 100)], { ...sampleOptions, folder });
  const contents = async () =>
    Promise.all(
      (await readdir(folder)).sort().map(async (name) => [name, (await readFile(join(folder, name))).length]),
    );
  const before = await contents();
  // The joint file and the first's still have room, and all of them have not.
  await expect(
    writeArchive([attested("a", 30_000), attested("b", 30_000), attested("c", 30_000)], { ...sampleOptions, folder }),
  ).rejects.toMatchObject({ code: "ENOSPC" });
  expect(await contents()).toEqual(before);
});
