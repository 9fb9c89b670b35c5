/**
 * Our own workflows, rehearsed with our own actions as they are built now. The project in them is small and has scripts of the
 * same names; the job that builds the flake needs Nix's own tests (`test/nix`) and is left out.
 */
import { execFileSync } from "node:child_process";
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse, stringify } from "yaml";
import { actionNames, build } from "../scripts/build.ts";
import { publish } from "../scripts/publish.ts";
import { Lab } from "./loop/lab.ts";

const built = await build();
const root = dirname(import.meta.dirname);
const workflow = (name: string): string => readFileSync(join(root, ".github/workflows", name), "utf8");

/** A workflow of ours without some jobs. */
function without(name: string, ...jobs: string[]): string {
  const content = parse(workflow(name));
  for (const job of jobs) {
    expect(content.jobs).toHaveProperty(job);
    delete content.jobs[job];
  }
  return stringify(content);
}

const testScript = `
import { mkdirSync, writeFileSync } from "node:fs";
const file = process.argv.map((arg) => /^--outputFile.junit=(.*)$/.exec(arg)?.[1]).find(Boolean);
mkdirSync("reports", { recursive: true });
writeFileSync(file, '<testsuite name="x.test.ts"><testcase classname="x.test.ts" name="adds" time="0.01"/></testsuite>');
`;
const manifest = { name: "small", version: "1.0.0", private: true };
const project = {
  "package.json": JSON.stringify({
    ...manifest,
    scripts: { test: "node test.mjs", peers: "node peers.mjs", fuzz: "node peers.mjs" },
  }),
  "package-lock.json": JSON.stringify({ ...manifest, lockfileVersion: 3, packages: { "": manifest } }),
  "test.mjs": testScript,
  "peers.mjs": "",
  "x.test.ts": "",
  ".ci/run": "echo checked\n",
};

describe("CI", () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await Lab.make({
      ...project,
      ".github/workflows/ci.yml": without("ci.yml", "hermetic"),
      ".github/workflows/record.yml": workflow("record.yml"),
      ".github/workflows/nightly.yml": workflow("nightly.yml"),
    });
  });
  afterAll(() => lab.close());

  test("a push runs all jobs, and what all of them have tested becomes history", async () => {
    const push = await lab.push();
    expect(push.conclusion, push.log).toBe("success");
    expect(push.records.map(({ variant }) => variant ?? null).sort()).toEqual(
      ["macos-latest", "windows-latest", null].sort(),
    );
  });

  test("a pull request writes nothing itself; main's code records it afterwards", async () => {
    const pull = await lab.pull({ "y.test.ts": "" });
    expect(pull.conclusion, pull.log).toBe("success");
    expect(pull.conclusionOf("record")).toBe("skipped");
    expect(pull.records).toEqual([]);
    const recorded = await lab.ended(pull, ".github/workflows/record.yml");
    expect(recorded.conclusion, recorded.log).toBe("success");
    expect(pull.records).toHaveLength(3);
  });

  test("every night everything is tested, recorded, learnt and scored", async () => {
    const nightly = await lab.rehearse({
      workflow: ".github/workflows/nightly.yml",
      event: { name: "schedule", payload: { schedule: "43 2 * * *" } },
      ref: "refs/heads/main",
      sha: lab.head,
    });
    expect(nightly.conclusion, nightly.log).toBe("success");
    expect(nightly.records).toHaveLength(1);
    expect(nightly.conclusionOf("train")).toBe("success");
    expect(nightly.summary).toContain("red changes would have stayed red");
  });
});

test("the job that pushes a release needs no code of ours: git alone brings what was packed to each repository", () => {
  const folder = mkdtempSync(join(tmpdir(), "release-"));
  try {
    const git = (at: string, ...args: string[]) =>
      execFileSync("git", ["-C", at, "-c", "user.name=o", "-c", "user.email=o@example.org", ...args], {
        encoding: "utf8",
      });
    const mono = join(folder, "mono");
    const actions = actionNames().slice(0, 2);
    for (const action of actions) {
      cpSync(join(built, action), join(mono, "dist", action), { recursive: true });
      mkdirSync(join(mono, "actions", action), { recursive: true });
      writeFileSync(join(mono, "actions", action, "package.json"), '{"version":"1.2.3"}');
      execFileSync("git", ["init", "--quiet", "--bare", join(folder, "remotes", `${action}.git`)]);
    }
    git(mono, "init", "--quiet");
    git(mono, "add", "--all", "--force");
    git(mono, "commit", "--quiet", "--message", "x");
    const workspace = join(folder, "workspace");
    const remote = `file://${join(folder, "remotes")}/{action}.git`;
    const packed = publish(mono, { actions, remote, output: join(workspace, "release") });

    const bin = join(folder, "bin");
    mkdirSync(bin);
    writeFileSync(join(bin, "gh"), `#!/bin/sh\necho "$@" >> "${folder}/gh.log"\n`);
    chmodSync(join(bin, "gh"), 0o755);
    const { jobs } = parse(workflow("release.yml"));
    const script = jobs.push.steps.find(({ name }: { name?: string }) => name === "Push").run;
    execFileSync("bash", ["--noprofile", "--norc", "-eo", "pipefail", "-c", script], {
      cwd: workspace,
      stdio: "pipe",
      env: {
        PATH: `${bin}:${process.env.PATH}`,
        HOME: folder,
        RUNNER_TEMP: folder,
        GITHUB_WORKSPACE: workspace,
        GITHUB_STEP_SUMMARY: join(folder, "summary.md"),
        GIT_CONFIG_COUNT: "1",
        GIT_CONFIG_KEY_0: `url.file://${join(folder, "remotes")}/.insteadOf`,
        GIT_CONFIG_VALUE_0: "https://github.com/goatnote/",
      },
    });
    for (const { action, commit, tree } of packed) {
      const at = join(folder, "remotes", `${action}.git`);
      expect(git(at, "rev-parse", "refs/heads/v1", "refs/tags/v1.2.3", "v1.2.3^{tree}").trim()).toBe(
        `${commit}\n${commit}\n${tree}`,
      );
      expect(readFileSync(join(folder, "summary.md"), "utf8")).toContain(`goatnote/${action} v1.2.3 ${tree}`);
      expect(readFileSync(join(folder, "gh.log"), "utf8")).toContain(
        `release create v1.2.3 --repo goatnote/${action} --verify-tag`,
      );
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("the release asks for a token for exactly the repositories that are published", () => {
  const { jobs } = parse(workflow("release.yml"));
  const { repositories } = jobs.push.steps.find(({ id }: { id?: string }) => id === "app").with;
  expect(repositories.split(",").sort()).toEqual(actionNames().sort());
});
