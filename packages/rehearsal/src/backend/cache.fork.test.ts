import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { startBackend } from "./backend.ts";

// The real client reads the environment of the process, so this file has one of its own.
const backend = await startBackend({ repository: "octo/lab" });
const workspace = mkdtempSync(join(tmpdir(), "cache-"));
const folder = join(workspace, "data");
let cache: typeof import("@actions/cache");

beforeAll(async () => {
  const run = backend.registerRun({
    workflow: "CI",
    path: ".github/workflows/ci.yml",
    event: "push",
    sha: "a".repeat(40),
    headBranch: "main",
    ref: "refs/heads/main",
  });
  const env = backend.jobEnv({ runId: run.id, job: "test", permissions: {} });
  Object.assign(process.env, env, { GITHUB_WORKSPACE: workspace, RUNNER_TEMP: workspace });
  cache = await import("@actions/cache");
  vi.spyOn(process.stdout, "write").mockReturnValue(true); // the client prints a line per request
});
afterAll(async () => {
  await backend.close();
  rmSync(workspace, { recursive: true });
});

test("the real cache client saves, misses, restores by key and by prefix, and cannot save a key twice", async () => {
  mkdirSync(folder);
  writeFileSync(join(folder, "numbers.txt"), "1 2 3");
  expect(await cache.restoreCache([folder], "data-1")).toBeUndefined();
  expect(await cache.saveCache([folder], "data-1")).toBeGreaterThan(0);
  expect(await cache.saveCache([folder], "data-1")).toBe(-1);
  for (const [key, prefixes] of [
    ["data-1", []],
    ["data-2", ["data-"]],
  ] as const) {
    rmSync(folder, { recursive: true });
    expect(await cache.restoreCache([folder], key, [...prefixes])).toBe("data-1");
    expect(readFileSync(join(folder, "numbers.txt"), "utf8")).toBe("1 2 3");
  }
  expect(await cache.restoreCache([folder], "other")).toBeUndefined();
});
