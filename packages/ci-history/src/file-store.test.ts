import { spawn } from "node:child_process";
import { chmod, mkdir, mkdtemp, readdir, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, expect, test } from "vitest";
import { fileStore } from "./file-store.ts";
import { sampleRun } from "./sample-run.ts";
import { decodeSegment, encodeSegment, segmentPath } from "./segment.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "store-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const newStore = async () => {
  const place = await mkdtemp(join(folder, "s-"));
  return { place, store: fileStore(place) };
};
const run = sampleRun();
const path = segmentPath(run);
const model = `v1/model/${"0f".repeat(32)}.json`;

test("what is appended is listed and read; writing it twice changes nothing", async () => {
  const { place, store } = await newStore();
  expect(await store.append(path, encodeSegment(run))).toBe("written");
  expect(await store.append(path, encodeSegment(run))).toBe("present");
  expect(await store.append(path, Buffer.from("other bytes"))).toBe("present");
  expect(await store.append(model, Buffer.from("{}"))).toBe("written");
  expect(await store.list()).toEqual([path, model]);
  expect(decodeSegment(await store.read(path), path)).toEqual(run);
  expect(await readdir(dirname(join(place, path)))).toHaveLength(1);
});

test("a folder that is not there is an empty store, and is made at the first append", async () => {
  const store = fileStore(join(folder, "not", "yet"));
  expect(await store.list()).toEqual([]);
  expect(await store.append(path, encodeSegment(run))).toBe("written");
  expect(await store.list()).toEqual([path]);
});

test("a file where the folder has to be is an error, to write, to read and to list", async () => {
  const file = join(folder, "a-file");
  await writeFile(file, "mine");
  for (const place of [file, join(file, "inside")]) {
    const store = fileStore(place);
    const message = `The store in ${place} could not`;
    await expect(store.append(path, encodeSegment(run))).rejects.toThrow(message);
    await expect(store.append(path, encodeSegment(run))).rejects.toThrow("name a folder (ENOTDIR)");
    await expect(store.list()).rejects.toThrow(message);
    await expect(store.read(path)).rejects.toThrow(message);
  }
  expect(await readFile(file, "utf8")).toBe("mine");
});

test("a file in the way inside the store is an error", async () => {
  const { place, store } = await newStore();
  await writeFile(join(place, "v1"), "mine");
  await expect(store.append(path, encodeSegment(run))).rejects.toThrow(/v1 is not a folder of its own/);
});

test.runIf(process.platform === "linux")("a folder that nobody can make is an error, and no endless wait", async () => {
  const store = fileStore("/proc/none/deep");
  await expect(store.append(path, encodeSegment(run))).rejects.toThrow("The store in /proc/none/deep could not write");
});

test("a store below a link to a folder is written", async () => {
  const outside = await mkdtemp(join(folder, "real-"));
  await symlink(outside, join(folder, "linked"));
  expect(await fileStore(join(folder, "linked", "store")).append(path, encodeSegment(run))).toBe("written");
  expect(await fileStore(join(outside, "store")).list()).toEqual([path]);
});

test.each([
  "../x",
  "/etc/passwd",
  "v1/../../x",
  "v1/2021/13/1-1.ndjson.zst",
  "v1\\2021",
  `${path}/x`,
  `${path}\n`,
  "v1/model/x.json",
  "",
])("%j is no path of a store", async (bad) => {
  const { place, store } = await newStore();
  await expect(store.append(bad, Buffer.alloc(1))).rejects.toThrow("is no path of a store");
  await expect(store.read(bad)).rejects.toThrow("is no path of a store");
  expect(await readdir(place)).toEqual([]);
});

test("symbolic links are followed neither to write nor to read nor to list", async () => {
  const { place, store } = await newStore();
  const outside = await mkdtemp(join(folder, "outside-"));
  await symlink(outside, join(place, "v1"));
  await expect(store.append(path, encodeSegment(run))).rejects.toThrow(/symbolic links are not followed/);
  expect(await readdir(outside)).toEqual([]);
  await fileStore(join(folder, "elsewhere")).append(path, encodeSegment(run));
  await rename(join(folder, "elsewhere", "v1", "2021"), join(outside, "2021"));
  expect(await store.list()).toEqual([]);
  await expect(store.read(path)).rejects.toThrow(/symbolic links are not followed/);

  const other = await newStore();
  await mkdir(dirname(join(other.place, path)), { recursive: true });
  await symlink(join(outside, path.slice(3)), join(other.place, path));
  expect(await other.store.list()).toEqual([]);
  await expect(other.store.read(path)).rejects.toThrow(/symbolic links are not followed/);
  expect(await other.store.append(path, encodeSegment(run))).toBe("present");
});

test("what a killed writer left, and other people's files, are passed over", async () => {
  const { place, store } = await newStore();
  await store.append(path, encodeSegment(run));
  const month = dirname(join(place, path));
  await writeFile(join(month, ".tmp-0123-17-1.ndjson.zst"), "half");
  await writeFile(join(month, "notes.txt"), "mine");
  await mkdir(join(month, "17-2.ndjson.zst"));
  expect(await store.list()).toEqual([path]);
});

test.skipIf(process.platform === "win32" || process.getuid?.() === 0)(
  "a folder without rights is a clear error",
  async () => {
    const { place, store } = await newStore();
    await chmod(place, 0o555);
    await expect(store.append(path, encodeSegment(run))).rejects.toThrow(
      `The store in ${place} could not write ${path}: give this user the right to it (EACCES).`,
    );
  },
);

/** The paths that a writer said are there, until it ended, or was killed some moment after it had said so many. */
async function write(place: string, writer: number, killAfter = Number.POSITIVE_INFINITY): Promise<string[]> {
  const script = join(import.meta.dirname, "store-writer.ts");
  const child = spawn(process.execPath, [script, place, String(writer), "8"], { stdio: ["ignore", "pipe", "inherit"] });
  const said: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    if (line.endsWith(".zst")) said.push(line);
    if (said.length === killAfter) setTimeout(() => child.kill("SIGKILL"), Math.random() * 20);
  }
  return said;
}

test("fifty writers at once, a third of them killed and started again, lose nothing and show nothing half", async () => {
  const { place, store } = await newStore();
  const whole = new Set<string>();
  let isWriting = true;
  const reader = (async () => {
    while (isWriting) {
      const unread = (await store.list()).filter((found) => !whole.has(found));
      for (const found of unread) {
        decodeSegment(await store.read(found), found);
        whole.add(found);
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
  })();
  const writers = Array.from({ length: 50 }, async (_, i) => {
    const killed = i % 3 === 0 ? await write(place, i, 1 + (i % 7)) : [];
    return [...killed, ...(await write(place, i))];
  });
  const said = (await Promise.all(writers)).flat();
  isWriting = false;
  await reader;
  const there = await store.list();
  expect(whole.size).toBeGreaterThan(0);
  expect(there).toHaveLength(25 * 8);
  expect(new Set(said)).toEqual(new Set(there));
  for (const found of there) expect(segmentPath(decodeSegment(await store.read(found), found))).toBe(found);
}, 240_000);

test("the store is empty of temporary files after all writers ended", async () => {
  const { place, store } = await newStore();
  await Promise.all(Array.from({ length: 20 }, () => store.append(path, encodeSegment(run))));
  expect(await readdir(dirname(join(place, path)))).toEqual([path.split("/").at(-1)]);
  expect((await readFile(join(place, path))).equals(encodeSegment(run))).toBe(true);
});
