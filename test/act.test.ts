/** The same workflows by `act` and by our rehearsal: where the two disagree, ours is wrong until shown otherwise. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type Backend, rehearse, startBackend } from "@goatnote/rehearsal";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Account, rehearsalAccount, runAct } from "./act-account.ts";
import { describeWithPeer } from "./peers.ts";

const actions = {
  "greet/action.yml": `
name: Greet
description: A JavaScript action
inputs: {who: {description: Whom, default: world}}
outputs: {greeting: {description: What was said}}
runs: {using: node24, main: main.js, post: post.js}`,
  "greet/main.js": `
const { appendFileSync: add } = require("fs");
console.log("SAY main " + process.env.INPUT_WHO);
add(process.env.GITHUB_OUTPUT, "greeting=Hello " + process.env.INPUT_WHO + "\\n");
add(process.env.GITHUB_STATE, "who=" + process.env.INPUT_WHO + "\\n");`,
  "greet/post.js": 'console.log("SAY post " + process.env.STATE_who);',
  "both/action.yml": `
name: Both
description: A composite action
inputs: {who: {description: Whom, required: true}}
outputs: {said: {description: Said, value: "\${{ steps.g.outputs.greeting }}!"}}
runs:
  using: composite
  steps:
    - {id: g, uses: goatnote/greet@v1, with: {who: "\${{ inputs.who }}"}}
    - {run: 'echo "SAY composite $WHO \${{ steps.g.outputs.greeting }}"', shell: bash, env: {WHO: "\${{ inputs.who }}"}}`,
};

/** Jobs of workflows that both run. */
const shared: Record<string, string> = {
  "outputs go along needs": `
  a:
    runs-on: ubuntu-latest
    outputs: {n: "\${{ steps.x.outputs.n }}", many: "\${{ steps.x.outputs.many }}"}
    steps:
      - {id: x, run: 'echo n=5 >> "$GITHUB_OUTPUT"; printf "many<<E\\none\\ntwo\\nE\\n" >> "$GITHUB_OUTPUT"'}
  b:
    needs: [a]
    runs-on: ubuntu-latest
    steps: [{run: 'echo "SAY \${{ needs.a.outputs.n }} \${{ needs.a.result }} \${{ toJSON(needs.a.outputs.many) }}"'}]`,
  "a failure skips, and conditions see it": `
  a:
    runs-on: ubuntu-latest
    steps:
      - {id: bad, run: exit 1, continue-on-error: true}
      - {run: 'echo "SAY \${{ steps.bad.outcome }} \${{ steps.bad.conclusion }} \${{ job.status }}"'}
      - {run: exit 2}
      - {run: echo SAY never}
      - {if: failure(), run: echo SAY failed}
      - {if: always(), run: echo SAY always}
  b: {needs: a, runs-on: ubuntu-latest, steps: [{run: echo SAY never}]}
  c: {needs: a, if: always(), runs-on: ubuntu-latest, steps: [{run: 'echo "SAY \${{ needs.a.result }}"'}]}
  d: {needs: a, if: failure(), runs-on: ubuntu-latest, steps: [{run: echo SAY after failure}]}`,
  "a matrix with include and exclude": `
  a:
    runs-on: ubuntu-latest
    strategy:
      max-parallel: 1
      matrix:
        n: [1, 2]
        os: [x, y]
        exclude: [{n: 2, os: x}]
        include: [{n: 1, extra: e}, {n: 3, os: z}]
    steps: [{run: 'echo "SAY \${{ matrix.n }} \${{ matrix.os }} \${{ matrix.extra }}"'}]`,
  "env at three levels, and written by a step": `
  a:
    runs-on: ubuntu-latest
    env: {B: job, C: job}
    steps:
      - {run: 'echo "SAY $B $C \${{ env.C }}"', env: {C: step}}
      - {run: 'echo "C=file" >> "$GITHUB_ENV"; mkdir bin; printf "#!/bin/sh\\necho SAY tool" > bin/tool; chmod +x bin/tool; echo "$PWD/bin" >> "$GITHUB_PATH"'}
      - {run: 'echo "SAY $C \${{ env.C }}"; tool'}`,
  "JavaScript and composite actions with post": `
  a:
    runs-on: ubuntu-latest
    steps:
      - {id: g, uses: goatnote/greet@v1}
      - {id: b, uses: goatnote/both@v1, with: {who: Ada}}
      - {run: 'echo "SAY \${{ steps.g.outputs.greeting }} \${{ steps.b.outputs.said }}"'}`,
  expressions: `
  a:
    runs-on: ubuntu-latest
    steps:
      - {run: 'echo "SAY \${{ format(''{0}-{1}'', github.ref_name, github.event_name) }} \${{ contains(fromJSON(''[1,2]''), 2) }} \${{ 1 == ''1'' }} \${{ join(fromJSON(''["a","b"]''), ''+'') }}"'}
      - {if: "startsWith(github.ref, 'refs/heads/') && !endsWith(github.ref, 'x')", run: echo SAY on a branch}
      - {if: "\${{ github.event.missing.deep == null }}", run: echo SAY missing is null}
      - {if: "'' || 0", run: echo SAY never}`,
  "shells and folders": `
  a:
    runs-on: ubuntu-latest
    defaults: {run: {shell: sh}}
    steps:
      - {run: mkdir -p sub/deep}
      - {run: echo "SAY $(basename "$PWD")", working-directory: sub/deep}
      - {run: print("SAY python"), shell: python}
      - {run: false | true; echo SAY no pipefail in sh}
      - {run: false | true; echo SAY never, shell: bash}`,
  "masks and commands": `
  a:
    runs-on: ubuntu-latest
    steps:
      - run: |
          echo "::add-mask::hush-hush"
          echo "SAY hush-hush"
          echo "::stop-commands::pause"
          echo "SAY ::add-mask::visible"
          echo "::pause::"
          echo "SAY visible"`,
};

/** What act 0.2.89 cannot do or does otherwise than GitHub. Each is tried; one that act has learned belongs above. */
const gaps: Record<string, string> = {
  "the permission artifact-metadata": `
  a: {runs-on: ubuntu-latest, permissions: {artifact-metadata: write}, steps: [{run: echo SAY ran}]}`,
  "self references ($/)": `
  a: {runs-on: ubuntu-latest, steps: [{uses: $/greet}]}`,
  "ID tokens": `
  a: {runs-on: ubuntu-latest, permissions: {id-token: write}, steps: [{run: 'echo "SAY \${ACTIONS_ID_TOKEN_REQUEST_URL:+asked}"'}]}`,
};

describeWithPeer("act", (act) => {
  const folder = mkdtempSync(join(tmpdir(), "act-"));
  const repository = join(folder, "repository");
  let backend: Backend;
  beforeAll(async () => {
    backend = await startBackend({ repository: "goatnote/example" });
    for (const [name, content] of Object.entries(actions)) write(join(folder, "actions", name), content);
    mkdirSync(repository);
    git("init", "--quiet", "--initial-branch", "main");
    git("remote", "add", "origin", "https://github.com/goatnote/example");
  });
  afterAll(async () => {
    await backend?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const git = (...args: string[]) => execFileSync("git", ["-C", repository, ...args], { encoding: "utf8" }).trim();
  const write = (file: string, content: string) => {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
  };

  function commit(jobs: string): string {
    write(join(repository, ".github/workflows/t.yml"), `on: push\nenv: {A: workflow, B: workflow}\njobs:${jobs}\n`);
    git("add", "--all");
    git("-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "--quiet", "--message", "Change");
    return git("rev-parse", "HEAD");
  }

  async function byUs(sha: string): Promise<Account> {
    const { jobs } = await rehearse({
      workflow: ".github/workflows/t.yml",
      repository,
      event: { name: "push", payload: {} },
      ref: "refs/heads/main",
      sha,
      backend,
      actions: join(folder, "actions"),
    });
    return rehearsalAccount(jobs);
  }

  const byAct = (): Promise<Account> =>
    runAct(act, {
      event: "push",
      workflow: ".github/workflows/t.yml",
      repository,
      home: folder,
      actions: Object.fromEntries(
        ["greet", "both"].map((name) => [`goatnote/${name}@v1`, join(folder, "actions", name)]),
      ),
    });

  test.each(Object.entries(shared))("%s", async (_, jobs) => {
    const sha = commit(jobs);
    const [ours, theirs] = [await byUs(sha), await byAct()];
    expect(Object.keys(ours).length).toBeGreaterThan(0);
    expect(ours).toEqual(theirs);
  });

  test.each(Object.entries(gaps))("act does not do %s", async (_, jobs) => {
    const sha = commit(jobs);
    const [ours, theirs] = [await byUs(sha), await byAct()];
    expect(Object.values(ours)[0]).toMatchObject({ result: "success" });
    expect(theirs).not.toEqual(ours);
  });
});
