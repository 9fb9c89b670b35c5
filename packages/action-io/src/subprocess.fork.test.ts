import { existsSync } from "node:fs";
import { mkdtemp, readFile, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { ended, runAction, startAction } from "../test/action-process.ts";
import { registerSecret } from "./secrets.ts";
import { childEnvironment, type RunOptions, run, SubprocessError } from "./subprocess.ts";

const node = process.execPath;
const script = (source: string, options?: RunOptions, ...args: string[]) => run([node, "-e", source, ...args], options);
const posix = test.skipIf(process.platform === "win32");

let folder: string;
beforeAll(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), "run-")));
});
afterAll(() => rm(folder, { recursive: true }));

/** Ends a process that a test left behind on purpose and that wrote its id to a file. */
async function end(pidFile: string): Promise<void> {
  if (existsSync(pidFile)) process.kill(Number(await readFile(pidFile, "utf8")), "SIGKILL");
}
/** Source that starts a process which outlives its parent and holds the parent's output open. */
const holdOutput = (pidFile: string): string => `
  const held = require("node:child_process").spawn(process.execPath, ["-e", "setTimeout(() => {}, 100_000)"],
    { stdio: "inherit", detached: true });
  require("node:fs").writeFileSync(${JSON.stringify(pidFile)}, String(held.pid));
  held.unref();`;

describe("arguments", () => {
  const echo = "process.stdout.write(JSON.stringify(process.argv.slice(1)))";
  test.each([
    [["two words", "", " "]],
    [["\"double\" and 'single'", "back\\slash\\", '\\"']],
    [["line\nbreak\r\n\ttab"]],
    [["; exit 1", "$(id)", "`id`", "$HOME", "%PATH%", "!x", "&& ls", "| cat", "> file", "*", "~", "{a,b}", "^"]],
    [["é 漢字 🦩 \u202e"]],
    [["--", "-x", "@file"]],
  ])("%j arrive as they are", async (args) => {
    const { stdout } = await script(echo, {}, "--", ...args);
    expect(JSON.parse(stdout)).toEqual(args);
  });

  test("any text arrives as it is", async () => {
    const argument = fc.string({ unit: "binary" }).filter((it) => !it.includes("\0"));
    await fc.assert(
      fc.asyncProperty(fc.array(argument), async (args) => {
        expect(JSON.parse((await script(echo, {}, "--", ...args)).stdout)).toEqual(args);
      }),
      { numRuns: 15 },
    );
  });
});

describe("environment", () => {
  const before = { ...process.env };
  afterEach(() => {
    for (const name of Object.keys(process.env)) if (!(name in before)) delete process.env[name];
  });
  const secrets = {
    INPUT_TOKEN: "1",
    "INPUT_AGE-KEY": "1",
    STATE_key: "1",
    ACTIONS_RUNTIME_TOKEN: "1",
    ACTIONS_ID_TOKEN_REQUEST_URL: "1",
    GITHUB_TOKEN: "1",
    GH_TOKEN: "1",
    npm_config_token: "1",
    GITHUB_ENV: "1",
    GITHUB_OUTPUT: "1",
    GITHUB_PATH: "1",
    GITHUB_STATE: "1",
    GITHUB_STEP_SUMMARY: "1",
    GITHUB_ARTIFACTS: "1",
  };
  const harmless = { GITHUB_SHA: "2", GITHUB_ENVIRONMENT: "2", MY_INPUT_X: "2", TOKENIZER: "2", RUNNER_TEMP: "2" };
  const seen = async (options?: RunOptions): Promise<Record<string, string>> =>
    JSON.parse((await script("process.stdout.write(JSON.stringify(process.env))", options)).stdout);

  test("nothing secret is inherited, the rest is", async () => {
    Object.assign(process.env, secrets, harmless);
    const child = await seen();
    for (const name of Object.keys(secrets)) expect(child).not.toHaveProperty([name]);
    expect(child).toMatchObject(harmless);
  });

  test("what the caller names stays; what it sets or removes wins", async () => {
    Object.assign(process.env, secrets, harmless);
    const child = await seen({ keep: ["GH_TOKEN"], env: { GITHUB_TOKEN: "mine", GITHUB_SHA: undefined, NEW: "n" } });
    expect(child).toMatchObject({ GH_TOKEN: "1", GITHUB_TOKEN: "mine", NEW: "n", RUNNER_TEMP: "2" });
    expect(child).not.toHaveProperty("GITHUB_SHA");
    expect(child).not.toHaveProperty("INPUT_TOKEN");
    expect(process.env.GITHUB_SHA).toBe("2");
  });

  test("only what is asked for is inherited, and nothing secret of it", async () => {
    Object.assign(process.env, secrets, harmless);
    const child = await seen({ only: /^(PATH|RUNNER_TEMP|GH_TOKEN)$/, env: { NEW: "n" } });
    expect(
      Object.keys(child)
        .filter((name) => name !== "__CF_USER_TEXT_ENCODING")
        .toSorted(),
    ).toEqual([...["NEW", "PATH", "RUNNER_TEMP"]]);
  });

  test("on Windows a name has no case", () => {
    const parent = { Path: "C:\\", Gh_Token: "1", input_x: "1", Keep_Token: "1", TEMP: "t" };
    expect(childEnvironment(parent, ["KEEP_TOKEN"], { PATH: "D:\\", temp: undefined }, "win32")).toEqual({
      PATH: "D:\\",
      Keep_Token: "1",
      NoDefaultCurrentDirectoryInExePath: "1",
    });
    const theirs = { nodefaultcurrentdirectoryinexepath: undefined };
    expect(childEnvironment({ NODEFAULTCURRENTDIRECTORYINEXEPATH: "0" }, [], {}, "win32")).toEqual({
      NoDefaultCurrentDirectoryInExePath: "1",
    });
    expect(childEnvironment({ NODEFAULTCURRENTDIRECTORYINEXEPATH: "0" }, [], theirs, "win32")).toEqual({});
    expect(childEnvironment({ Path: "a" }, [], { PATH: "b" }, "linux")).toEqual({ Path: "a", PATH: "b" });
  });
});

describe("the end of a child", () => {
  test("result", async () => {
    expect(await script('process.stdout.write("é"); process.stderr.write("ü")')).toEqual({
      code: 0,
      signal: null,
      stdout: "é",
      stderr: "ü",
    });
  });

  test("exit code", async () => {
    const source = 'console.error("one\\ntwo\\nthree\\nfour"); process.exit(3)';
    expect(await script(source, { check: false })).toMatchObject({ code: 3, signal: null });
    const failure = script(source);
    await expect(failure).rejects.toThrow(SubprocessError);
    await expect(failure).rejects.toThrow(/ended with exit code 3: two three four$/);
  });

  posix("signal", async () => {
    const source = 'process.kill(process.pid, "SIGKILL"); setTimeout(() => {}, 100_000)';
    expect(await script(source, { check: false })).toMatchObject({ code: null, signal: "SIGKILL" });
    await expect(script(source)).rejects.toThrow(/ended with SIGKILL\.$/);
  });

  test("no secret is in the message, not even a part", async () => {
    const secret = `begin-${"0123456789".repeat(60)}-end\nlast-line`;
    registerSecret(secret);
    const error: Error = await script("console.error(process.env.PART); process.exit(1)", {
      env: { PART: secret },
    }).then(
      () => new Error("ended well"),
      (reason) => reason,
    );
    expect(error.message).toMatch(/exit code 1: \*\*\*$/);
    await expect(script("process.exit(1)", {}, secret)).rejects.toThrow(/process\.exit\(1\) \*\*\* ended/);
  });

  test("a long argument is not repeated in full", async () => {
    const error: Error = await script(`process.exit(1) // ${"x".repeat(10_000)}`).catch((reason) => reason);
    expect(error.message.length).toBeLessThan(1000);
  });

  test("a process that it leaves behind with its output open does not hold us up", async () => {
    const pidFile = join(folder, "left");
    try {
      const result = await script(`${holdOutput(pidFile)}\nprocess.stdout.write("done")`);
      expect(result).toMatchObject({ code: 0, stdout: "done" });
      expect(existsSync(pidFile)).toBe(true);
    } finally {
      await end(pidFile);
    }
  });
});

describe("limits", () => {
  test("time, also when a grandchild holds the output open", async () => {
    const pidFile = join(folder, "late");
    try {
      await expect(
        script(`${holdOutput(pidFile)}\nsetTimeout(() => {}, 100_000)`, { timeoutMs: 2000, check: false }),
      ).rejects.toThrow(/ran longer than 2000 ms and was stopped/);
    } finally {
      await end(pidFile);
    }
  });

  test("a time limit of months is not one of a millisecond", async () => {
    expect(await script("setTimeout(() => {}, 300)", { timeoutMs: 2 ** 32 })).toMatchObject({ code: 0 });
  });

  test.each(["stdout", "stderr"] as const)("bytes of %s", async (stream) => {
    const write = (count: number): string => `process.${stream}.write("é".repeat(${count / 2}))`;
    expect((await script(write(100_000), { maxOutput: 100_000 }))[stream]).toHaveLength(50_000);
    await expect(script(write(100_002), { maxOutput: 100_000, check: false })).rejects.toThrow(
      `wrote more than 100000 bytes to ${stream}`,
    );
    await expect(
      script(`const more = () => { while (process.${stream}.write("x".repeat(9999))); setImmediate(more); }; more()`, {
        maxOutput: 100_000,
      }),
    ).rejects.toThrow(SubprocessError);
  });
});

describe("a child that cannot start", () => {
  test.each<[string, [string, ...string[]], RunOptions, RegExp]>([
    ["is not there", ["no-such-program-anywhere"], {}, /^no-such-program-anywhere could not be started: not found/],
    ["has no working directory", [node], { cwd: "/no/such/directory" }, /does the working directory exist/],
    ["has a file as working directory", [node], { cwd: node }, /could not be started/],
    ["has an argument with a null character", [node, "a\0b"], {}, /could not be started/],
    ["has too long an argument", [node, "x".repeat(4_000_000)], {}, /could not be started: .*too long/],
  ])("because it %s", async (_, argv, options, message) => {
    const failure = run(argv, options);
    await expect(failure).rejects.toThrow(SubprocessError);
    await expect(failure).rejects.toThrow(message);
  });

  posix("because it may not be executed", async () => {
    const file = join(folder, "data");
    await writeFile(file, "");
    await expect(run([file])).rejects.toThrow(/could not be started: .*EACCES/);
  });

  test("leaves no listener behind", async () => {
    const count = (): number[] => [process.listenerCount("SIGTERM"), process.listenerCount("SIGINT")];
    const before = count();
    await run(["no-such-program-anywhere"]).catch(() => {});
    await run([node, "a\0b"]).catch(() => {});
    await script("");
    expect(count()).toEqual(before);
  });
});

describe("streams", () => {
  const copy = "process.stdin.pipe(process.stdout)";
  test("input arrives whole", async () => {
    const input = "漢字\n".repeat(200_000);
    expect((await script(copy, { input })).stdout).toBe(input);
  });
  test("bytes come back as they went, where each is asked for as a character", async () => {
    const bytes = Buffer.from(Array.from({ length: 512 }, (_, i) => i % 256));
    const { stdout } = await script(copy, { input: bytes, encoding: "latin1" });
    expect(Buffer.from(stdout, "latin1").equals(bytes)).toBe(true);
  });
  test("without input there is nothing to read", async () => {
    expect((await script(copy)).stdout).toBe("");
    expect((await script(copy, { input: "" })).stdout).toBe("");
  });
  test("a child may leave its input unread", async () => {
    const input = "x".repeat(5_000_000);
    expect(await script("process.exit(4)", { input, check: false })).toMatchObject({ code: 4 });
  });
  test("inherited output goes where ours goes", async () => {
    const { stdout, stderr } = await runAction(`
      const result = await io.run([process.execPath, "-e", "console.log('out'); console.error('err')"], { output: "inherit" });
      console.log(JSON.stringify(result));`);
    expect(stdout).toBe('out\n{"code":0,"signal":null,"stdout":"","stderr":""}\n');
    expect(stderr).toBe("err\n");
  });
  test("a working directory", async () => {
    expect((await script("process.stdout.write(process.cwd())", { cwd: folder })).stdout).toBe(folder);
  });
});

describe("signals of ours", () => {
  const child = (handler: string): string =>
    `["${node}", "-e", ${JSON.stringify(`${handler}; setTimeout(() => {}, 100_000); console.log("ready")`)}]`;
  async function interrupted(body: string, signal: NodeJS.Signals): Promise<{ code: number | null; stdout: string }> {
    const action = startAction(body);
    action.stdout!.once("data", () => action.kill(signal));
    return ended(action);
  }

  posix.each(["SIGTERM", "SIGINT"] as const)("%s is passed on, and the result told", async (signal) => {
    const asked = (handler: string): string =>
      `console.log(JSON.stringify(await io.run(${child(handler)}, { output: "inherit", check: false })));`;
    const clean = await interrupted(asked(`process.on("${signal}", () => process.exit(7))`), signal);
    expect(clean).toMatchObject({ code: 0, stdout: expect.stringContaining('{"code":7,"signal":null') });
    const killed = await interrupted(asked(""), signal);
    expect(killed).toMatchObject({ code: 0, stdout: expect.stringContaining(`{"code":null,"signal":"${signal}"`) });
  });

  posix("are listened for before a child can say that it is there", async () => {
    const before = process.listenerCount("SIGTERM");
    const asked: number[] = [];
    // Asked for when the child is started.
    const env = {
      get LATE() {
        asked.push(process.listenerCount("SIGTERM"));
        return "1";
      },
    };
    await script("", { env });
    expect(asked).toContain(before + 1);
    expect(asked).not.toContain(before);
  });

  posix("a cancelled child fails the action", async () => {
    const body = `await io.runMain(async () => { await io.run(${child("")}, { output: "inherit" }); });`;
    const { code, stdout } = await interrupted(body, "SIGTERM");
    expect(code).toBe(1);
    expect(stdout).toMatch(/::error::.* ended with SIGTERM/);
  });

  posix("when nothing runs, they end us as ever", async () => {
    const body = 'await io.run([process.execPath, "-e", ""]); console.log("ready"); setTimeout(() => {}, 100_000);';
    expect(await interrupted(body, "SIGTERM")).toMatchObject({ code: null });
  });

  test("many children at once bring no warning about listeners", async () => {
    const body = 'await Promise.all(Array.from({ length: 12 }, () => io.run([process.execPath, "-e", ""])));';
    expect(await runAction(body)).toEqual({ code: 0, stdout: "", stderr: "" });
  });
});
