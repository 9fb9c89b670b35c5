/** What both benchmarks of Nix measure with. */
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const seconds = async (work: () => unknown): Promise<number> => {
  const started = performance.now();
  await work();
  return (performance.now() - started) / 1000;
};

export const median = (values: number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] as number;

/** Gives a folder of its own, and removes it with all that became read-only in it. */
export async function inFolder(prefix: string, work: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), prefix));
  try {
    await work(folder);
  } finally {
    execFileSync("chmod", ["-Rf", "u+w", folder]);
    rmSync(folder, { recursive: true, force: true });
  }
}

/** 500 MB in 8,000 files of many sizes, half of them text. */
export function makeTree(at: string): void {
  const noise = randomBytes(1 << 20);
  for (let i = 0; i < 8000; i++) {
    const below = join(at, `d${i % 80}`);
    mkdirSync(below, { recursive: true });
    const size = i % 100 === 0 ? 4_000_000 : 22_600;
    const start = (i * 7919) % (noise.length - 22_600);
    writeFileSync(
      join(below, `f${i}`),
      i % 2
        ? `line ${i} of a text\n`.repeat(Math.ceil(size / 20)).slice(0, size)
        : Buffer.alloc(size, noise.subarray(start, start + 22_600)),
    );
  }
}
