/** Builds that cannot be judged: each ends as `not-checked`, says why, and leaves nothing behind. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { globSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { build as buildActions } from "../../scripts/build.ts";
import { type Ended, runEntry } from "../loop/entry.ts";
import { project } from "./check.ts";

let actions: string;
let remove = (): void => {};
let folder: string;
beforeAll(async () => {
  actions = await buildActions();
});
afterEach(() => remove());

const check = (
  build: string,
  inputs: Record<string, string> = {},
  files: Record<string, string> = { a: "a\n" },
): Promise<Ended> => {
  ({ folder, remove } = project(files));
  return runEntry(actions, "repro-check", { build, artifacts: "out", ...inputs }, folder);
};

/** What is left of the folders and of the processes of the builds that the log tells of. */
function leftovers(log: string): string[] {
  const [base = "none"] = /repro-check-\w{6}/.exec(log) ?? [];
  const folders = [...readdirSync(`${folder}_temp`), ...readdirSync("/dev/shm")];
  const processes = globSync("/proc/[0-9]*/cmdline").filter((file) => {
    try {
      return readFileSync(file, "utf8").includes("daemon-of-the-test");
    } catch {
      return false;
    }
  });
  return [...folders.filter((name) => name.startsWith(base)), ...processes];
}

test.each([
  ["fails", "echo building; exit 3", {}, "exit code 3"],
  ["hangs", "sleep 1000", { timeout: "20s" }, "did not end in time"],
  ["hangs in something it started", "(sleep 1000; true) & wait", { timeout: "20s" }, "did not end in time"],
  ["makes nothing", "true", {}, "left nothing that matches"],
  ["makes what is there already", "true", { artifacts: "a" }, "left nothing that matches"],
  ["removes its own tree", 'touch out; rm -rf "$PWD"', {}, "removed its own tree"],
  [
    "leaves a daemon",
    "touch out; bash -c 'exec -a daemon-of-the-test sleep 1000' > /dev/null 2>&1 &\ndisown",
    {},
    "left processes running",
  ],
  [
    "leaves a daemon that hides",
    "touch out; setsid bash -c 'exec -a daemon-of-the-test sleep 1000' < /dev/null > /dev/null 2>&1 &",
    {},
    "left processes running",
  ],
  [
    "makes only a link out of its tree",
    'mkdir -p "$TMPDIR/o"; date +%s%N > "$TMPDIR/o/x"; ln -s "$TMPDIR/o" out',
    {},
    "out of the build's tree",
  ],
  ["makes only a link to nothing", "ln -s nowhere out", {}, "leads to nothing"],
  ["makes only links in a folder", "mkdir out; ln -s ../a out/a", {}, "holds no file"],
  [
    "makes files behind a link",
    'mkdir "$TMPDIR/o"; date > "$TMPDIR/o/x"; ln -s "$TMPDIR/o" out',
    { artifacts: "out/x" },
    "out of the build's tree",
  ],
  ["runs out of space", "ulimit -f 8; head -c 10000000 /dev/zero > out", {}, "The build ended with"],
] as const)("a build that %s", async (_, build, inputs, words) => {
  const { code, outputs, summary, log } = await check(`echo "$PWD"\n${build}`, inputs);
  expect(log).toMatch(/repro-check-\w{6}/);
  expect(log).toContain(words);
  expect(outputs).toMatchObject({ verdict: "not-checked", digest: "" });
  expect(summary).toContain("Not checked");
  expect(code).toBe(1);
  expect(leftovers(log)).toEqual([]);
});

test("what looks like a secret does not reach a build, unless it is named", async () => {
  ({ folder, remove } = project({ a: "a\n" }));
  const secrets = { NPM_PASSWORD: "hunter2", DEPLOY_KEY: "k", REGISTRY_TOKEN: "t", DATABASE: "pg://u:hunter3@db/x" };
  const build = "env | grep -oE '^(NPM_PASSWORD|DEPLOY_KEY|REGISTRY_TOKEN|DATABASE)=.*' | sort > out || true";
  const run = (inputs: Record<string, string>) =>
    runEntry(actions, "repro-check", { build, artifacts: "out", vary: "none", ...inputs }, folder, secrets);
  const digest = (text: string): string => `sha256:${createHash("sha256").update(text).digest("hex")}`;
  const without = await run({});
  expect(without.outputs, without.log).toMatchObject({ verdict: "identical", digest: digest("") });
  expect(without.log).toContain("looks like a secret: DATABASE, DEPLOY_KEY, NPM_PASSWORD, REGISTRY_TOKEN");
  expect(without.log + without.summary).not.toMatch(/hunter/);
  const kept = await run({ "keep-env": "DEPLOY_KEY\nREGISTRY_TOKEN" });
  expect(kept.outputs.digest).toBe(digest("DEPLOY_KEY=k\nREGISTRY_TOKEN=t\n"));
  const refused = await run({ "keep-env": "ACTIONS_RUNTIME_TOKEN" });
  expect(refused.log).toContain("keep-env");
  expect(refused.code).toBe(1);
});

test("what a link among the artifacts leads to is compared, and not taken from an earlier build", async () => {
  ({ folder, remove } = project({ "made/x": "made before\n", a: "a\n" }));
  symlinkSync("made", join(folder, "out"));
  const build = '[ -e made/x ] || { mkdir made; pwd > made/x; }; ln -s "$PWD/made" out';
  const run = () => runEntry(actions, "repro-check", { build, artifacts: "out", bisect: "false" }, folder);
  const { outputs, log } = await run();
  expect(outputs, log).toMatchObject({ verdict: "different", causes: "build-path" });
});

test("after output without a line end, workflow commands work again", async () => {
  const { log } = await check("date > out; printf 'no line end'", { vary: "none", bisect: "false" });
  const tokens = [...log.matchAll(/^::stop-commands::(\S+)$/gm)].map(([, token]) => token);
  expect(tokens.length).toBeGreaterThan(1);
  for (const token of tokens) expect(log.split("\n")).toContain(`::${token}::`);
});

/** Variables for a machine on which no namespace can be made. */
function withoutNamespaces(): Record<string, string> {
  const tools = join(folder, "../tools");
  mkdirSync(tools);
  for (const name of ["unshare", "sudo"]) writeFileSync(join(tools, name), "#!/bin/sh\nexit 1\n", { mode: 0o755 });
  return { PATH: `${tools}:${process.env.PATH}` };
}

function tracked(files: Record<string, string>): void {
  ({ folder, remove } = project(files));
  for (const args of [
    ["init", "--quiet"],
    ["add", "--all"],
  ])
    execFileSync("git", args, { cwd: folder });
}

test.each(["made-by-the-build", "ignored/x", ".git/x"])("a build that writes %s into the checkout", async (path) => {
  tracked({ ".gitignore": "ignored\n", "ignored/y": "y\n" });
  writeFileSync(join(folder, "where"), folder);
  execFileSync("git", ["add", "where"], { cwd: folder });
  const build = `echo x > out; echo x > "$(cat where)/${path}"`;
  const inputs = { build, artifacts: "out", vary: "none" };
  const { outputs, log } = await runEntry(actions, "repro-check", inputs, folder, withoutNamespaces());
  expect(log).toContain(`wrote into the checkout (${path})`);
  expect(outputs).toMatchObject({ verdict: "not-checked", digest: "", manifest: "" });
});

describe("what an earlier build left outside of the tree serves no other:", () => {
  const serve = (file: string): string => `[ -e ${file} ] || { pwd; date +%N; } > ${file}; cp ${file} out`;
  // Of many paths only the first five are named, and other tests change /tmp meanwhile.
  const mark = `0-repro-check-test-${process.pid}`;
  afterEach(() => {
    for (const at of ["/tmp", "/var/tmp", "/dev/shm"]) rmSync(join(at, mark), { force: true });
  });

  test.each(["/tmp", "/var/tmp", "/dev/shm", "$OTHER_TEMP"])("%s", async (at) => {
    tracked({ a: "a\n" });
    const inputs = { build: serve(`${at}/${mark}`), artifacts: "out", bisect: "false", vary: "none" };
    const { outputs, log } = await runEntry(actions, "repro-check", inputs, folder, {
      OTHER_TEMP: at === "$OTHER_TEMP" ? `${folder}_temp` : "",
    });
    expect(outputs.verdict, log).toBe("different");
  });

  test("a temporary folder in the checkout", async () => {
    tracked({ a: "a\n" });
    const temp = join(folder, "temp");
    mkdirSync(temp);
    const inputs = { build: "cp a out", artifacts: "out", bisect: "false", vary: "none" };
    const { outputs, log } = await runEntry(actions, "repro-check", inputs, folder, { RUNNER_TEMP: temp });
    expect(outputs.verdict, log).toBe("identical");
  });

  test.each(["folder", "file"])("the verdict tells of a %s that a variable names", async (kind) => {
    tracked({ a: "a\n" });
    const [temp, named] = [`${folder}_temp`, join(`${folder}_temp`, mark)];
    mkdirSync(kind === "folder" ? named : temp, { recursive: true });
    if (kind === "file") writeFileSync(named, "");
    const file = kind === "folder" ? `${named}/x` : named;
    const build = `[ -s ${file} ] || { pwd; date +%N; } > ${file}; cp ${file} out`;
    const inputs = { build, artifacts: "out", bisect: "false", vary: "path" };
    const { outputs, log } = await runEntry(actions, "repro-check", inputs, folder, { CARGO_TARGET_DIR: named });
    expect(outputs.verdict, log).toBe("identical");
    expect(log).toMatch(new RegExp(`No difference found .*though outside of its folders .*${file}`));
  });

  test("without namespaces the verdict says so", async () => {
    tracked({ a: "a\n" });
    const inputs = { build: serve(`/tmp/${mark}`), artifacts: "out", bisect: "false", vary: "path" };
    const { outputs, log } = await runEntry(actions, "repro-check", inputs, folder, withoutNamespaces());
    expect(outputs.verdict, log).toBe("identical");
    expect(log).toMatch(new RegExp(`No difference found .*though outside of its folders .*/tmp/${mark}`));
  });

  test("the home, under another path; the verdict says so where it is the same", async () => {
    tracked({ a: "a\n" });
    const home = join(folder, "../home");
    mkdirSync(home);
    const check = (vary: string) =>
      runEntry(actions, "repro-check", { build: serve(`~/${mark}`), artifacts: "out", bisect: "false", vary }, folder, {
        HOME: home,
      });
    const varied = await check("home");
    expect(varied.outputs.verdict, varied.log).toBe("different");
    rmSync(join(home, mark));
    const { outputs, log } = await check("path");
    expect(outputs.verdict, log).toBe("identical");
    expect(log).toMatch(new RegExp(`No difference found .*though outside of its folders .*/home/${mark}`));
  });

  test("the checkout, by a variable and by a link", async () => {
    tracked({ a: "a\n" });
    const check = (build: string) =>
      runEntry(actions, "repro-check", { build, artifacts: "out", bisect: "false", vary: "path" }, folder, {
        DATA: join(folder, "a"),
      });
    expect((await check('echo "$DATA" > out')).outputs).toMatchObject({ verdict: "different", causes: "build-path" });
    expect((await check('cat "$DATA" > out')).outputs.verdict).toBe("identical");
    symlinkSync(join(folder, "a"), join(folder, "link"));
    execFileSync("git", ["add", "link"], { cwd: folder });
    const { outputs, log } = await check("cat link > out");
    expect(outputs.verdict, log).toBe("not-checked");
    expect(log).toContain("nothing else of the checkout");
  });

  test("process ids, which a namespace would make the same", async () => {
    const { outputs } = await check("echo $$ > out", { vary: "none", bisect: "false" });
    expect(outputs.verdict).toBe("different");
  });
});

test.each([
  ["in a namespace", "cd /; exec > /dev/null 2>&1 < /dev/null", (): Record<string, string> => ({})],
  ["by the folder that it is in", "", withoutNamespaces],
] as const)("a daemon without our mark is found %s", async (_, first, env) => {
  tracked({ a: "a\n" });
  const daemon = `(${first}\nenv -i /usr/bin/setsid /bin/bash -c 'exec -a daemon-of-the-test sleep 1000') & sleep 1`;
  const inputs = { build: `echo "$PWD"\necho x > out; ${daemon}`, artifacts: "out", vary: "none" };
  const { outputs, log } = await runEntry(actions, "repro-check", inputs, folder, env());
  expect(outputs.verdict, log).toBe("not-checked");
  expect(log).toContain("left processes running");
  expect(leftovers(log)).toEqual([]);
});

test.each([
  ["reference", "nowhere", "names nowhere, which is not there"],
  ["diffoscope", "always", "is not installed"],
])("what %s needs and is not there is told before anything is built", async (input, value, words) => {
  tracked({ a: "a\n" });
  const inputs = { build: "echo building; echo x > out", artifacts: "out", [input]: value };
  // No program at all, so no diffoscope.
  const { log, code } = await runEntry(actions, "repro-check", inputs, folder, { PATH: "/nonexistent" });
  expect(log).toContain(words);
  expect(log).not.toContain("First build");
  expect(code).toBe(1);
});

test("a build that names the checkout", async () => {
  ({ folder, remove } = project({ a: "a\n" }));
  const build = `cp ${folder}/a out`;
  const { outputs, log } = await runEntry(actions, "repro-check", { build, artifacts: "out" }, folder);
  expect(log).toContain("names the checkout");
  expect(outputs.verdict).toBe("not-checked");
});

test("what an earlier build left is not taken for a result", async () => {
  ({ folder, remove } = project({ ".gitignore": "obj\nout\n", obj: "made before\n", out: "made before\n" }));
  for (const args of [
    ["init", "--quiet"],
    ["add", "--all"],
  ])
    execFileSync("git", args, { cwd: folder });
  // As make does: what is there is not made again.
  const build = "[ -e obj ] || pwd > obj; [ -e out ] || cp obj out";
  const { outputs } = await runEntry(actions, "repro-check", { build, artifacts: "out", bisect: "false" }, folder);
  expect(outputs).toMatchObject({ verdict: "different", causes: "build-path" });
  expect(readFileSync(join(folder, "out"), "utf8")).toBe("made before\n");
});

test("what git does not track is no source, unless it is named", async () => {
  ({ folder, remove } = project({ a: "a\n", obj: "made before\n", "more/x": "made before\n" }));
  for (const args of [
    ["init", "--quiet"],
    ["add", "a"],
  ])
    execFileSync("git", args, { cwd: folder });
  const build = "[ -e obj ] || pwd > obj; cp obj out";
  const run = (inputs: Record<string, string>) =>
    runEntry(actions, "repro-check", { build, artifacts: "out", bisect: "false", ...inputs }, folder);
  const { outputs, summary, log } = await run({});
  expect(outputs, log).toMatchObject({ verdict: "different", causes: "build-path" });
  expect(summary).toMatch(/git does not track it .*more, obj\./);
  expect((await run({ "include-ignored": "obj" })).outputs.verdict).toBe("identical");
});

test("outside of git the verdict says that leftovers may have served", async () => {
  const { outputs, log } = await check("[ -e obj ] || pwd > obj; cp obj out", {}, { obj: "made before\n" });
  expect(outputs.verdict).toBe("identical");
  expect(log).toMatch(/No difference found .*though the workspace is no git checkout/);
});

test("a cache within an included ignored folder serves no build, unless it is named", async () => {
  const cached = "node_modules/.cache/out";
  ({ folder, remove } = project({
    ".gitignore": "node_modules\n",
    "node_modules/x/a": "a\n",
    [cached]: "made before\n",
  }));
  for (const args of [
    ["init", "--quiet"],
    ["add", "--all"],
  ])
    execFileSync("git", args, { cwd: folder });
  const build = `[ -e node_modules/x/a ]; if [ -e ${cached} ]; then cp ${cached} out; else pwd > out; fi`;
  const run = (included: string) =>
    runEntry(actions, "repro-check", { build, artifacts: "out", bisect: "false", "include-ignored": included }, folder);
  const { outputs, summary, log } = await run("node_modules");
  expect(outputs, log).toMatchObject({ verdict: "different", causes: "build-path" });
  expect(summary).toContain("node&#95;modules/.cache");
  expect((await run("node_modules\nnode_modules/.cache")).outputs.verdict).toBe("identical");
});

test("a build that only works with a network is checked with it, and this is said", async () => {
  const { outputs, summary, code } = await check("[ $(grep -c : /proc/net/dev) -gt 1 ]; echo x > out", {
    bisect: "false",
  });
  expect(outputs.verdict).toBe("identical");
  expect(outputs.varied).not.toContain("network");
  expect(summary).toContain("network (left out: the build fails under it)");
  expect(code).toBe(0);
});

test("a variation that is asked for by name and cannot be made is not passed over", async () => {
  const { outputs, code } = await check("[ $(grep -c : /proc/net/dev) -gt 1 ]; echo x > out", {
    vary: "path\nnetwork",
  });
  expect(outputs.verdict).toBe("not-checked");
  expect(code).toBe(1);
});
