import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { installAll, locate, type Recipe } from "./peers.ts";

// A tool as npm installs it, from a folder, so that no registry is needed.
const folder = mkdtempSync(join(tmpdir(), "peers-"));
const cache = join(folder, "cache");
const recipe: Recipe = { kind: "npm", package: "greeter", version: `file:${join(folder, "greeter")}` };
const broken: Recipe = { kind: "npm", package: "absent", version: `file:${join(folder, "absent.tgz")}` };

beforeAll(() => {
  mkdirSync(join(folder, "greeter"));
  writeFileSync(
    join(folder, "greeter/package.json"),
    JSON.stringify({ name: "greeter", version: "1.0.0", bin: "greet.js" }),
  );
  writeFileSync(join(folder, "greeter/greet.js"), "#!/usr/bin/env node\n", { mode: 0o755 });
  vi.stubEnv("GOATNOTE_PEERS", cache);
});

afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

test("a tool that fails is named with its last lines, and the others are installed", () => {
  const errors = vi.spyOn(console, "error").mockImplementation(() => {});
  const lines = vi.spyOn(console, "log").mockImplementation(() => {});
  const failed = installAll(["absent", "unheard-of", "greeter"], { absent: broken, greeter: recipe });
  const told = errors.mock.calls.join("\n");
  const said = lines.mock.calls.join("\n");
  vi.restoreAllMocks();
  expect(failed).toEqual(["absent", "unheard-of"]);
  expect(told).toContain("peers: absent");
  expect(told).toContain("npm install --no-save");
  expect(told).toContain("unheard-of failed after 0.0 s\n  not known here; known: absent, greeter");
  expect(said).toContain("peers: greeter file:");
});

test("an installed tool is found and left alone; another version gets a folder of its own", () => {
  vi.spyOn(console, "log").mockImplementation(() => {});
  installAll(["greeter"], { greeter: recipe });
  const path = locate("greeter", { greeter: recipe });
  const [installed] = readdirSync(cache).filter((name) => name.startsWith("greeter-"));
  const stamp = join(cache, installed ?? "", "installed");
  const before = statSync(stamp).mtimeMs;
  const again = installAll(["greeter"], { greeter: recipe });
  vi.restoreAllMocks();
  expect(again).toEqual([]);
  expect(path && basename(path).startsWith("greeter")).toBe(true);
  expect(statSync(stamp).mtimeMs).toBe(before);
  expect(locate("greeter", { greeter: { ...recipe, version: "2.0.0" } })).toBeUndefined();
});

test("a half installed tool is not found", () => {
  vi.spyOn(console, "log").mockImplementation(() => {});
  installAll(["greeter"], { greeter: recipe });
  vi.restoreAllMocks();
  for (const name of readdirSync(cache)) rmSync(join(cache, name, "installed"), { force: true });
  expect(locate("greeter", { greeter: recipe })).toBeUndefined();
});

test("what the table does not know, and what apt installs, is looked for on PATH", () => {
  expect(locate("node", {})).toMatch(/node(\.exe|\.cmd)?$/);
  expect(locate("js", { js: { kind: "apt", package: "nodejs", executable: "node" } })).toMatch(/node(\.exe|\.cmd)?$/);
  // One that asks for a version of its own is not served by any other.
  const other: Recipe = { kind: "debian", suite: "sid", package: "nodejs", executable: "node" };
  expect(locate("node-newest", { "node-newest": other })).toBeUndefined();
  expect(locate("no-such-tool-at-all")).toBeUndefined();
});
