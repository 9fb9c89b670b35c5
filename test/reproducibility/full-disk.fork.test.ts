/** A disk that is full, while the copies are made and while a build runs: not-checked, and everything is gone again. */
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { build } from "../../scripts/build.ts";
import { runEntry } from "../loop/entry.ts";
import { project } from "./check.ts";

let actions: string;
beforeAll(async () => {
  actions = await build();
});

/** A folder on a disk of its own, or undefined where this may not be mounted. */
function smallDisk(at: string, size: string): (() => void) | undefined {
  mkdirSync(at, { recursive: true });
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${size}`, "tmpfs", at], { stdio: "ignore" });
  } catch {
    return undefined;
  }
  return () => execFileSync("umount", [at]);
}

test.for([
  ["copied", { large: "x".repeat(6_000_000) }, "cp large out", "The disk is full"],
  ["built", { small: "x" }, "head -c 6000000 /dev/zero > out", "The build ended with"],
] as [string, Record<string, string>, string, string][])(
  "a disk that is full while the checkout is %s",
  async ([, files, script, words], { skip }) => {
    const { folder, remove } = project(files);
    const temp = join(folder, "../small");
    const unmount = smallDisk(temp, "4m");
    try {
      if (!unmount) return skip("mount is not permitted here");
      const inputs = { build: script, artifacts: "out" };
      const { code, log, outputs } = await runEntry(actions, "repro-check", inputs, folder, { RUNNER_TEMP: temp });
      expect(log).toContain(words);
      expect(outputs.verdict).toBe("not-checked");
      expect(code).toBe(1);
      expect(readdirSync(temp)).toEqual(["repro-check"]);
    } finally {
      unmount?.();
      remove();
    }
  },
);
