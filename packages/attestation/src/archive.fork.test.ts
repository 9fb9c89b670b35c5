import { spawnSync } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { type ArchiveOptions, type Attested, writeArchive } from "./archive.ts";
import { encodeStatement } from "./statement.ts";

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

const attested = (name: string, bytes: number): Attested => {
  const subjects = [{ name, digest: { sha256: "00" } }];
  const payload = encodeStatement(subjects, "t", "x".repeat(bytes)).toString("base64");
  return { subjects, bundle: { dsseEnvelope: { payload } } as never };
};
const options = (folder: string): ArchiveOptions => ({
  folder,
  kind: "provenance",
  predicateType: "t",
  perSubject: true,
  signer: "s",
  issuer: "i",
  sourceRepository: "https://github.com/octo/app",
  hasLog: true,
  hasTimestamp: true,
});

test("a disk that is full midway leaves the archive as it was", async ({ skip }) => {
  const folder = await mount("256k");
  if (folder === null) return skip("mount is not permitted here");
  await writeArchive([attested("a", 100), attested("b", 100)], options(folder));
  const contents = async () =>
    Promise.all(
      (await readdir(folder)).sort().map(async (name) => [name, (await readFile(join(folder, name))).length]),
    );
  const before = await contents();
  // The joint file and the first's still have room, and all of them have not.
  await expect(
    writeArchive([attested("a", 30_000), attested("b", 30_000), attested("c", 30_000)], options(folder)),
  ).rejects.toMatchObject({ code: "ENOSPC" });
  expect(await contents()).toEqual(before);
});
