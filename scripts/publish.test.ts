/** Publishing with real git into bare repositories on this machine, and the published trees run alone. */
import { execFileSync } from "node:child_process";
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { rehearse, startBackend } from "@goatnote/rehearsal";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { actionNames } from "./action-names.ts";
import { build } from "./build.ts";
import { publish } from "./publish.ts";
import { gitText, releaseTree, treeHash } from "./release-tree.ts";

const built = await build();
const actions = actionNames();
const folder = mkdtempSync(join(tmpdir(), "publish-test-"));
afterAll(() => rmSync(folder, { recursive: true }));

/**
 * A repository like ours whose `dist/` is a fresh build, committed, with every action at version 1.0.0.
 * @param without names that are left out
 */
function monorepo(name: string, of = actions, without: string[] = []): string {
  const root = join(folder, name);
  const filter = (file: string) => !without.includes(basename(file));
  for (const action of of) cpSync(join(built, action), join(root, "dist", action), { recursive: true, filter });
  gitText(root, ["init", "--quiet", "--initial-branch=main"]);
  commit(root, "1.0.0");
  return root;
}

function commit(root: string, version: string, date = "2026-01-02T03:04:05+05:00"): string {
  for (const action of actions) {
    mkdirSync(join(root, "actions", action), { recursive: true });
    writeFileSync(join(root, "actions", action, "package.json"), JSON.stringify({ version }));
  }
  const who = { GIT_AUTHOR_NAME: "o", GIT_AUTHOR_EMAIL: "o@example.org", GIT_AUTHOR_DATE: date };
  const env = { ...who, GIT_COMMITTER_NAME: "o", GIT_COMMITTER_EMAIL: "o@example.org", GIT_COMMITTER_DATE: date };
  gitText(root, ["add", "--all", "--force"]);
  gitText(root, ["commit", "--quiet", "--allow-empty", "--message", version], { env });
  return gitText(root, ["rev-parse", "HEAD"]);
}

/** Empty bare repositories, one per action. @returns the URL with `{action}` in it */
function remotes(name: string, of = actions): string {
  for (const action of of)
    execFileSync("git", ["init", "--quiet", "--bare", "--initial-branch=v1", join(folder, name, `${action}.git`)]);
  return `file://${join(folder, name)}/{action}.git`;
}

const refs = (remote: string): string[] =>
  gitText(folder, ["ls-remote", remote])
    .split("\n")
    .filter(Boolean)
    .map((line) => line.split("\t")[1] as string);

const whole = monorepo("here");

test("two clones in different folders publish the same trees and commits, and one is what git itself names it", () => {
  const second = monorepo("a folder/of another depth");
  const [one, two] = [whole, second].map((root) => publish(root, { actions }));
  const names = (of: typeof one) => of?.map(({ action, tree, commit }) => [action, tree, commit]);
  expect(names(one)).toEqual(names(two));
  expect(one).toHaveLength(actions.length);
  for (const { action, tree } of one ?? []) {
    const inGit = gitText(whole, ["rev-parse", `HEAD:dist/${action}`]);
    if (action === "nix-hermetic-build") expect(tree).not.toBe(inGit);
    else expect(tree).toBe(inGit);
  }
});

test("a tree's name is the one that git computes, also where names sort otherwise as folders", () => {
  const root = join(folder, "names");
  mkdirSync(join(root, "dist/x/a/deep"), { recursive: true });
  const content = {
    "a.b": "1",
    "a/c": "2",
    "a/deep/d": "",
    a0: "3",
    é: "4",
    LICENSE: "",
    "README.md": "",
    "action.yml": "",
    "licences.txt": "",
  };
  for (const [name, text] of Object.entries(content)) writeFileSync(join(root, "dist/x", name), text);
  writeFileSync(join(root, "dist/x/tool.sh"), "#!/bin/sh\n", { mode: 0o755 });
  gitText(root, ["init", "--quiet"]);
  commit(root, "1.0.0");
  expect(treeHash(releaseTree(root, "HEAD", "x"))).toBe(gitText(root, ["rev-parse", "HEAD:dist/x"]));
});

describe("in one action's repository", () => {
  const action = "telemetry-upload";
  let root: string;
  let remote: string;
  let count = 0;
  const run = (options = {}) => publish(root, { actions: [action], remote, ...options })[0]!;
  beforeEach(() => {
    // The bundle is the greater part, and no other matter for git.
    root = monorepo(`mono-${++count}`, [action], ["bundle"]);
    remote = remotes(`remote-${count}`, [action]).replace("{action}", action);
  });

  test("a dry run writes nothing, a push writes branch and tag, and doing it again changes nothing", () => {
    const dry = run();
    expect(refs(remote)).toEqual([]);
    const pushed = run({ push: true });
    expect(pushed).toEqual(dry);
    expect(refs(remote)).toEqual(["HEAD", "refs/heads/v1", "refs/tags/v1.0.0"]);
    const clone = join(folder, `clone-${count}`);
    execFileSync("git", ["clone", "--quiet", "--branch", "v1", remote, clone]);
    expect(gitText(clone, ["rev-parse", "HEAD^{tree}"])).toBe(dry.tree);
    expect(gitText(clone, ["rev-parse", "v1.0.0"])).toBe(dry.commit);
    expect(gitText(clone, ["log", "-1", "--format=%an|%ae|%cn|%at|%ct|%(trailers:key=Source,valueonly)"])).toBe(
      `GOATnote Autonomous Research Lab Initiative|info@thegoatnote.com|GOATnote Autonomous Research Lab Initiative|${Date.parse("2026-01-02T03:04:05+05:00") / 1000}|${Date.parse("2026-01-02T03:04:05+05:00") / 1000}|goatnote/actions@${gitText(root, ["rev-parse", "HEAD"])}`,
    );
    expect(existsSync(join(clone, ".github"))).toBe(false);
    expect(run({ push: true })).toMatchObject({ published: true, commit: dry.commit });
  });

  test("the next version is a commit on top of the last, and the tags stay", () => {
    const first = run({ push: true });
    appendFileSync(join(root, "dist", action, "README.md"), "\nMore.\n");
    commit(root, "1.1.0");
    const second = run({ push: true });
    expect(second.parent).toBe(first.commit);
    expect(refs(remote)).toEqual(["HEAD", "refs/heads/v1", "refs/tags/v1.0.0", "refs/tags/v1.1.0"]);
    expect(gitText(folder, ["ls-remote", remote, "refs/tags/v1.0.0"])).toContain(first.commit);
  });

  test("another major version has a branch of its own", () => {
    run({ push: true });
    commit(root, "2.0.0");
    expect(run({ push: true }).parent).toBeUndefined();
    commit(root, "1.0.1");
    expect(run({ push: true })).toMatchObject({ branch: "v1", tag: "v1.0.1" });
    expect(refs(remote)).toEqual([
      "HEAD",
      "refs/heads/v1",
      "refs/heads/v2",
      "refs/tags/v1.0.0",
      "refs/tags/v1.0.1",
      "refs/tags/v2.0.0",
    ]);
  });

  test("a bundle is all that a job without this code needs to push the same", () => {
    run({ push: true });
    appendFileSync(join(root, "dist", action, "README.md"), "\nMore.\n");
    commit(root, "1.0.1");
    const output = join(folder, `output-${count}`);
    const { commit: hash, tree } = run({ output });
    expect(readdirSync(output).sort()).toEqual([`${action}-1.0.1.tar`, `${action}.bundle`]);
    const pusher = join(folder, `pusher-${count}.git`);
    execFileSync("git", ["clone", "--quiet", "--bare", remote, pusher]);
    gitText(pusher, [
      "fetch",
      "--quiet",
      join(output, `${action}.bundle`),
      "refs/heads/v1:refs/heads/v1",
      "refs/tags/*:refs/tags/*",
    ]);
    expect(gitText(pusher, ["rev-parse", "v1.0.1", "refs/heads/v1", "v1.0.1^{tree}"])).toBe(
      `${hash}\n${hash}\n${tree}`,
    );
    const archived = execFileSync("tar", ["-tf", join(output, `${action}-1.0.1.tar`)], { encoding: "utf8" });
    expect(archived).toContain(`${action}-1.0.1/action.yml\n`);
  });

  test.each([
    ["changed file in dist/", () => appendFileSync(join(root, "dist", action, "main.js"), "//"), "committed"],
    ["file that git does not know", () => writeFileSync(join(root, "dist", action, "new.js"), ""), "committed"],
    [
      "version that is not committed",
      () => writeFileSync(join(root, "actions", action, "package.json"), '{"version":"1.0.2"}'),
      "committed",
    ],
    ["version that is none yet", () => commit(root, "0.0.0"), "no released version"],
    ["pre-release", () => commit(root, "1.0.0-rc.1"), "no released version"],
    [
      "workflow in it",
      () => {
        mkdirSync(join(root, "dist", action, ".github/workflows"), { recursive: true });
        writeFileSync(join(root, "dist", action, ".github/workflows/x.yml"), "");
        commit(root, "1.0.0");
      },
      "no workflows",
    ],
    [
      "tree without a licence",
      () => {
        rmSync(join(root, "dist", action, "LICENSE"));
        commit(root, "1.0.0");
      },
      "has no LICENSE",
    ],
    [
      "reference into the monorepo",
      () => {
        appendFileSync(join(root, "dist", action, "action.yml"), "# uses: $/dist/other/run\n");
        commit(root, "1.0.0");
      },
      "not in the action's own repository",
    ],
  ])("a %s is refused", (_, spoil, message) => {
    spoil();
    expect(() => run({ push: true })).toThrow(message);
    expect(refs(remote)).toEqual([]);
  });

  test("a tag that is there with another tree is refused, and so is a version that does not rise", () => {
    run({ push: true });
    appendFileSync(join(root, "dist", action, "README.md"), "\nMore.\n");
    commit(root, "1.0.0");
    expect(() => run({ push: true })).toThrow("A tag never changes");
    commit(root, "1.2.0");
    run({ push: true });
    commit(root, "1.1.9");
    expect(() => run({ push: true })).toThrow("v1.1.9 does not rise above v1.2.0");
  });

  test("a tag that the branch does not have is refused, also with the right tree", () => {
    const bare = remote.replace("file://", "");
    const { commit: hash, tree } = run({ push: true });
    appendFileSync(join(root, "dist", action, "README.md"), "\nMore.\n");
    commit(root, "1.0.1");
    run({ push: true });
    // Below the tip is where a release lies that is not the latest.
    gitText(root, ["checkout", "--quiet", "HEAD^"]);
    expect(run()).toMatchObject({ published: true, commit: hash });
    const beside = gitText(bare, ["commit-tree", tree], {
      input: "beside",
      env: {
        GIT_AUTHOR_NAME: "o",
        GIT_AUTHOR_EMAIL: "o@example.org",
        GIT_COMMITTER_NAME: "o",
        GIT_COMMITTER_EMAIL: "o@example.org",
      },
    });
    gitText(bare, ["update-ref", "refs/heads/v1", beside]);
    expect(() => run({ push: true })).toThrow(`the branch v1 does not have its commit ${hash}`);
    gitText(bare, ["update-ref", "-d", "refs/heads/v1"]);
    expect(() => run({ push: true })).toThrow(`the branch v1 does not have its commit ${hash}`);
  });

  test("a tag v1 is refused: beside the branch v1 nobody could tell which is meant", () => {
    const { commit: hash } = run({ push: true });
    gitText(remote.replace("file://", ""), ["update-ref", "refs/tags/v1", hash]);
    commit(root, "1.0.1");
    expect(() => run()).toThrow("has a tag v1");
  });

  test("where somebody else publishes in between, nothing of this release arrives", () => {
    const bare = remote.replace("file://", "");
    run({ push: true });
    commit(root, "1.0.1");
    const hook = join(bare, "hooks/update");
    writeFileSync(hook, '#!/bin/sh\n[ "$1" != refs/heads/v1 ]\n', { mode: 0o755 });
    expect(() => run({ push: true })).toThrow();
    expect(refs(remote)).toEqual(["HEAD", "refs/heads/v1", "refs/tags/v1.0.0"]);
  });

  test("what arrives is compared: a server that stores something else is noticed", () => {
    const bare = remote.replace("file://", "");
    const other = gitText(root, ["rev-parse", "HEAD"]);
    gitText(bare, ["fetch", "--quiet", root, "HEAD"]);
    writeFileSync(join(bare, "hooks/post-update"), `#!/bin/sh\ngit update-ref refs/tags/v1.0.0 ${other}\n`, {
      mode: 0o755,
    });
    expect(() => run({ push: true })).toThrow(/has the tree [0-9a-f]{40} at refs\/tags\/v1\.0\.0/);
  });
});

describe("what is published runs alone", () => {
  const alone = join(folder, "alone");
  beforeAll(() => {
    const remote = remotes("published");
    publish(whole, { actions, remote, push: true });
    rmSync(whole, { recursive: true });
    for (const action of actions)
      execFileSync("git", [
        "clone",
        "--quiet",
        "--branch",
        "v1.0.0",
        "-c",
        "advice.detachedHead=false",
        remote.replace("{action}", action),
        join(alone, action),
      ]);
  });

  /** Rehearses one step in an empty repository; the actions are the clones and nothing else. */
  async function step(text: string) {
    const repository = mkdtempSync(join(folder, "user-"));
    gitText(repository, ["init", "--quiet", "--initial-branch=main"]);
    const workflow = `on: push\npermissions: {}\njobs:\n  a:\n    runs-on: ubuntu-latest\n    permissions:\n      contents: read\n    steps:\n${text.replace(/^/gm, "      ")}\n`;
    mkdirSync(join(repository, ".github/workflows"), { recursive: true });
    writeFileSync(join(repository, ".github/workflows/a.yml"), workflow);
    const sha = commit(repository, "1.0.0");
    const backend = await startBackend({ repository: "octo/lab" });
    try {
      const result = await rehearse({
        workflow: ".github/workflows/a.yml",
        repository,
        event: { name: "push", payload: {} },
        ref: "refs/heads/main",
        sha,
        backend,
        actions: alone,
      });
      return { conclusion: result.conclusion, log: result.jobs.map(({ log }) => log).join("\n"), jobs: result.jobs };
    } finally {
      await backend.close();
    }
  }

  test("a report is read and becomes a record", async () => {
    const { conclusion, log, jobs } = await step(`- uses: actions/checkout@v7
- run: mkdir reports && echo '<testsuite name="s"><testcase classname="c" name="t" time="0.1"/></testsuite>' > reports/a.xml
- uses: goatnote/telemetry-upload@v1
  with:
    paths: reports/*.xml`);
    expect(conclusion, log).toBe("success");
    expect(jobs[0]?.steps.find(({ name }) => name.includes("telemetry-upload"))?.outputs.tests).toBe("1");
  });

  test("a build is compared with itself", async () => {
    const { conclusion, log } = await step(`- uses: actions/checkout@v7
- uses: goatnote/repro-check@v1
  with:
    build: mkdir -p out && echo same > out/a
    artifacts: out
    vary: path`);
    expect(conclusion, log).toBe("success");
    expect(log).toContain("identical");
  });

  // The composite reaches its own folder by the one reference that publishing rewrites.
  test("the composite starts the action in its own folder, which refuses a wrong input", async () => {
    const { conclusion, log } = await step(`- uses: actions/checkout@v7
- uses: goatnote/nix-hermetic-build@v1
  with:
    install-nix: never
    require-hermetic: perhaps`);
    expect(conclusion).toBe("failure");
    expect(log).toContain("require-hermetic");
  });

  test.each([
    ["ml-test-select", "mode: sometimes", "mode"],
    ["sops-decrypt", "files: nothing.yaml", "nothing.yaml"],
    ["slsa-attest", "subject-path: nothing", "nothing"],
  ])("%s starts, and says what is wrong with an input", async (action, input, named) => {
    const { conclusion, log } = await step(
      `- uses: actions/checkout@v7\n- uses: goatnote/${action}@v1\n  with:\n    ${input}`,
    );
    expect(conclusion).toBe("failure");
    expect(log).toMatch(new RegExp(`::error::?.*${named}|##\\[error\\].*${named}|error.*${named}`, "i"));
  });
});
