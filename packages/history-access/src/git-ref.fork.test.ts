/** The token and the machine's own git: in a process of its own, since both are in the environment. */
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { redact, registerSecret } from "@goatnote/action-io";
import { decodeSegment, encodeSegment, HISTORY_REF, type Run, segmentPath } from "@goatnote/ci-history";
import { type Backend, type Permissions, startBackend } from "@goatnote/rehearsal";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { gitRefStore } from "./git-ref.ts";

const folder = mkdtempSync(join(tmpdir(), "git-ref-"));
const environment = { ...process.env };
const realGit = execFileSync("which", ["git"], { encoding: "utf8" }).trim();
let backend: Backend;
let host: string;

beforeAll(async () => {
  backend = await startBackend({ repository: "octo/lab", visibility: "private" });
});
afterAll(async () => {
  await backend.close();
  rmSync(folder, { recursive: true, force: true });
});
afterEach(() => {
  for (const name of Object.keys(process.env)) if (!(name in environment)) delete process.env[name];
  Object.assign(process.env, environment);
});

/** An empty repository behind the back end, and a store for it with a token of these permissions. */
function newHost(): void {
  host = mkdtempSync(join(folder, "host-"));
  execFileSync("git", ["init", "--quiet", "--bare", host]);
  backend.state.gitDir = host;
}
function storeWith(permissions: Permissions | null, temp = mkdtempSync(join(folder, "temp-"))) {
  const token = permissions ? backend.jobToken({ runId: 1, job: "record", permissions }) : "";
  if (permissions) registerSecret(token);
  const url = `${backend.serverUrl}/${backend.repository}`;
  return { token, temp, store: gitRefStore({ url, ref: HISTORY_REF, token, temp }) };
}
const write: Permissions = { contents: "write" };
const tip = (): string =>
  execFileSync("git", ["-C", host, "rev-parse", HISTORY_REF], { encoding: "utf8", stdio: "pipe" }).trim();

const run = (id: number): Run => ({
  run_id: String(id),
  sha: "a".repeat(40),
  started_at: "2021-05-03T06:33:47Z",
  author: "ada",
  changes: [],
  tests: [{ id: "t.py||t", file: "t.py", status: "pass", duration_ms: 1 }],
});
const append = (store: ReturnType<typeof storeWith>["store"], id: number) =>
  store.append(segmentPath(run(id)), encodeSegment(run(id)));

test("writers with contents: write append at once, and a reader with contents: read sees all", async () => {
  newHost();
  const answers = await Promise.all(Array.from({ length: 6 }, (_, id) => append(storeWith(write).store, id)));
  expect(answers).toEqual(new Array(6).fill("written"));
  const before = tip();
  expect(await append(storeWith(write).store, 3)).toBe("present");
  expect(tip()).toBe(before);
  const { store } = storeWith({ contents: "read" });
  const paths = await store.list();
  expect(paths).toHaveLength(6);
  for (const path of paths) expect(segmentPath(decodeSegment(await store.read(path), path))).toBe(path);
});

test.each<[string, Permissions | null, "read" | "write", RegExp]>([
  [
    "that may only read",
    { contents: "read" },
    "write",
    /may not push \(.*403.*\)\. Give this job `permissions: contents: write`/,
  ],
  [
    "without contents",
    { actions: "read" },
    "read",
    /could not be read: .*403.*Give the job `permissions: contents: read`/,
  ],
  ["that is not there", null, "read", /could not be read: .*Give the job `permissions: contents: read`/],
])("a token %s is told what it needs, and shown to nobody", async (_, permissions, act, message) => {
  newHost();
  const { store, token } = storeWith(permissions);
  const error = (await (act === "read" ? store.list() : append(store, 1)).catch((cause) => cause)) as Error;
  expect(error.message).toMatch(message);
  if (token) expect(`${error.message} ${error.stack}`).not.toContain(token);
  expect(() => tip()).toThrow();
});

test("the token is in no argument, no file and no message; its header is a secret too", async () => {
  newHost();
  // A git that notes its arguments, in front of the real one.
  const bin = join(folder, "bin");
  const log = join(folder, "arguments");
  mkdirSync(bin);
  writeFileSync(join(bin, "git"), `#!/bin/sh\necho "$@" >> '${log}'\nexec '${realGit}' "$@"\n`);
  chmodSync(join(bin, "git"), 0o755);
  process.env.PATH = `${bin}${delimiter}${process.env.PATH}`;
  const { store, token, temp } = storeWith(write);
  await append(store, 1);
  await store.read((await store.list())[0]!);
  const header = Buffer.from(`x-access-token:${token}`).toString("base64");
  const written = readdirSync(temp, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  expect(written.length).toBeGreaterThan(5);
  const texts = [
    readFileSync(log, "latin1"),
    ...written.map(({ parentPath, name }) => readFileSync(join(parentPath, name), "latin1")),
  ];
  expect(texts[0]).toContain("fast-import");
  for (const text of texts) for (const secret of [token, header]) expect(text).not.toContain(secret);
  expect(redact(`${token} ${header}`)).toBe("*** ***");
});

test("what the job set for its own git leads ours nowhere: configuration, hooks, traces, folders", async () => {
  newHost();
  const home = mkdtempSync(join(folder, "home-"));
  const hooks = join(home, "hooks");
  mkdirSync(hooks);
  for (const hook of ["pre-push", "reference-transaction", "post-index-change"]) {
    writeFileSync(join(hooks, hook), `#!/bin/sh\ntouch '${join(home, "hooked")}'\nexit 1\n`);
    chmodSync(join(hooks, hook), 0o755);
  }
  const header = "[http]\n\textraHeader = AUTHORIZATION: basic bm9ib2R5Om5vdGhpbmc=\n";
  const elsewhere = `[url "file:///nowhere/"]\n\tinsteadOf = ${backend.serverUrl}/\n`;
  writeFileSync(
    join(home, ".gitconfig"),
    `${header}${elsewhere}[core]\n\thooksPath = ${hooks}\n[push]\n\tgpgSign = true\n`,
  );
  const trace = (name: string) => join(home, name);
  Object.assign(process.env, {
    HOME: home,
    XDG_CONFIG_HOME: home,
    GIT_DIR: "/nowhere",
    GIT_WORK_TREE: "/nowhere",
    GIT_INDEX_FILE: "/nowhere/index",
    GIT_OBJECT_DIRECTORY: "/nowhere/objects",
    GIT_CONFIG_PARAMETERS: "'core.hooksPath=/nowhere'",
    GIT_ASKPASS: "/nowhere/askpass",
    GIT_TRACE: trace("trace"),
    GIT_TRACE_CURL: trace("curl"),
    GIT_TRACE_PACKET: trace("packet"),
    GIT_TRACE2_EVENT: trace("event"),
    GIT_TRACE_REDACT: "0",
  });
  const { store } = storeWith(write);
  expect(await append(store, 1)).toBe("written");
  expect(await store.list()).toHaveLength(1);
  expect(readdirSync(home).sort()).toEqual([".gitconfig", "hooks"]);
  expect(existsSync(trace("hooked"))).toBe(false);
});

test("a git that is not there is an error that says so", async () => {
  process.env.PATH = "/nowhere";
  await expect(append(storeWith(write).store, 1)).rejects.toThrow("git could not be started: not found");
});

test("a server that is not there is an error, not an empty store", async () => {
  const temp = mkdtempSync(join(folder, "temp-"));
  const store = gitRefStore({ url: "http://127.0.0.1:1/octo/lab", ref: HISTORY_REF, token: "t0ken-of-nobody", temp });
  const error = (await append(store, 1).catch((cause) => cause)) as Error;
  expect(error.message).toMatch(/The store at refs\/telemetry\/v1 could not be read: fatal: unable to access/);
  expect(error.message).not.toContain("t0ken");
});
