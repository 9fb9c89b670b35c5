/** manifest and compare as built actions: several machines by their manifests, a published result, and manifests of strangers. */
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { decodeManifest, encodeManifest } from "@goatnote/build-comparison";
import { afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { build } from "../../scripts/build.ts";
import { type Ended, runEntry } from "../loop/entry.ts";
import { project } from "./check.ts";

let actions: string;
let folder: string;
let remove: () => void;
beforeAll(async () => {
  actions = await build();
});
beforeEach(() => {
  ({ folder, remove } = project({ "dist/out": "made\n", "dist/doc/a": "a\n", ".gitignore": "dist\nlegs\n" }));
  const git = (...args: string[]): void => {
    execFileSync("git", ["-c", "user.name=Ada", "-c", "user.email=ada@example.org", ...args], { cwd: folder });
  };
  git("init", "--quiet");
  git("add", "--all");
  git("commit", "--quiet", "--message", "Start");
});
afterEach(() => remove());

/** The manifest of what is in `dist`, as if another machine had made it. */
async function leg(name: string, machine: string): Promise<void> {
  const { outputs, code } = await runEntry(actions, "repro-check/manifest", { artifacts: "dist" }, folder);
  expect(code).toBe(0);
  const manifest = decodeManifest(readFileSync(outputs.manifest!, "utf8"), "m");
  manifest.environment.machine = `sha256:${machine.repeat(64)}`;
  mkdirSync(join(folder, "legs", name), { recursive: true });
  writeFileSync(join(folder, "legs", name, "manifest.json"), encodeManifest(manifest));
}
const compare = (inputs: Record<string, string> = {}): Promise<Ended> =>
  runEntry(actions, "repro-check/compare", { manifests: "legs/*/manifest.json", ...inputs }, folder);

test("two machines that made the same", async () => {
  await leg("one", "1");
  await leg("two", "2");
  const { code, outputs, summary } = await compare();
  expect(code).toBe(0);
  expect(outputs).toMatchObject({ verdict: "identical", digest: expect.stringMatching(/^sha256:/) });
  expect(summary).toContain("The same on all machines");
});

test("what a link leads to is in the manifest, and a link out of the workspace or a folder of links is refused", async () => {
  const manifest = (artifacts: string): Promise<Ended> =>
    runEntry(actions, "repro-check/manifest", { artifacts }, folder);
  symlinkSync("dist/doc", join(folder, "result"));
  const { outputs } = await manifest("result");
  const { entries } = decodeManifest(readFileSync(outputs.manifest!, "utf8"), "m");
  expect(entries.map(({ path, type }) => [path, type])).toEqual([
    ["result", "directory"],
    ["result/a", "file"],
  ]);
  mkdirSync(join(folder, "links"));
  symlinkSync("../dist/out", join(folder, "links/out"));
  expect(await manifest("links")).toMatchObject({ code: 1, log: expect.stringContaining("holds no file") });
  symlinkSync("/etc", join(folder, "elsewhere"));
  expect(await manifest("elsewhere")).toMatchObject({ code: 1, log: expect.stringContaining("is a link to /etc") });
  symlinkSync(".", join(folder, "dist/all"));
  expect(await manifest("dist/all")).toMatchObject({ code: 1, log: expect.stringContaining("a folder above it") });
});

test("two that did not: the path, and the machine", async () => {
  await leg("one", "1");
  writeFileSync(join(folder, "dist/out"), "made otherwise\n");
  await leg("two", "2");
  const { code, outputs, summary, log } = await compare();
  expect(code).toBe(1);
  expect(outputs).toMatchObject({ verdict: "different", digest: "" });
  expect(log).toContain("1 path differs between one and two");
  expect(summary).toContain("dist/out");
  expect((await compare({ mode: "report" })).code).toBe(0);
});

test("what is built and committed is a result, and no other input; what is untracked is one", async () => {
  execFileSync("git", ["add", "--force", "dist"], { cwd: folder });
  execFileSync("git", ["-c", "user.name=Ada", "-c", "user.email=ada@example.org", "commit", "-qm", "dist"], {
    cwd: folder,
  });
  await leg("one", "1");
  writeFileSync(join(folder, "dist/out"), "made otherwise\n");
  await leg("two", "2");
  expect((await compare()).outputs.verdict).toBe("different");
  writeFileSync(join(folder, "dist/out"), "made\n");
  writeFileSync(join(folder, "config"), "a\n");
  await leg("one", "1");
  writeFileSync(join(folder, "config"), "b\n");
  await leg("two", "2");
  const { outputs, log } = await compare();
  expect(outputs.verdict).toBe("not-checked");
  expect(log).toContain("other uncommitted changes");
});

test("a leg that is missing fails", async () => {
  await leg("one", "1");
  expect(await compare()).toMatchObject({ code: 1, outputs: { verdict: "not-checked" } });
  await leg("two", "2");
  expect(await compare({ "min-legs": "3" })).toMatchObject({ code: 1, outputs: { verdict: "not-checked" } });
});

test("a leg that is named and not there, and a platform that is, fail", async () => {
  await leg("one", "1");
  await leg("two", "2");
  const named = "legs/one/manifest.json\nlegs/two/manifest.json\nlegs/three/manifest.json";
  const { outputs, log } = await compare({ manifests: named });
  expect(outputs.verdict, log).toBe("not-checked");
  expect(log).toContain("there is no manifest legs/three/manifest.json");
  expect((await compare({ platforms: "linux" })).outputs.verdict).toBe("identical");
  expect((await compare({ platforms: "linux\ndarwin" })).outputs.verdict).toBe("not-checked");
  expect((await compare({ platforms: "macos" })).log).toContain("Input `platforms` names");
});

test("no manifest at all fails", async () => {
  expect(await compare()).toMatchObject({ code: 1, outputs: { verdict: "not-checked" } });
});

test("what is published is one leg more", async () => {
  await leg("one", "1");
  await leg("two", "2");
  for (const name of ["out", "a"]) {
    mkdirSync(join(folder, "assets"), { recursive: true });
    writeFileSync(join(folder, "assets", name), name === "out" ? "made\n" : "a\n");
  }
  expect(await compare({ reference: "assets" })).toMatchObject({ code: 0, outputs: { verdict: "identical" } });
  writeFileSync(join(folder, "assets/out"), "tampered\n");
  expect(await compare({ reference: "assets" })).toMatchObject({ code: 1, outputs: { verdict: "different" } });
});

test("what is published is compared with every platform, and what no leg made is not passed", async () => {
  await leg("one", "1");
  await leg("two", "2");
  rmSync(join(folder, "dist"), { recursive: true });
  mkdirSync(join(folder, "dist"));
  writeFileSync(join(folder, "dist/app.exe"), "made for windows\n");
  for (const [name, machine] of [
    ["three", "3"],
    ["four", "4"],
  ] as const) {
    await leg(name, machine);
    const file = join(folder, "legs", name, "manifest.json");
    const manifest = decodeManifest(readFileSync(file, "utf8"), "m");
    manifest.environment.platform = "win32";
    writeFileSync(file, encodeManifest(manifest));
  }
  mkdirSync(join(folder, "assets"));
  for (const [name, text] of Object.entries({ out: "made\n", a: "a\n", "app.exe": "made for windows\n" }))
    writeFileSync(join(folder, "assets", name), text);
  const verdict = async () => (await compare({ reference: "assets", mode: "report" })).outputs.verdict;
  expect(await verdict()).toBe("identical");
  writeFileSync(join(folder, "assets/more.exe"), "by a stranger\n");
  expect(await verdict()).toBe("not-checked");
  writeFileSync(join(folder, "assets/app.exe"), "by a stranger\n");
  expect(await verdict()).toBe("different");
});

test("a manifest that says more than its digest is refused, and named", async () => {
  await leg("one", "1");
  await leg("two", "2");
  const file = join(folder, "legs/two/manifest.json");
  writeFileSync(file, readFileSync(file, "utf8").replace('"dist/out"', '"../../etc/passwd"'));
  const { code, log, outputs } = await compare();
  expect(code).toBe(1);
  expect(log).toContain("legs/two/manifest.json is not a manifest of repro-check");
  expect(outputs.verdict).toBeUndefined();
});

test("a published folder with two files of a name is what a build makes, file by file", async () => {
  for (const name of ["a", "b"]) {
    mkdirSync(join(folder, "assets", name), { recursive: true });
    writeFileSync(join(folder, "assets", name, "action.yml"), `name: ${name}\n`);
  }
  const build = 'mkdir -p dist/a dist/b; for name in a b; do echo "name: $name" > dist/$name/action.yml; done';
  const inputs = { build, artifacts: "dist", reference: "assets", vary: "none", mode: "report" };
  const check = (): Promise<Ended> => runEntry(actions, "repro-check", inputs, folder);
  expect((await check()).outputs.verdict).toBe("identical");
  // What is published as one is not what was built as the other.
  writeFileSync(join(folder, "assets/b/action.yml"), "name: a\n");
  const { outputs, summary, log } = await check();
  expect(outputs.verdict, log).toBe("different");
  expect(summary).toContain("What is published is not what was built");
  expect(summary).not.toContain("The builds differ");
});
