/** The example that builds a flake again, rehearsed with GitHub's semantics and a real Nix. */
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type Backend, rehearse, startBackend } from "@goatnote/rehearsal";
import { afterAll, beforeAll, expect, test } from "vitest";
import { build } from "../../scripts/build.ts";
import { describeWithPeer } from "../peers.ts";
import { type Lab, makeLab } from "./lab.ts";

const actions = await build(); // which may take longer than a hook
const workflow = ".github/workflows/reproducible-nix.yml";
const example = readFileSync(join(import.meta.dirname, "../../workflows-examples/reproducible-nix.yml"), "utf8");

describeWithPeer("nix", (program) => {
  let lab: Lab;
  let backend: Backend;
  beforeAll(async () => {
    lab = makeLab();
    backend = await startBackend({ repository: "octo/lab", defaultBranch: "main" });
    mkdirSync(join(lab.folder, "home"));
    mkdirSync(join(lab.folder, "tools"));
    symlinkSync(program, join(lab.folder, "tools/nix"));
    // The machine has libfaketime or has it not; nothing is installed by a test.
    writeFileSync(join(lab.folder, "tools/sudo"), '#!/bin/sh\n[ "$1" = apt-get ]\n', { mode: 0o755 });
  });
  afterAll(async () => {
    await backend.close();
    lab.remove();
  });

  /** A repository whose flake builds one thing by a script of busybox, and the run of the example for it. */
  async function run(name: string, script: string) {
    const repository = lab.flake(name, `packages.\${system}.default = make "app-1.0" ${JSON.stringify(script)};`);
    mkdirSync(dirname(join(repository, workflow)), { recursive: true });
    writeFileSync(join(repository, workflow), example);
    const git = (...args: string[]): string =>
      execFileSync("git", ["-c", "user.name=o", "-c", "user.email=o@example.org", ...args], {
        cwd: repository,
        encoding: "utf8",
      }).trim();
    git("init", "--quiet", "--initial-branch=main");
    git("add", "--all");
    git("commit", "--quiet", "--message", "x");
    const { conclusion, jobs } = await rehearse({
      workflow,
      repository,
      event: { name: "push", payload: {} },
      ref: "refs/heads/main",
      sha: git("rev-parse", "HEAD"),
      backend,
      actions,
      env: { ...lab.environment, HOME: join(lab.folder, "home"), PATH: join(lab.folder, "tools") },
    });
    const outputs = jobs.flatMap(({ steps }) => steps).find(({ name: step }) => step.includes("goatnote/repro-check@"));
    return { conclusion, log: jobs.map(({ log }) => log).join("\n"), outputs: outputs?.outputs ?? {} };
  }

  test("reproducible-nix.yml passes what is built the same again", { timeout: 300_000 }, async () => {
    const { conclusion, log, outputs } = await run("same", "echo hello > $out");
    expect(outputs, log).toMatchObject({ verdict: "identical", nondeterministic: "" });
    expect(conclusion, log).toBe("success");
  });

  test("reproducible-nix.yml fails for what is not, and names the cause", { timeout: 300_000 }, async () => {
    const { conclusion, log, outputs } = await run("other", "echo $NIX_BUILD_CORES $PWD > $out");
    expect(outputs, log).toMatchObject({ verdict: "different" });
    expect(outputs.causes!.split(",").sort()).toEqual(["build-path", "parallelism"]);
    expect(outputs.nondeterministic).toContain("app-1.0.drv");
    expect(conclusion).toBe("failure");
  });
});
