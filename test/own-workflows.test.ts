/**
 * Our own workflows, rehearsed with our own actions as they are built now. The project in them is small and has scripts of the
 * same names; the job that builds the flake is rehearsed with Nix (`test/nix/own-flake.fork.test.ts`).
 */
import { execFileSync } from "node:child_process";
import {
  appendFileSync,
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, delimiter, dirname, join } from "node:path";
import { startSigstore } from "@goatnote/rehearsal";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse, stringify } from "yaml";
import { unzip } from "../packages/rehearsal/src/runner/standins/zip.ts";
import { actionNames } from "../scripts/action-names.ts";
import { build } from "../scripts/build.ts";
import { publish } from "../scripts/publish.ts";
import { Lab, type Outcome } from "./loop/lab.ts";
import { localeVariables } from "./reproducibility/machine.ts";

interface Step {
  id?: string;
  uses?: string;
  run?: string;
  with?: Record<string, string>;
}

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

/** The parts that fuzz are alike. */
function nightlyOfOneShard(): string {
  const content = parse(workflow("nightly.yml"));
  content.jobs.fuzz.strategy.matrix.shard = [1];
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
  const tools = mkdtempSync(join(tmpdir(), "tools-"));
  beforeAll(async () => {
    // As every hosted runner has it, and not every machine. No setting of this one is changed by a test.
    writeFileSync(join(tools, "sudo"), '#!/bin/sh\n[ "$1" = sysctl ]\n', { mode: 0o755 });
    const files = {
      ...project,
      ".github/workflows/ci.yml": without("ci.yml", "hermetic"),
      ".github/workflows/record.yml": workflow("record.yml"),
      ".github/workflows/nightly.yml": nightlyOfOneShard(),
    };
    lab = await Lab.make(files, { env: { PATH: tools } });
  });
  afterAll(async () => {
    await lab.close();
    rmSync(tools, { recursive: true });
  });

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
    expect(nightly.summary).toContain("Nothing failed, so nothing is told of recall");
  });
});

describe("the job that pushes a release", () => {
  const folder = mkdtempSync(join(tmpdir(), "release-"));
  afterAll(() => rmSync(folder, { recursive: true }));
  const actions = actionNames().slice(0, 2);
  const mono = join(folder, "mono");
  const git = (at: string, ...args: string[]) =>
    execFileSync("git", ["-C", at, "-c", "user.name=o", "-c", "user.email=o@example.org", ...args], {
      encoding: "utf8",
    }).trim();

  beforeAll(() => {
    for (const action of actions) {
      // Without the bundles, which are the greater part and no other matter for git.
      cpSync(join(built, action), join(mono, "dist", action), {
        recursive: true,
        filter: (file) => basename(file) !== "bundle",
      });
      mkdirSync(join(mono, "actions", action), { recursive: true });
      cpSync(join(root, "actions", action, "action.yml"), join(mono, "actions", action, "action.yml"));
      writeFileSync(join(mono, "actions", action, "package.json"), '{"version":"1.2.3"}');
    }
    for (const script of ["publish.ts", "release-tree.ts", "action-names.ts"])
      cpSync(join(root, "scripts", script), join(mono, "scripts", script));
    git(folder, "init", "--quiet", "mono");
    git(mono, "add", "--all", "--force");
    git(mono, "commit", "--quiet", "--message", "x");
  });

  /** A release that is packed and not pushed yet, with empty repositories to push to. */
  function packed() {
    const at = mkdtempSync(join(folder, "run-"));
    const [workspace, remotes] = [join(at, "workspace"), join(at, "remotes")];
    for (const action of actions) execFileSync("git", ["init", "--quiet", "--bare", join(remotes, `${action}.git`)]);
    const remote = `file://${remotes}/{action}.git`;
    const releases = publish(mono, { actions, remote, output: join(workspace, "release") });
    return { at, workspace, remotes, remote, releases };
  }

  /** What the job that builds again names. Nothing is installed where it runs. */
  const listed = (remote: string) =>
    execFileSync(process.execPath, ["scripts/publish.ts", "--remote", remote, "--list"], {
      cwd: mono,
      encoding: "utf8",
    });

  /** Runs the job's scripts, in order. */
  function push({ at, workspace, remotes, remote }: ReturnType<typeof packed>): void {
    const bin = join(at, "bin");
    mkdirSync(bin);
    writeFileSync(join(bin, "gh"), `#!/bin/sh\necho "$@" >> "${at}/gh.log"\n`);
    chmodSync(join(bin, "gh"), 0o755);
    const RELEASES = listed(remote).trimEnd();
    const { jobs } = parse(workflow("release.yml"));
    for (const { run } of jobs.push.steps.filter((step: { run?: string }) => step.run))
      execFileSync("bash", ["--noprofile", "--norc", "-eo", "pipefail", "-c", run], {
        cwd: workspace,
        stdio: "pipe",
        env: {
          PATH: `${bin}:${process.env.PATH}`,
          HOME: at,
          RUNNER_TEMP: at,
          RELEASES,
          GITHUB_WORKSPACE: workspace,
          GITHUB_STEP_SUMMARY: join(at, "summary.md"),
          GIT_CONFIG_COUNT: "1",
          GIT_CONFIG_KEY_0: `url.file://${remotes}/.insteadOf`,
          GIT_CONFIG_VALUE_0: "https://github.com/goatnote/",
        },
      });
  }

  test("checks out no code of ours: git alone brings what was packed to each repository", () => {
    const run = packed();
    push(run);
    for (const { action, commit, tree } of run.releases) {
      const at = join(run.remotes, `${action}.git`);
      expect(git(at, "rev-parse", "refs/heads/v1", "refs/tags/v1.2.3", "v1.2.3^{tree}")).toBe(
        `${commit}\n${commit}\n${tree}`,
      );
      expect(readFileSync(join(run.at, "summary.md"), "utf8")).toContain(`goatnote/${action} v1.2.3 ${tree}`);
      expect(readFileSync(join(run.at, "gh.log"), "utf8")).toContain(
        `release create v1.2.3 --repo goatnote/${action} --verify-tag`,
      );
    }
    expect(listed(run.remote), "nothing is new then").toBe("");
  });

  /** Puts another bundle in the place of the second action's, with a commit on top that `change` makes in a work tree. */
  function otherBundle({ at, workspace }: ReturnType<typeof packed>, change: (tree: string) => void): string {
    const [bundle, tree] = [join(workspace, "release", `${actions[1]}.bundle`), join(at, "evil")];
    git(at, "clone", "--quiet", "--branch", "v1", bundle, tree);
    change(tree);
    git(tree, "commit", "--quiet", "--all", "--allow-empty", "--message", "x");
    git(tree, "tag", "--force", "v1.2.3");
    git(tree, "bundle", "create", "--quiet", bundle, "v1", "v1.2.3");
    return tree;
  }
  const evil = (tree: string) => appendFileSync(join(tree, "action.yml"), "# evil\n");
  const archive = (workspace: string) => join(workspace, "release", `${actions[1]}-1.2.3.tar`);

  test.each<[string, (run: ReturnType<typeof packed>) => void, RegExp]>([
    ["another bundle beside the archive that is signed", (run) => otherBundle(run, evil), /commit and tree/],
    [
      "another bundle with its own archive",
      (run) => {
        const tree = otherBundle(run, evil);
        const prefix = `--prefix=${actions[1]}-1.2.3/`;
        git(tree, "archive", "--format=tar", prefix, `--output=${archive(run.workspace)}`, "v1.2.3");
      },
      /commit and tree/,
    ],
    ["the same tree on top of other commits", (run) => otherBundle(run, () => {}), /commit and tree/],
    [
      "a branch that goes further than the tag",
      ({ releases, ...run }) => {
        const tree = otherBundle({ releases, ...run }, evil);
        git(tree, "tag", "--force", "v1.2.3", releases[1]!.commit);
        git(tree, "bundle", "create", "--quiet", join(run.workspace, "release", `${actions[1]}.bundle`), "--all");
      },
      /at refs\/heads\/v1 /,
    ],
    [
      "another archive beside the right bundle",
      ({ workspace }) => appendFileSync(archive(workspace), "evil"),
      /is not the archive of v1\.2\.3/,
    ],
  ])("refuses %s, before anything is pushed", (_, spoil, message) => {
    const run = packed();
    spoil(run);
    let output = "";
    try {
      push(run);
    } catch (error) {
      output = String((error as { stdout?: Buffer }).stdout);
    }
    expect(actions.map((action) => git(join(run.remotes, `${action}.git`), "for-each-ref"))).toEqual(["", ""]);
    expect(output).toMatch(message);
  });
});

test("the release asks for a token for exactly the repositories that are published", () => {
  const { jobs } = parse(workflow("release.yml"));
  const { repositories } = jobs.push.steps.find(({ id }: { id?: string }) => id === "app").with;
  expect(repositories.split(",").sort()).toEqual(actionNames().sort());
});

describe("a release, from packing to pushing", () => {
  const folder = mkdtempSync(join(tmpdir(), "release-"));
  const remote = join(folder, "remotes/small.git");
  let lab: Lab;
  let sign: Record<string, string>;
  let verify: Record<string, string>;

  beforeAll(async () => {
    const script = (name: string): string => readFileSync(join(root, "scripts", name), "utf8");
    mkdirSync(join(folder, "bin"));
    writeFileSync(join(folder, "bin/gh"), `#!/bin/sh\necho "$@" >> "${folder}/gh.log"\n`, { mode: 0o755 });
    execFileSync("git", ["init", "--quiet", "--bare", remote]);
    lab = await Lab.make(
      {
        ...project,
        "scripts/build.ts": 'import { cpSync } from "node:fs";\ncpSync("sources", "dist", { recursive: true });\n',
        ...Object.fromEntries(
          ["publish.ts", "release-tree.ts", "action-names.ts", "sbom.ts"].map((name) => [
            `scripts/${name}`,
            script(name),
          ]),
        ),
        "actions/small/action.yml": "name: small\n",
        "actions/small/package.json": '{"version":"1.0.0"}',
        ...Object.fromEntries(
          // Two of one name, as actions with sub-actions have them.
          ["action.yml", "sub/action.yml", "README.md", "LICENSE", "licences.txt"].flatMap((name) =>
            ["sources", "dist"].map((at) => [`${at}/small/${name}`, name === "licences.txt" ? "\n" : `${name}\n`]),
          ),
        ),
      },
      {
        env: {
          ...localeVariables(),
          PATH: [join(folder, "bin"), dirname(process.execPath)].join(delimiter),
          GIT_CONFIG_COUNT: "1",
          GIT_CONFIG_KEY_0: `url.file://${folder}/remotes/.insteadOf`,
          GIT_CONFIG_VALUE_0: "https://github.com/goatnote/",
        },
      },
    );
    const { fulcioUrl, rekorUrl, tsaUrl, trustedRoot } = await startSigstore(lab.backend);
    const rootFile = join(folder, "trusted_root.json");
    writeFileSync(rootFile, JSON.stringify(trustedRoot));
    const services = { "fulcio-url": fulcioUrl, "rekor-url": rekorUrl, "tsa-url": tsaUrl };
    sign = { sigstore: "custom", ...services, "trusted-root": rootFile };
    verify = { "trusted-root": rootFile, issuer: lab.backend.url };
  });
  afterAll(async () => {
    await lab.close();
    rmSync(folder, { recursive: true });
  });

  /**
   * Rehearses release.yml with the Sigstore of this machine, in the repository of the rehearsal.
   * @param meanwhile what happens between signing and pushing
   */
  async function release(meanwhile?: string) {
    const content = parse(workflow("release.yml").replaceAll("goatnote/actions", "octo/lab"));
    const { attest, push } = content.jobs as Record<string, { steps: Step[] }>;
    for (const step of attest!.steps) if (step.uses === "$/dist/slsa-attest") Object.assign(step.with!, sign);
    push!.steps = push!.steps.flatMap((step) => {
      if (step.uses === "$/dist/slsa-attest/verify")
        return [...(meanwhile ? [{ run: meanwhile }] : []), { ...step, with: { ...step.with, ...verify } }];
      // There is no app; a folder needs no token.
      return step.id === "app" ? [{ id: "app", run: 'echo token=of-the-app >> "$GITHUB_OUTPUT"' }] : [step];
    });
    const sha = lab.commit({ ".github/workflows/release.yml": stringify(content) });
    const event = { name: "workflow_dispatch", payload: {} };
    return lab.rehearse({ workflow: ".github/workflows/release.yml", event, ref: "refs/heads/main", sha });
  }
  const conclusions = (run: Outcome) => ["pack", "reproduce", "attest", "push"].map((job) => run.conclusionOf(job));
  const refs = () => execFileSync("git", ["-C", remote, "for-each-ref", "--format=%(refname)"], { encoding: "utf8" });

  test("what was changed after it was signed is not pushed", async () => {
    const run = await release("echo evil >> release/small-1.0.0.tar");
    expect(conclusions(run), run.log).toEqual(["success", "success", "success", "failure"]);
    expect(run.annotations("error").join("\n")).toContain("1 of 2 artifacts are not verified");
    expect(refs()).toBe("");
  });

  test("what is new is built twice, signed, verified and pushed, with its SBOM", async () => {
    const run = await release();
    expect(conclusions(run), run.log).toEqual(["success", "success", "success", "success"]);
    expect(run.outputs("repro-check")).toMatchObject([{ verdict: "identical" }]);
    expect(run.outputs("slsa-attest/verify")).toMatchObject([{ verified: "2", level: "2" }]);
    expect(lab.backend.state.attestations.length).toBeGreaterThan(1);
    expect(refs()).toBe("refs/heads/v1\nrefs/tags/v1.0.0\n");
    const said = readFileSync(join(folder, "gh.log"), "utf8");
    const [, ...files] = said.match(/release create v1\.0\.0 --repo goatnote\/small .*See CHANGELOG\.md\. (.*)/) ?? [];
    expect(files[0]?.split(" ")).toEqual([
      "release/small-1.0.0.tar",
      "release/sbom.cdx.json",
      expect.stringMatching(/^attestations\/.*\.intoto\.jsonl$/),
      expect.stringMatching(/^attestations\/.*\.intoto\.jsonl$/),
    ]);
    const [packed] = run.artifacts(/^release$/);
    const sbom = unzip(packed!.content).find(({ name }) => name === "sbom.cdx.json");
    expect(JSON.parse(sbom!.content.toString())).toMatchObject({
      bomFormat: "CycloneDX",
      components: [{ purl: "pkg:github/goatnote/small@v1.0.0" }],
    });
  });

  test("where nothing is new, nothing is signed or pushed, and it ends well", async () => {
    const run = await release();
    expect(run.conclusion, run.log).toBe("success");
    expect(conclusions(run)).toEqual(["success", "success", "skipped", "skipped"]);
  });
});

test.each([
  [".github/workflows/release.yml", "push", "app"],
  ["workflows-examples/release.yml", "scan", "Scan"],
  ["workflows-examples/release.yml", "deploy", "Deploy"],
])("%s: the job %s takes what was made before by its id, and verifies it first", (file, job, then) => {
  const { steps } = parse(readFileSync(join(root, file), "utf8")).jobs[job] as {
    steps: { id?: string; name?: string; uses?: string; with?: Record<string, string> }[];
  };
  const downloads = steps.filter(({ uses }) => uses?.startsWith("actions/download-artifact@"));
  expect(downloads).toHaveLength(2);
  for (const { with: inputs } of downloads) expect(inputs).toMatchObject({ "artifact-ids": expect.any(String) });
  const verify = steps.findIndex(({ uses }) => uses?.includes("slsa-attest/verify"));
  expect(verify).toBeGreaterThan(-1);
  expect(verify).toBeLessThan(steps.findIndex(({ id, name }) => id === then || name === then));
});

test("what is pushed is signed by this workflow on main, for this commit, by hand, on GitHub's machines", () => {
  const { jobs } = parse(workflow("release.yml"));
  const verify = jobs.push.steps.find(({ uses }: { uses?: string }) => uses === "$/dist/slsa-attest/verify");
  const signed = jobs.attest.steps.find(({ uses }: { uses?: string }) => uses === "$/dist/slsa-attest");
  expect(verify.with).toEqual({
    "subject-path": signed.with["subject-path"],
    "bundle-path": "attestations/*.intoto.jsonl",
    "source-repository": "goatnote/actions",
    "source-ref": "refs/heads/main",
    "source-digest": "${{ github.sha }}",
    "signer-workflow": "goatnote/actions/.github/workflows/release.yml@refs/heads/main",
    trigger: "workflow_dispatch",
    runner: "github-hosted",
  });
});
