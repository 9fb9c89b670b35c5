import { execFile, spawn } from "node:child_process";
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { HISTORY_REF, type RefStoreOptions, refStore } from "./ref-store.ts";
import { largeRun, sampleGit } from "./ref-store-sample.ts";
import { sampleRun } from "./sample-run.ts";
import { decodeSegment, encodeSegment, MAX_SEGMENT_BYTES, segmentPath } from "./segment.ts";
import { readStore } from "./store.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ref-store-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** A bare repository as a host serves it. */
class Host {
  readonly path: string;
  readonly url: string;
  constructor(path: string) {
    this.path = path;
    this.url = pathToFileURL(path).href;
  }

  static async start(): Promise<Host> {
    const host = new Host(await mkdtemp(join(folder, "host-")));
    await host.git("init", "--quiet", "--bare", "--initial-branch=main");
    await host.git("config", "uploadpack.allowFilter", "true");
    await host.git("config", "gc.auto", "0");
    return host;
  }

  async git(...args: string[]): Promise<string> {
    const env = { ...process.env, GIT_CONFIG_GLOBAL: "/dev/null", GIT_CONFIG_NOSYSTEM: "1" };
    return (await promisify(execFile)("git", args, { cwd: this.path, env })).stdout.trim();
  }

  /** A store of its own, as another job has it; `calls` are the commands of git that it asked for. */
  async store(options: Partial<RefStoreOptions> = {}) {
    const calls: string[] = [];
    const git = sampleGit(await mkdtemp(join(folder, "private-")), (args) => calls.push(args.join(" ")));
    return Object.assign(refStore(git, { url: this.url, ref: HISTORY_REF, ...options }), { calls });
  }

  tip = (ref = HISTORY_REF) => this.git("rev-parse", ref);

  /** Makes a tree of these entries the ref's content, whatever they are. */
  async put(entries: { mode: string; object: string; path: string }[]): Promise<void> {
    const index = { ...process.env, GIT_INDEX_FILE: join(this.path, "other-index") };
    const run = promisify(execFile);
    for (const { mode, object, path } of entries)
      await run("git", ["update-index", "--add", "--cacheinfo", `${mode},${object},${path}`], {
        cwd: this.path,
        env: index,
      });
    const { stdout } = await run("git", ["write-tree", "--missing-ok"], { cwd: this.path, env: index });
    const author = ["-c", "user.name=x", "-c", "user.email=x@y"];
    await this.git("update-ref", HISTORY_REF, await this.git(...author, "commit-tree", "-m", "x", stdout.trim()));
  }

  async blob(content: string | Uint8Array): Promise<string> {
    const file = join(await mkdtemp(join(folder, "blob-")), "content");
    await writeFile(file, content);
    return this.git("hash-object", "-w", "--no-filters", file);
  }

  /** Lets every push be refused by a hook with these lines. */
  async refusing(): Promise<void> {
    await mkdir(join(this.path, "hooks"), { recursive: true });
    await writeFile(join(this.path, "hooks", "pre-receive"), "#!/bin/sh\necho no such refs here >&2\nexit 1\n");
    await chmod(join(this.path, "hooks", "pre-receive"), 0o755);
  }
}

const run = sampleRun();
const path = segmentPath(run);
const model = `v1/model/${"0f".repeat(32)}.json`;
const numbered = (id: number, month = 5) =>
  sampleRun({ run_id: String(id), started_at: `2021-0${month}-03T06:33:${String(id % 60).padStart(2, "0")}Z` });
const fileOf = (each: typeof run) => ({ path: segmentPath(each), bytes: encodeSegment(each) });

test.each([HISTORY_REF, "refs/heads/telemetry"])("%s: what is appended is listed and read by others", async (ref) => {
  const host = await Host.start();
  const writer = await host.store({ ref });
  expect(await writer.list()).toEqual([]);
  expect(await writer.append(path, encodeSegment(run))).toBe("written");
  expect(await writer.append(model, Buffer.from("{}\n\0\xff", "latin1"))).toBe("written");
  const reader = await host.store({ ref });
  expect(await reader.list()).toEqual([model, path]);
  expect(decodeSegment(await reader.read(path), path)).toEqual(run);
  expect(await reader.read(model)).toEqual(Buffer.from("{}\n\0\xff", "latin1"));
  expect(await reader.read(path)).toEqual(encodeSegment(run));
  expect(await host.git("ls-tree", "-r", "--name-only", ref)).toBe(`${path}\n${model}`);
});

test("written twice nothing changes: the same tip, the first bytes, and no push", async () => {
  const host = await Host.start();
  const store = await host.store();
  await store.append(path, encodeSegment(run));
  const tip = await host.tip();
  for (const again of [store, await host.store()]) {
    expect(await again.append(path, Buffer.from("other bytes"))).toBe("present");
    expect(await host.tip()).toBe(tip);
    expect(await again.read(path)).toEqual(encodeSegment(run));
  }
  expect(store.calls.filter((call) => call.startsWith("push"))).toHaveLength(1);
});

test("several files are one commit, and what is present among them stays", async () => {
  const host = await Host.start();
  const store = await host.store();
  const other = { path: segmentPath(run), bytes: Buffer.from("other bytes") };
  expect(await store.appendAll([fileOf(run), other, fileOf(numbered(2))])).toEqual(["written", "present", "written"]);
  expect(await store.appendAll([fileOf(run), fileOf(numbered(3))])).toEqual(["present", "written"]);
  expect(await host.git("rev-list", "--count", HISTORY_REF)).toBe("2");
  expect(await store.read(path)).toEqual(encodeSegment(run));
  expect(await store.appendAll([])).toEqual([]);
});

test("readers get one commit without its past, and all contents in one fetch", async () => {
  const host = await Host.start();
  const writer = await host.store();
  for (let i = 0; i < 4; i++)
    await writer.appendAll(Array.from({ length: 10 }, (_, j) => fileOf(numbered(10 * i + j))));
  const reader = await host.store();
  const runs = await Array.fromAsync(readStore(reader));
  expect(runs.map((each) => each.run_id)).toEqual(Array.from({ length: 40 }, (_, i) => String(i)));
  expect(reader.calls.filter((call) => / fetch |^fetch /.test(call))).toHaveLength(2);
  expect(reader.calls.filter((call) => call.startsWith("cat-file --batch"))).toHaveLength(2);
});

test("only what is needed is fetched, the newest runs first, by the number of the run", async () => {
  const host = await Host.start();
  const writer = await host.store();
  await writer.appendAll([9, 10, 8].map((id) => fileOf(numbered(id))));
  await writer.appendAll(Array.from({ length: 300 }, (_, i) => fileOf(numbered(100 + i, 6))));
  await writer.append(model, Buffer.from("{}"));
  const reader = await host.store();
  expect((await reader.list()).slice(0, 5)).toEqual([
    model,
    ...[8, 9, 10, 100].map((id) => fileOf(numbered(id, id < 100 ? 5 : 6)).path),
  ]);
  const runs = await Array.fromAsync(readStore(reader, { depth: 2 }));
  expect(runs.map((each) => each.run_id)).toEqual(["398", "399"]);
  expect(reader.calls.filter((call) => /^fetch .*depth/.test(call))).toHaveLength(2);
  expect(reader.calls.filter((call) => call.includes("noop"))).toHaveLength(1);
});

test("a push sends the new files only, and the private repository has no checkout", async () => {
  const host = await Host.start();
  await (await host.store()).appendAll(Array.from({ length: 50 }, (_, i) => fileOf(numbered(i))));
  const before = await host.git("count-objects", "-v");
  const writer = await host.store();
  for (const id of [999, 1000])
    expect(await writer.append(fileOf(numbered(id)).path, encodeSegment(numbered(id)))).toBe("written");
  const count = (text: string) => Number(/^count: (\d+)/m.exec(text)![1]) + Number(/^in-pack: (\d+)/m.exec(text)![1]);
  // Each has a blob, four folders and a commit.
  expect(count(await host.git("count-objects", "-v")) - count(before)).toBe(12);
});

test("a clone of the repository does not have the history", async () => {
  const host = await Host.start();
  await host.put([]);
  await host.git("update-ref", "refs/heads/main", HISTORY_REF);
  await (await host.store()).append(path, encodeSegment(run));
  const clone = join(folder, "clone");
  await host.git("clone", "--quiet", host.url, clone);
  expect(await host.git("-C", clone, "for-each-ref", "--format=%(refname)")).not.toContain("telemetry");
  await expect(host.git("-C", clone, "cat-file", "-e", await host.tip())).rejects.toThrow();
});

test.each(["../x", "v1/2021/13/1-1.ndjson.zst", `${path}\n`, ""])("%j is no path of a store", async (bad) => {
  const store = await (await Host.start()).store();
  await expect(store.append(bad, Buffer.alloc(1))).rejects.toThrow("is no path of a store");
  await expect(store.read(bad)).rejects.toThrow("is no path of a store");
  expect(store.calls).toEqual([]);
});

test("what is no file of a store is passed over, stays there, and hinders nobody", async () => {
  const host = await Host.start();
  const object = await host.blob(encodeSegment(run));
  const commit = "1".repeat(40);
  const at = (id: number) => fileOf(numbered(id)).path;
  const huge = await host.blob(Buffer.alloc(MAX_SEGMENT_BYTES + 1));
  await host.put([
    { mode: "100644", object, path },
    { mode: "100644", object, path: "README.md" },
    { mode: "100644", object, path: "v1/2021/05/deep/down/x" },
    { mode: "100644", object, path: "v1/model/x.json" },
    { mode: "100644", object, path: "v1/2021/05/näme" },
    { mode: "100644", object, path: "v1/2021/05/two\nlines" },
    { mode: "120000", object, path: at(20) },
    { mode: "160000", object: commit, path: at(21) },
    { mode: "100644", object: huge, path: at(22) },
    { mode: "100644", object: await host.blob("nonsense"), path: at(23) },
    { mode: "160000", object: commit, path: "v1/2022" },
    { mode: "120000", object, path: "v1/2023" },
    { mode: "100644", object, path: `${at(24)}/inside` },
  ]);
  const before = (await host.git("ls-tree", "-r", HISTORY_REF)).split("\n");
  const store = await host.store();
  expect(await store.list()).toEqual([path, at(22), at(23)]);
  const told: string[] = [];
  const onUnreadable = (_: string, error: Error) => void told.push(error.message);
  expect(await Array.fromAsync(readStore(store, { onUnreadable }))).toEqual([run]);
  expect(told.toSorted()).toEqual([
    expect.stringContaining("it is larger than 64 MiB"),
    expect.stringContaining("not a whole zstd frame"),
  ]);
  expect(await store.append(fileOf(numbered(30)).path, fileOf(numbered(30)).bytes)).toBe("written");
  expect((await host.git("ls-tree", "-r", HISTORY_REF)).split("\n")).toEqual(expect.arrayContaining(before));
});

test("a ref that holds no commit is an error that names it", async () => {
  const host = await Host.start();
  await host.git("update-ref", HISTORY_REF, await host.blob("text"));
  const store = await host.store();
  await expect(store.list()).rejects.toThrow(`The store at ${HISTORY_REF} could not be read`);
});

test("where the host refuses the ref, the way out is a branch; where it refuses the branch, its rules", async () => {
  const host = await Host.start();
  await host.refusing();
  const store = await host.store();
  await expect(store.append(path, encodeSegment(run))).rejects.toThrow(
    /The store at refs\/telemetry\/v1 could not be written: the host refused this ref \(pre-receive hook declined\)\. Set `store: branch`/,
  );
  expect(store.calls.filter((call) => call.startsWith("push"))).toHaveLength(1);
  const branch = await host.store({ ref: "refs/heads/telemetry" });
  await expect(branch.append(path, encodeSegment(run))).rejects.toThrow("its rules for this branch");
});

test("a repository that is not there is an error that says so, not an empty store", async () => {
  const store = await new Host(join(folder, "nowhere")).store();
  await expect(store.list()).rejects.toThrow(/could not be read: .*nowhere.* does not appear to be a git repository/);
});

test("an append that others overtake goes on from their tip, until it has tried often enough", async () => {
  const host = await Host.start();
  const other = await host.store();
  let rival = 100;
  const racing = async (times: number, attempts: number) => {
    const git = sampleGit(await mkdtemp(join(folder, "private-")));
    return refStore(
      async (args, input) => {
        if (args[0] === "push" && times-- > 0) {
          rival += 1;
          await other.append(fileOf(numbered(rival)).path, fileOf(numbered(rival)).bytes);
        }
        return git(args, input);
      },
      { url: host.url, ref: HISTORY_REF, attempts },
    );
  };
  expect(await (await racing(3, 10)).append(path, encodeSegment(run))).toBe("written");
  expect(await other.list()).toHaveLength(4);
  const never = await racing(99, 3);
  await expect(never.append(model, Buffer.from("{}"))).rejects.toThrow("other writers were faster 3 times");
  expect(await other.list()).toHaveLength(7);
});

test("a ref that its first writer makes between two questions is seen", async () => {
  const host = await Host.start();
  const git = sampleGit(await mkdtemp(join(folder, "private-")));
  const other = await host.store();
  let asked = 0;
  const store = refStore(
    async (args, input) => {
      if (args[0] === "ls-remote" && asked++ === 0) await other.append(path, encodeSegment(run));
      return git(args, input);
    },
    { url: host.url, ref: HISTORY_REF },
  );
  expect(await store.list()).toEqual([path]);
});

test.each([
  [2, "written"],
  [99, /could not be read: fatal: unable to access/],
] as const)("a host that does not answer %i times", async (times, expected) => {
  const host = await Host.start();
  const git = sampleGit(await mkdtemp(join(folder, "private-")));
  let asked = 0;
  const store = refStore(
    async (args, input) => {
      const isCut = /^(fetch|ls-remote)$/.test(args[0]!) && ++asked <= times;
      return isCut ? { code: 128, stdout: Buffer.alloc(0), stderr: "fatal: unable to access\n" } : git(args, input);
    },
    { url: host.url, ref: HISTORY_REF },
  );
  const answer = store.append(path, encodeSegment(run));
  if (typeof expected === "string") expect(await answer).toBe(expected);
  else await expect(answer).rejects.toThrow(expected);
  expect(asked).toBeLessThan(12);
});

test("a push whose answer is lost is not done twice", async () => {
  const host = await Host.start();
  const git = sampleGit(await mkdtemp(join(folder, "private-")));
  let cut = 0;
  const store = refStore(
    async (args, input) => {
      const answer = await git(args, input);
      const isCut = args[0] === "push" && cut++ === 0;
      return isCut
        ? { code: 128, stdout: Buffer.alloc(0), stderr: "fatal: the remote end hung up unexpectedly\n" }
        : answer;
    },
    { url: host.url, ref: HISTORY_REF },
  );
  expect(await store.append(path, encodeSegment(run))).toBe("present");
  expect(await host.git("rev-list", "--count", HISTORY_REF)).toBe("1");
});

/** What a writer answered; null where it was killed some moment after so many steps of git. */
async function write(host: Host, id: number, killAfter?: number): Promise<string | null> {
  const script = join(import.meta.dirname, "ref-store-writer.ts");
  const place = await mkdtemp(join(folder, "private-"));
  const child = spawn(process.execPath, [script, host.url, HISTORY_REF, place, String(id), String(killAfter)], {
    stdio: ["ignore", "pipe", "inherit"],
    // A group of its own, so that git dies with it.
    detached: true,
  });
  let answer: string | null = null;
  for await (const line of createInterface({ input: child.stdout })) answer = line;
  return answer;
}

test("fifty writers at once, a third of them killed and started again, lose nothing and show nothing half", async () => {
  const host = await Host.start();
  const whole = new Set<string>();
  let isWriting = true;
  const reader = await host.store();
  const reading = (async () => {
    while (isWriting) {
      for (const found of (await reader.list()).filter((each) => !whole.has(each))) {
        decodeSegment(await reader.read(found), found);
        whole.add(found);
      }
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  })();
  let killed = 0;
  const writers = Array.from({ length: 50 }, async (_, i) => {
    if (i % 3 === 0) {
      if ((await write(host, i, 1 + ((i / 3) % 6))) === null) killed += 1;
      return write(host, i);
    }
    const written = fileOf(largeRun(i));
    return `${await (await host.store()).append(written.path, written.bytes)} ${written.path}`;
  });
  const answers = await Promise.all(writers);
  isWriting = false;
  await reading;
  // Some finish before the step at which they would be killed.
  expect(killed).toBeGreaterThan(5);
  expect(whole.size).toBeGreaterThan(0);
  const there = await (await host.store()).list();
  expect(there).toHaveLength(50);
  expect(answers.map((answer) => answer?.split(" ")[1]).toSorted()).toEqual(there.toSorted());
  for (const found of there) expect(segmentPath(decodeSegment(await reader.read(found), found))).toBe(found);
}, 600_000);
