/** The example as its readers copy it, rehearsed with GitHub's semantics and a real Nix. */
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { readSigningKey } from "@goatnote/nix-store";
import { type Backend, rehearse, startBackend } from "@goatnote/rehearsal";
import { afterAll, beforeAll, expect, test } from "vitest";
import { build } from "../../scripts/build.ts";
import { describeWithPeer } from "../peers.ts";
import { imageScript, type Lab, makeLab } from "./lab.ts";

const actions = await build(); // which may take longer than a hook
const workflow = ".github/workflows/hermetic.yml";
const example = readFileSync(join(import.meta.dirname, "../../workflows-examples/hermetic.yml"), "utf8");

describeWithPeer("nix", (program) => {
  let lab: Lab;
  let backend: Backend;
  let repository: string;
  let key: { secret: string; publicKey: string };
  beforeAll(async () => {
    lab = makeLab();
    backend = await startBackend({ repository: "octo/lab", defaultBranch: "main" });
    repository = lab.flake(
      "repository",
      `packages.\${system} = { default = make "app-1.0" "echo hello > $out"; image = make "image.tar" ${imageScript("")}; };`,
    );
    mkdirSync(dirname(join(repository, workflow)), { recursive: true });
    writeFileSync(join(repository, workflow), example);
    git("init", "--quiet", "--initial-branch=main");
    git("add", "--all");
    git("commit", "--quiet", "--message", "x");
    mkdirSync(join(lab.folder, "tools"));
    symlinkSync(program, join(lab.folder, "tools/nix"));
    const secret = execFileSync(program, ["key", "generate-secret", "--key-name", "lab-1"], {
      encoding: "utf8",
      env: { ...process.env, ...lab.environment },
    }).trim();
    key = { secret, publicKey: readSigningKey(secret).publicKey };
  });
  afterAll(async () => {
    await backend.close();
    lab.remove();
  });

  const git = (...args: string[]): string =>
    execFileSync("git", ["-c", "user.name=o", "-c", "user.email=o@example.org", ...args], {
      cwd: repository,
      encoding: "utf8",
    }).trim();

  /** Each run is on a machine whose store is empty. */
  async function run(event: "push" | "fork") {
    for (const name of ["store", "state", "home"]) {
      const at = join(lab.folder, name);
      mkdirSync(at, { recursive: true });
      execFileSync("chmod", ["-R", "u+w", at]);
      rmSync(at, { recursive: true });
    }
    mkdirSync(join(lab.folder, "home"));
    const sha = git("rev-parse", "HEAD");
    const pull = {
      number: 7,
      head: { ref: "change", sha, repo: { full_name: "stranger/lab" } },
      base: { ref: "main", sha },
    };
    const { conclusion, jobs } = await rehearse({
      workflow,
      repository,
      event:
        event === "fork"
          ? { name: "pull_request", payload: { action: "opened", pull_request: pull } }
          : { name: "push", payload: {} },
      ref: event === "fork" ? "refs/pull/7/merge" : "refs/heads/main",
      sha,
      backend,
      actions,
      vars: { NIX_CACHE_PUBLIC_KEY: key.publicKey },
      secrets: { NIX_CACHE_SIGNING_KEY: key.secret },
      env: { ...lab.environment, HOME: join(lab.folder, "home"), PATH: join(lab.folder, "tools") },
    });
    return { conclusion, log: jobs.map(({ log }) => log).join("\n"), jobs };
  }

  test("hermetic.yml proves, signs and saves; a fork's pull request builds from that cache", async () => {
    const push = await run("push");
    expect(push.conclusion, push.log).toBe("success");
    expect(push.log).toContain("hermetic=true");
    expect(push.log).toContain("Cache saved");
    expect(push.log).not.toContain(key.secret.slice(10));
    const fork = await run("fork");
    expect(fork.conclusion, fork.log).toBe("success");
    expect(fork.log).toContain("built=0");
    expect(fork.jobs.map(({ conclusion }) => conclusion)).toEqual([
      ...["success", "success", "success", "success"], // both systems, the image, the report
      "skipped",
    ]);
    for (const { summary } of [push, fork].flatMap(({ jobs }) => jobs.filter(({ name }) => name.startsWith("Report"))))
      expect(summary).toMatch(/\| x86_64-linux \| true \| passed \| \d \| \d \| 0 \|/);
  });
});
