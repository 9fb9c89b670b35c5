/** The examples of repro-check over a small project, with real make, tar and gcc. */
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { localeVariables } from "../reproducibility/machine.ts";
import { Lab, root } from "./lab.ts";

let clean: Lab;
let leaky: Lab;
const tools = mkdtempSync(join(tmpdir(), "tools-"));
const workflow = ".github/workflows/ci.yml";
const pack = "tar --sort=name --owner=0 --group=0 --numeric-owner --mode=go=rX,u+rw --mtime=@0";
const example = (name: string): string => readFileSync(join(root, "workflows-examples", name), "utf8");
const makefile = (command: string): string =>
  `dist: src/a.txt src/b.txt\n\tmkdir -p dist\n\t${command} -cf dist/out.tar src\n`;
const files = { "src/a.txt": "a\n", "src/b.txt": "b\n", ".gitignore": "dist\n" };

beforeAll(async () => {
  const make = (command: string): Promise<Lab> =>
    Lab.make(
      { ...files, Makefile: makefile(command), [workflow]: example("reproducible.yml") },
      { env: localeVariables() },
    );
  clean = await make(pack);
  leaky = await make("tar");
});
afterAll(async () => {
  for (const lab of [clean, leaky]) await lab?.close();
  rmSync(tools, { recursive: true, force: true });
});

test("reproducible.yml: a clean build passes, and its verdict names its scope", async () => {
  const { result, outputs } = await clean
    .push()
    .then((run) => ({ result: run.result, outputs: run.outputs("repro-check")[0]! }));
  expect(result.conclusion).toBe("success");
  expect(outputs).toMatchObject({ verdict: "identical", causes: "" });
  expect(outputs.varied!.split(",")).toEqual(
    expect.arrayContaining(["path", "home", "timezone", "umask", "mtimes", "environment"]),
  );
});

test("reproducible.yml: a leaky build fails, beside the line that packs, and leaves both results", async () => {
  const run = await leaky.push();
  expect(run.result.conclusion).toBe("failure");
  expect(run.outputs("repro-check")[0]).toMatchObject({ verdict: "different" });
  expect(run.outputs("repro-check")[0]!.causes!.split(",")).toEqual(expect.arrayContaining(["mtime", "permissions"]));
  expect(run.artifacts(/^repro-check$/)).toHaveLength(1);
  const summaries = run.result.jobs.map(({ summary }) => summary).join("");
  expect(summaries).toContain("Makefile:3");
});

test("reproducible-machines.yml: two legs on one machine are no two machines, and nothing is attested", async () => {
  await clean.push({ [workflow]: example("reproducible-machines.yml") }).then((run) => {
    expect(run.artifacts(/^manifest-/)).toHaveLength(2);
    expect(run.outputs("repro-check/compare")[0]).toMatchObject({ verdict: "not-checked", digest: "" });
    expect(run.outputs("slsa-attest")[0] ?? {}).toEqual({});
    expect(run.result.conclusion).toBe("failure");
    expect(run.result.jobs.map(({ summary }) => summary).join("")).toContain("The legs come from one machine");
  });
});

/**
 * Before the comparison, one manifest says that it comes from another machine, or that something else was published. In place
 * of signing, for which there is no service here and which has tests of its own, what would be signed is listed.
 */
const compareAfter = (script: string): string =>
  example("reproducible-machines.yml")
    .replace("      # Fails unless", () => `      - run: |\n          ${script}\n      # Fails unless`)
    .replace(/ {6}- uses: goatnote\/slsa-attest@v1[\s\S]*$/, "      - run: ls dist | sed 's/^/attested /'\n");
const otherMachine = `sed -i -E 's/"machine":"sha256:[0-9a-f]{64}"/"machine":"sha256:${"0".repeat(64)}"/' manifests/manifest-ubuntu-22.04/manifest.json`;

test("reproducible-machines.yml: what two machines built the same is attested, and nothing else is", async () => {
  const same = await clean.push({ [workflow]: compareAfter(otherMachine) });
  expect(same.outputs("repro-check/compare")[0], same.log).toMatchObject({ verdict: "identical" });
  expect(same.result.conclusion, same.log).toBe("success");
  expect(same.log).toContain("attested out.tar");
  const other = await clean.push({ [workflow]: compareAfter(`${otherMachine}; echo x >> dist/out.tar`) });
  expect(other.outputs("repro-check/compare")[0], other.log).toMatchObject({ verdict: "different" });
  expect(other.log).not.toContain("attested out.tar");
});

/** What GitHub's command line does with a release, by a folder. */
function standInForGh(asset: Buffer | string): void {
  mkdirSync(join(tools, "assets"), { recursive: true });
  writeFileSync(join(tools, "assets/out.tar"), asset);
  const script = `#!/bin/sh\n[ "$2" = view ] && echo v1.0.0 && exit\nmkdir -p assets && cp "${tools}/assets/out.tar" assets/\n`;
  writeFileSync(join(tools, "gh"), script);
  chmodSync(join(tools, "gh"), 0o755);
  if (!process.env.PATH!.startsWith(tools)) process.env.PATH = `${tools}${delimiter}${process.env.PATH}`;
}

test("reproducible-release.yml: a release is what its tag builds, or is not", async () => {
  execFileSync("make", ["--silent", "dist"], { cwd: clean.folder });
  const asset = readFileSync(join(clean.folder, "dist/out.tar"));
  clean.commit({ [workflow]: example("reproducible-release.yml") });
  clean.git("tag", "v1.0.0");
  const event = {
    name: "workflow_dispatch",
    payload: { repository: { full_name: "octo/lab", default_branch: "main" } },
  };
  standInForGh(asset);
  const same = await clean.rehearse({ event, ref: "refs/heads/main", sha: clean.head });
  expect(same.outputs("repro-check")[0]).toMatchObject({ verdict: "identical" });
  standInForGh("something else");
  const other = await clean.rehearse({ event, ref: "refs/heads/main", sha: clean.head });
  expect(other.outputs("repro-check")[0]).toMatchObject({ verdict: "different" });
  expect(other.result.conclusion).toBe("failure");
});
