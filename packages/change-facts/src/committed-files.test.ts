import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { fileAt, rootFiles } from "./committed-files.ts";
import { newRepository, type Repository } from "./repositories.ts";

/** Two commits of a lock file, and their ids. */
async function open(): Promise<{ repository: Repository; first: string; second: string }> {
  const repository = await newRepository();
  const write = (text: string) => writeFile(join(repository.path, "a.lock"), text);
  await write("good");
  const first = await repository.commit("First");
  await write("evil");
  return { repository, first, second: await repository.commit("Second") };
}
const read = async (repository: Repository, commit: string) =>
  (await fileAt(repository.path, commit, "a.lock")).toString();

test("files and no folders or links, at the root and below it", async () => {
  const repository = await newRepository();
  await repository.git("config", "core.symlinks", "false");
  await writeFile(join(repository.path, "ä b.lock"), Buffer.from([0, 255, 10]));
  await repository.git("add", ".");
  const blob = await repository.git("rev-parse", ":ä b.lock");
  await repository.git("update-index", "--add", "--cacheinfo", `100755,${blob},tools/deep/run`);
  await repository.git("update-index", "--add", "--cacheinfo", `120000,${blob},link`);
  await repository.git("commit", "--quiet", "--message", "All");
  const commit = await repository.git("rev-parse", "HEAD");
  expect(await rootFiles(repository.path, commit)).toEqual(["ä b.lock"]);
  expect(await fileAt(repository.path, commit, "ä b.lock")).toEqual(Buffer.from([0, 255, 10]));
  expect(await fileAt(repository.path, commit, "tools/deep/run")).toEqual(Buffer.from([0, 255, 10]));
  for (const path of ["link", "tools", "tools/run", "gone/run", "", "tools//deep/run"])
    await expect(fileAt(repository.path, commit, path)).rejects.toThrow(`has no file ${path}`);
  await expect(fileAt(repository.path, "d4".repeat(20), "link")).rejects.toThrow("git cat-file failed");
});

test.each(["commit", "tree", "blob"])(
  "a %s that `git replace` puts in another's place changes nothing",
  async (type) => {
    const { repository, first, second } = await open();
    const of = (commit: string) => ({ commit, tree: `${commit}^{tree}`, blob: `${commit}:a.lock` })[type]!;
    await repository.git("replace", of(first), of(second));
    expect(await repository.git("show", `${first}:a.lock`)).toBe("evil");
    expect(await read(repository, first)).toBe("good");
  },
);

test.each(["commit", "tree", "blob"])("a %s that was written under another's id is refused", async (type) => {
  const { repository, first, second } = await open();
  const of = (commit: string) => ({ commit, tree: `${commit}^{tree}`, blob: `${commit}:a.lock` })[type]!;
  const [id, other] = await Promise.all([first, second].map((commit) => repository.git("rev-parse", of(commit))));
  const at = (name = "") => join(repository.path, ".git/objects", name.slice(0, 2), name.slice(2));
  const planted = await readFile(at(other));
  await rm(at(id), { force: true });
  await writeFile(at(id), planted);
  await expect(read(repository, first)).rejects.toThrow(/is not what its id says|git cat-file failed/);
});

test("objects that the job's environment points to have no say", async () => {
  const [{ repository, first }, elsewhere] = [await open(), await newRepository()];
  onTestFinished(() => void vi.unstubAllEnvs());
  vi.stubEnv("GIT_OBJECT_DIRECTORY", join(elsewhere.path, ".git/objects"));
  vi.stubEnv("GIT_ALTERNATE_OBJECT_DIRECTORIES", join(elsewhere.path, ".git/objects"));
  vi.stubEnv("GIT_CONFIG_COUNT", "nonsense");
  expect(await read(repository, first)).toBe("good");
  expect(await rootFiles(repository.path, first)).toEqual(["a.lock"]);
});
