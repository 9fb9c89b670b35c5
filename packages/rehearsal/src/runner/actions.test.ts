import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { temporaryFolder } from "../temporary-folder.ts";
import type { JobResult } from "./job.ts";
import { TestRepository } from "./test-repository.ts";

let repository: TestRepository;
afterAll(() => repository.close());

beforeAll(async () => {
  repository = await TestRepository.make();
  repository.publish({
    "package.json": '{"type": "module"}',
    "greet/action.yml": `
name: Greet
description: Says hello
inputs:
  who: {description: Whom, default: world}
  long name: {description: Spaces}
  token: {description: Token, default: "\${{ github.token }}"}
outputs: {greeting: {description: What was said}}
runs: {using: node24, pre: pre.js, main: main.js, post: post.js}`,
    "greet/pre.js": `import { appendFileSync as add } from "node:fs";
console.log("pre", process.env.INPUT_WHO);
add(process.env.GITHUB_STATE, "early=yes\\n");`,
    "greet/main.js": `import { appendFileSync as add } from "node:fs";
const { env } = process;
console.log("main", env.INPUT_WHO, env["INPUT_LONG_NAME"], env.STATE_early, Boolean(env.INPUT_TOKEN), Boolean(env.ACTIONS_RUNTIME_TOKEN), env.GITHUB_ACTION);
add(env.GITHUB_OUTPUT, "greeting=Hello " + env.INPUT_WHO + "\\n");
add(env.GITHUB_STATE, "who<<E\\n" + env.INPUT_WHO + "\\nE\\n");
if (env.INPUT_WHO === "nobody") process.exit(1);`,
    "greet/post.js": `console.log("post", process.env.STATE_who, process.env.STATE_early, process.env.INPUT_WHO);`,
    "on-failure/action.yml":
      "name: F\ndescription: f\nruns: {using: node24, main: main.js, post: main.js, post-if: failure()}",
    "on-failure/main.js": 'console.log("on-failure", process.argv.length);',
    "compose/action.yml": `
name: Compose
description: Uses others
inputs: {who: {description: Whom, default: Ada}, empty: {description: Not given}}
outputs: {greeting: {description: From inside, value: "\${{ steps.inner.outputs.said }}"}}
runs:
  using: composite
  steps:
    - run: echo "path $(basename "$GITHUB_ACTION_PATH") $(basename "\${{ github.action_path }}") <\${{ inputs.empty }}> $OUTER"
      shell: bash
    - id: inner
      uses: $/sub
      with: {who: "\${{ inputs.who }}"}
    - if: failure()
      run: echo not this one
      shell: bash`,
    "compose/sub/action.yml": `
name: Sub
description: One level down
inputs: {who: {description: Whom}}
outputs: {said: {description: Said, value: "\${{ steps.g.outputs.greeting }}!"}}
runs: {using: composite, steps: [{id: g, uses: $/plain, with: {who: "\${{ inputs.who }}"}}]}`,
    "compose/plain/action.yml":
      "name: P\ndescription: p\ninputs: {who: {description: w}}\nruns: {using: node24, main: ../../greet/main.js, post: ../../greet/post.js}",
    "docker/action.yml": "name: D\ndescription: d\nruns: {using: docker, image: Dockerfile}",
    "hidden/action.yml": "name: H\ndescription: h\nruns: {using: composite, steps: [{uses: goatnote/docker@v1}]}",
    "early/action.yml": "name: E\ndescription: e\nruns: {using: composite, steps: [{uses: goatnote/greet@v1}]}",
  });
});

const workflow = (steps: string) => `
on: push
jobs:
  test:
    runs-on: ubuntu-latest
    outputs: {greeting: "\${{ steps.a.outputs.greeting }}"}
    steps:
${steps.replace(/^/gm, "      ")}`;
const run = async (steps: string): Promise<JobResult> => (await repository.run(workflow(steps))).jobs[0]!;
const printed = (job: JobResult) => job.log.split("\n").filter((line) => line !== "" && !line.startsWith("##["));

describe("JavaScript actions", () => {
  test("pre, main and post share inputs and state; post runs in reverse order", async () => {
    const job = await run(`- id: a
  uses: goatnote/greet@v1
  with: {"Long Name": "x y"}
- uses: goatnote/greet@main
  with: {WHO: two}`);
    expect(printed(job)).toEqual([
      "pre world",
      "pre world",
      "main world x y yes true true a",
      "main two undefined yes true true __goatnote_greet",
      "post two yes two",
      "post world yes world",
    ]);
    expect(job.outputs).toEqual({ greeting: "Hello world" });
    expect(job.annotations).toEqual([]);
  });

  test("post runs after a failure, and post-if decides", async () => {
    const fine = await run("- uses: goatnote/on-failure@v1");
    expect(printed(fine)).toEqual(["on-failure 2"]);
    const failed = await run("- uses: goatnote/on-failure@v1\n- uses: goatnote/greet@v1\n  with: {who: nobody}");
    expect(printed(failed).slice(-2)).toEqual(["post nobody yes nobody", "on-failure 2"]);
    expect(failed.conclusion).toBe("failure");
  });

  test("an input that the action does not have gets a warning", async () => {
    const job = await run("- uses: goatnote/greet@v1\n  with: {whom: x}");
    expect(job.annotations).toEqual([
      { kind: "warning", message: "Unexpected input(s) 'whom', valid inputs are ['who', 'long name', 'token']" },
    ]);
  });
});

describe("composite actions", () => {
  test("see their own inputs and steps, use their neighbours, and give outputs", async () => {
    const job = await run('- id: a\n  uses: goatnote/compose@v1\n  env: {OUTER: outer}\n- run: echo "<$OUTER>"');
    expect(printed(job)).toEqual([
      "path compose compose <> outer",
      expect.stringMatching(/^main Ada undefined undefined false true /),
      "<>",
      "post Ada undefined Ada",
    ]);
    expect(job.outputs).toEqual({ greeting: "Hello Ada!" });
    expect(job.steps).toHaveLength(3);
  });

  test("fail when a step inside fails, after its own failure() steps", async () => {
    const job = await run("- uses: goatnote/compose@v1\n  with: {who: nobody}\n- run: echo no");
    expect(printed(job)).toContain("not this one");
    expect(job.steps.map(({ conclusion }) => conclusion)).toEqual(["failure", "skipped", "success"]);
  });

  test("are found in the workspace, in the actions folder and in the monorepo's own form", async () => {
    repository.commit({
      "local/action.yml": "name: L\ndescription: l\nruns: {using: composite, steps: [{run: echo local, shell: bash}]}",
    });
    const job = await run(
      "- uses: actions/checkout@v7\n- uses: ./local\n- uses: $/compose/sub\n- uses: $/dist/compose/sub",
    );
    expect(printed(job).filter((line) => /^(local|main)/.test(line))).toHaveLength(3);
    expect(job.conclusion).toBe("success");
  });
});

describe("refused by name, before anything runs", () => {
  const job = (yaml: string) => `
on: push
jobs:
  first: {runs-on: ubuntu-latest, steps: [{run: "true"}]}
  test:
${yaml.replace(/^/gm, "    ")}`;
  const withStep = (step: string) => job(`runs-on: ubuntu-latest\nsteps: [${step}]`);
  test.each([
    ["Docker actions", withStep("{uses: 'docker://alpine'}")],
    ["Docker actions", withStep("{uses: goatnote/docker@v1}")],
    ["Docker actions", withStep("{uses: goatnote/hidden@v1}")],
    ["Docker actions", withStep("{uses: ./docker-here}")],
    ["the action someone/unknown@v1", withStep("{uses: someone/unknown@v1}")],
    ["the action goatnote/nothing@v1", withStep("{uses: goatnote/nothing@v1}")],
    ["`pre` inside a composite action", withStep("{uses: goatnote/early@v1}")],
    ["containers", job("runs-on: ubuntu-latest\ncontainer: alpine\nsteps: [{run: 'true'}]")],
    ["services", job("runs-on: ubuntu-latest\nservices: {db: {image: postgres}}\nsteps: [{run: 'true'}]")],
    ["reusable workflows", job("uses: ./.github/workflows/other.yml")],
    ["background steps", withStep("{run: 'true', background: true}")],
    ["wait steps", withStep("{wait: [x]}")],
    ["parallel steps", withStep("{parallel: [{run: 'true'}]}")],
  ])("%s", async (name, yaml) => {
    repository.commit({ "docker-here/action.yml": "name: D\ndescription: d\nruns: {using: docker, image: x}" });
    const before = repository.backend.state.runs.size;
    await expect(repository.run(yaml)).rejects.toThrow(`does not support ${name}`);
    expect(repository.backend.state.runs.size).toBe(before);
  });

  test.each([
    ["an unknown key", workflow("- run: 'true'\n  shel: bash"), "Unexpected value 'shel'"],
    ["a circle of needs", job("needs: test\nruns-on: x\nsteps: [{run: 'true'}]"), "test"],
    ["an unknown context", workflow("- run: echo ${{ nope.x }}"), "Unrecognized named-value: 'nope'"],
    ["broken YAML", "on: [push", "not a valid workflow"],
  ])("%s is an error of the file", async (_, yaml, message) => {
    await expect(repository.run(yaml)).rejects.toThrow(message);
  });
});

describe("stand-ins", () => {
  test("checkout: history, filter, credentials and a second path", async () => {
    const first = repository.commit({ "file.txt": "one\n" });
    const job = await run(`- uses: actions/checkout@v7
- run: git rev-list --count HEAD; git branch --show-current
- uses: actions/checkout@v7
  with: {ref: ${first}, path: other, fetch-depth: 0, filter: "blob:none", persist-credentials: false}
- run: git -C other log --format=%H -1; cat other/file.txt; git -C other config --get-regexp extraheader || echo none
- run: git fetch --quiet --unshallow origin && git rev-list --count HEAD | sed 's/[0-9][0-9]*/many/'`);
    expect(printed(job).filter((line) => !line.startsWith("Checked out"))).toEqual([
      "1",
      "main",
      first,
      "one",
      "none",
      "many",
    ]);
    expect(job.conclusion).toBe("success");
  });

  test("pushes reach the repository with contents: write, and not without", async () => {
    const pushing = (permission: string) => `
on: push
permissions: {contents: ${permission}}
jobs:
  test:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v7
      - run: git push --quiet origin HEAD:refs/telemetry/${permission}`;
    expect((await repository.run(pushing("write"))).conclusion).toBe("success");
    expect((await repository.run(pushing("read"))).conclusion).toBe("failure");
    expect(repository.git("for-each-ref", "--format=%(refname)", "refs/telemetry")).toBe("refs/telemetry/write");
  });

  test("artifacts go from job to job and from run to run", async () => {
    const made = await repository.run(`
on: push
jobs:
  make:
    runs-on: ubuntu-latest
    strategy: {matrix: {n: [1, 2]}}
    steps:
      - run: mkdir -p out/deep && echo "from \${{ matrix.n }}" > out/deep/\${{ matrix.n }}.txt && echo x > out/skip.log && touch out/.hidden
      - uses: actions/upload-artifact@v7
        with: {name: "part-\${{ matrix.n }}", path: "out\\n!out/*.log"}
      - uses: actions/upload-artifact@v7
        with: {name: "all-\${{ matrix.n }}", path: out, include-hidden-files: true}
  take:
    needs: make
    runs-on: ubuntu-latest
    steps:
      - uses: actions/download-artifact@v8
        with: {pattern: part-*, merge-multiple: true, path: merged}
      - uses: actions/download-artifact@v8
        with: {name: all-2, path: all}
      - uses: actions/download-artifact@v8
        with: {path: apart, pattern: part-*}
      - run: find all -type f | sort | xargs
      - run: find merged apart -type f | sort | xargs
      - uses: actions/download-artifact@v8
        with: {name: none}
`);
    const take = made.jobs.at(-1)!;
    expect(printed(take)).toContain(
      "apart/part-1/deep/1.txt apart/part-2/deep/2.txt merged/deep/1.txt merged/deep/2.txt",
    );
    expect(printed(take)).toContain("all/.hidden all/deep/2.txt all/skip.log");
    expect(take.annotations[0]?.message).toContain("Artifact not found for name: none");
    const later = await repository.run(`
on: push
permissions: {actions: read}
jobs:
  test:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/download-artifact@v8
        with: {name: part-2, run-id: ${made.runId}, github-token: "\${{ github.token }}"}
      - run: cat deep/2.txt`);
    expect(printed(later.jobs[0]!).at(-1)).toBe("from 2");
  });

  test("the cache comes back in a later run", async () => {
    const steps = `- id: a
  uses: actions/cache@v6
  with: {path: kept, key: k-1, restore-keys: k-}
- run: echo "hit <\${{ steps.a.outputs.cache-hit }}> $(cat kept/file || true)"; mkdir -p kept && echo content > kept/file`;
    expect(printed(await run(steps)).some((line) => line.startsWith("hit <>"))).toBe(true);
    expect(printed(await run(steps))).toContain("hit <true> content");
    expect(printed(await run(steps.replace("key: k-1", "key: k-2")))).toContain("hit <false> content");
  });

  test("setup says which tool serves", async () => {
    const job = await run("- uses: actions/setup-node@v7\n  with: {node-version: 99}");
    expect(printed(job)[0]).toMatch(/^The machine's node \d+\.\d+\.\d+ serves/);
  });

  test("setup gives python its name where the machine has python3 only", async () => {
    const bin = temporaryFolder();
    for (const [name, script] of [
      ["python3", 'echo "Python 3.99.1 $1"'],
      ["python", "exit 127"],
    ] as const)
      writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    const steps = "- uses: actions/setup-python@v6\n- run: python hello";
    const { jobs } = await repository.run(workflow(steps), { env: { PATH: bin } });
    expect(printed(jobs[0]!).at(-1)).toBe("Python 3.99.1 hello");
  });

  test("an input that is not played is refused", async () => {
    const job = await run("- uses: actions/checkout@v7\n  with: {submodules: true}");
    expect(job.annotations[0]?.message).toContain("does not support submodules: true of actions/checkout@v7");
  });

  test("an archive entry cannot leave its folder", async () => {
    const { zip } = await import("@goatnote/attestation");
    const folder = temporaryFolder();
    writeFileSync(join(folder, "evil.zip"), zip([{ name: "../../evil.txt", content: Buffer.from("x") }]));
    const steps = `- run: cp ${folder}/evil.zip e.zip
- uses: actions/upload-artifact@v7
  with: {name: e, path: e.zip}`;
    const made = await repository.run(workflow(steps));
    const artifact = repository.backend.state.artifacts.find(({ runId }) => runId === made.runId)!;
    const blob = repository.backend.state.blobs.get(artifact.blob)!;
    blob.content = zip([{ name: "../evil.txt", content: Buffer.from("x") }]);
    artifact.digest = "";
    const { jobs } = await repository.run(`
on: push
permissions: {actions: read}
jobs:
  test:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/download-artifact@v8
        with: {name: e, run-id: ${made.runId}, github-token: "\${{ github.token }}"}`);
    expect(jobs[0]!.annotations[0]?.message).toContain("outside its folder");
  });
});
