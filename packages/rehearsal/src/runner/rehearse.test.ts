import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { JobResult } from "./job.ts";
import type { RehearsalOptions } from "./rehearse.ts";
import { TestRepository } from "./test-repository.ts";

let repository: TestRepository;
beforeAll(async () => {
  repository = await TestRepository.make();
});
afterAll(() => repository.close());

/** A workflow of one job with these steps. */
const steps = (yaml: string, job = "") => `
on: push
jobs:
  test:
    runs-on: ubuntu-latest
${job.replace(/^/gm, "    ")}
    steps:
${yaml.replace(/^/gm, "      ")}`;

async function runSteps(yaml: string, job = "", options: Partial<RehearsalOptions> = {}): Promise<JobResult> {
  const { jobs } = await repository.run(steps(yaml, job), options);
  return jobs[0]!;
}

/** Lines that steps printed, without the headings. */
const printed = (job: JobResult) => job.log.split("\n").filter((line) => line !== "" && !line.startsWith("##["));

describe("steps", () => {
  const conclusions = (job: JobResult) => job.steps.map(({ outcome, conclusion }) => `${outcome}/${conclusion}`);

  test.each<[string, string, string[], string]>([
    [
      "a failure skips what follows, unless it asks for failure or always",
      `- run: exit 3
- run: echo no
- if: failure()
  run: echo failure
- if: always()
  run: echo always
- if: cancelled()
  run: echo cancelled`,
      ["failure/failure", "skipped/skipped", "success/success", "success/success", "skipped/skipped"],
      "failure",
    ],
    [
      "continue-on-error hides a failure from the job, not from the outcome",
      `- id: bad
  run: exit 1
  continue-on-error: true
- if: steps.bad.outcome == 'failure' && steps.bad.conclusion == 'success'
  run: echo seen`,
      ["failure/success", "success/success"],
      "success",
    ],
    [
      "a condition without a status function asks for success",
      `- run: exit 1
- if: 1 == 1
  run: echo no
- if: \${{ !cancelled() }}
  run: echo yes`,
      ["failure/failure", "skipped/skipped", "success/success"],
      "failure",
    ],
    [
      "text around an expression is always true",
      `- if: "\${{ false }} == true"
  run: echo trap`,
      ["success/success"],
      "success",
    ],
    [
      "a step that takes too long fails",
      `- run: sleep 30
  timeout-minutes: 0.005
- if: failure()
  run: echo timed out`,
      ["failure/failure", "success/success"],
      "failure",
    ],
    ["pipefail is only on when the shell is named", "- run: false | cat", ["success/success"], "success"],
    ["pipefail with shell: bash", "- {run: false | cat, shell: bash}", ["failure/failure"], "failure"],
    ["a process left behind does not hold the step", "- run: sleep 300 & echo started", ["success/success"], "success"],
  ])("%s", async (_, yaml, expected, conclusion) => {
    const job = await runSteps(yaml);
    expect(conclusions(job)).toEqual(expected);
    expect(job.conclusion).toBe(conclusion);
  });

  test.each<[string, string, string[]]>([
    ["python", '- {shell: python, run: "print(1 + 1)"}', ["2"]],
    ["a custom shell", "- {shell: 'cat {0}', run: verbatim}", ["verbatim"]],
    ["sh", "- {shell: sh, run: 'echo $0 | grep -c sh'}", ["1"]],
    [
      "a block with an expression in it",
      "- shell: python\n  run: |\n    if ${{ true && 'True' }}:\n      print('kept')",
      ["kept"],
    ],
    ["a working directory", "- run: mkdir sub\n- {run: basename $PWD, working-directory: sub}", ["sub"]],
  ])("run by %s", async (_, yaml, lines) => {
    expect(printed(await runSteps(yaml))).toEqual(lines);
  });

  test("see env of workflow, job and step, the nearest first", async () => {
    const workflow = `
on: push
env: {A: workflow, B: workflow, C: workflow}
defaults: {run: {shell: bash}}
jobs:
  test:
    runs-on: ubuntu-latest
    env: {B: job, C: job}
    steps:
      - run: echo $A $B $C \${{ env.A }} \${{ env.C }}
        env: {C: step, D: "\${{ env.B }}"}
      - run: echo "C=file" >> "$GITHUB_ENV"
      - run: echo $C \${{ env.C }}`;
    expect(printed((await repository.run(workflow)).jobs[0]!)).toEqual([
      "workflow job step workflow step",
      "file file",
    ]);
  });

  test("get the environment GitHub documents and nothing of the developer's", async () => {
    process.env.DEVELOPERS_SECRET = "leak";
    const job = await runSteps("- run: env", "", { env: { PATH: "/opt/extra", EXTRA: "1" } });
    delete process.env.DEVELOPERS_SECRET;
    const env = Object.fromEntries(printed(job).map((line) => line.split(/=(.*)/s).slice(0, 2)));
    expect(env).toMatchObject({
      CI: "true",
      GITHUB_ACTIONS: "true",
      GITHUB_REPOSITORY: "octo/lab",
      GITHUB_REF_NAME: "main",
      GITHUB_JOB: "test",
      RUNNER_OS: expect.any(String),
      EXTRA: "1",
      PATH: expect.stringMatching(/^\/opt\/extra:/),
    });
    const unwanted = ["DEVELOPERS_SECRET", "GITHUB_TOKEN", "ACTIONS_RUNTIME_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"];
    expect(Object.keys(env).filter((name) => unwanted.includes(name) || name.startsWith("npm_"))).toEqual([]);
  });
});

describe("file commands", () => {
  test("outputs, several lines, PATH and summary", async () => {
    const job = await runSteps(
      `- id: out
  run: |
    echo "one=1" >> "$GITHUB_OUTPUT"
    printf 'many<<EOT\\na\\nb=c\\nEOT\\n' >> "$GITHUB_OUTPUT"
    mkdir bin && printf '#!/bin/sh\\necho tool' > bin/tool && chmod +x bin/tool
    echo "$PWD/bin" >> "$GITHUB_PATH"
    echo "# First" >> "$GITHUB_STEP_SUMMARY"
- run: tool; echo "# Second" >> "$GITHUB_STEP_SUMMARY"`,
      'outputs: {both: "${{ steps.out.outputs.one }}${{ steps.out.outputs.many }}"}',
    );
    expect(job.outputs).toEqual({ both: "1a\nb=c" });
    expect(printed(job)).toEqual(["tool"]);
    expect(job.summary).toBe("# First\n\n# Second\n");
  });

  test.each([
    ["NODE_OPTIONS", 'echo "NODE_OPTIONS=--inspect" >> "$GITHUB_ENV"', "Can't store NODE_OPTIONS"],
    ["a line without =", 'echo nonsense >> "$GITHUB_OUTPUT"', "Invalid format 'nonsense'"],
    ["an artifact that is not there", 'echo none.bin >> "$GITHUB_ARTIFACTS"', "none.bin is not a file"],
    ["an artifact with an unknown scheme", 'echo s3://x/y >> "$GITHUB_ARTIFACTS"', "unsupported URI scheme"],
    ["a missing delimiter", 'printf "a<<EOT\\nx\\n" >> "$GITHUB_OUTPUT"', "Matching delimiter not found 'EOT'"],
    ["the old command", "echo '::set-output name=a::b'", "switched off"],
  ])("%s fails the step", async (_, command, message) => {
    const job = await runSteps(`- run: ${JSON.stringify(command)}`);
    expect(job.conclusion).toBe("failure");
    expect(job.annotations[0]?.message).toContain(message);
  });

  test("artifacts that a step declares are listed to the steps after it", async () => {
    const job = await runSteps(`- run: |
    printf abc > a.bin
    printf '# built\\n\\na.bin\\nregistry/image@sha256:${"0".repeat(64)}\\n' >> "$GITHUB_ARTIFACTS"
- run: cat "$GITHUB_ARTIFACTS_LIST"
- run: printf other > a.bin; echo file://a.bin >> "$GITHUB_ARTIFACTS"`);
    expect(JSON.parse(printed(job)[0]!)).toEqual({
      version: 1,
      subjects: [
        {
          name: "a.bin",
          digest: "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
          kind: "file",
        },
        { name: "registry/image", digest: `sha256:${"0".repeat(64)}`, kind: "oci" },
      ],
    });
    expect(job.steps.map(({ conclusion }) => conclusion)).toEqual(["success", "success", "failure"]);
    expect(job.annotations[0]?.message).toContain("a.bin was declared as sha256:ba7816bf");
  });

  test("a summary above 1 MiB is dropped with an error, and the step succeeds", async () => {
    const job = await runSteps(`- run: head -c 1048577 /dev/zero | tr '\\0' x >> "$GITHUB_STEP_SUMMARY"`);
    expect([job.conclusion, job.summary]).toEqual(["success", ""]);
    expect(job.annotations[0]?.message).toContain("supports content up to a size of 1024k");
  });
});

describe("what steps print", () => {
  test("annotations with their place, ten of a kind per step", async () => {
    const job = await runSteps(`- run: |
    echo "::warning file=src/a.ts,line=3,title=Look::50%25 done%0Asecond line"
    for n in $(seq 12); do echo "::error::$n"; done
    echo "::notice::fine"
    echo "::stop-commands::token"
    echo "::error::not one"
    echo "::token::"
    echo "::unknown::printed"`);
    const warning = { kind: "warning", message: "50% done\nsecond line", file: "src/a.ts", line: 3, title: "Look" };
    expect(job.annotations[0]).toEqual(warning);
    expect(job.annotations.filter(({ kind }) => kind === "error").map(({ message }) => message)).toEqual(
      Array.from({ length: 10 }, (_, index) => String(index + 1)),
    );
    expect(job.annotations.at(-1)).toEqual({ kind: "notice", message: "fine" });
    expect(printed(job)).toContain("::error::not one");
    expect(printed(job)).toContain("::unknown::printed");
  });

  test("secrets and masked values, line by line, in log, summary and annotations", async () => {
    const job = await runSteps(
      `- run: |
    echo "\${{ secrets.KEY }}" | while read line; do echo "<$line>"; done
    echo "::add-mask::later-secret"
    echo later-secret
    echo "::error::has later-secret"
    echo later-secret >> "$GITHUB_STEP_SUMMARY"
    printf s3cret-line-one | base64
    echo "missing: <\${{ secrets.NONE }}> \${{ secrets.GITHUB_TOKEN }} \${{ github.token }}"`,
      "",
      { secrets: { KEY: "s3cret-line-one\ns3cret-line-two" } },
    );
    expect(`${job.log}${job.summary}${JSON.stringify(job.annotations)}`).not.toMatch(/s3cret|later-secret|ghs_/);
    expect(printed(job)).toEqual(["<***>", "<***>", "::add-mask::***", "***", "***", "missing: <> *** ***"]);
  });

  test("an output that holds a secret does not leave the job", async () => {
    const job = await runSteps(
      `- id: a
  run: echo "v=\${{ secrets.KEY }}" >> "$GITHUB_OUTPUT"`,
      'outputs: {v: "${{ steps.a.outputs.v }}", w: ok}',
      { secrets: { KEY: "hidden-value" } },
    );
    expect(job.outputs).toEqual({ w: "ok" });
  });
});

describe("jobs", () => {
  test("need each other: outputs, results, and a failure that spreads", async () => {
    const { jobs, conclusion } = await repository.run(`
on: push
jobs:
  last:
    needs: [good, bad]
    if: always()
    runs-on: ubuntu-latest
    steps:
      - run: echo "\${{ needs.good.outputs.n }} \${{ needs.good.result }} \${{ needs.bad.result }} \${{ toJSON(needs) != '' }}"
  good:
    runs-on: ubuntu-latest
    outputs: {n: "\${{ steps.s.outputs.n }}"}
    steps: [{id: s, run: 'echo n=7 >> "$GITHUB_OUTPUT"'}]
  bad:
    runs-on: ubuntu-latest
    steps: [{run: exit 1}]
  skipped: {needs: bad, runs-on: ubuntu-latest, steps: [{run: echo no}]}
  on-failure: {needs: skipped, if: failure(), runs-on: ubuntu-latest, steps: [{run: echo yes}]}
  after-always: {needs: last, runs-on: ubuntu-latest, steps: [{run: echo no}]}
`);
    const results = Object.fromEntries(jobs.map((job) => [job.id, job.conclusion]));
    expect(results).toEqual({
      last: "success",
      good: "success",
      bad: "failure",
      skipped: "skipped",
      "on-failure": "success",
      "after-always": "skipped",
    });
    expect(conclusion).toBe("failure");
    expect(printed(jobs.find(({ id }) => id === "last")!)).toEqual(["7 success failure true"]);
  });

  test("come one per leg of a matrix, with include and exclude", async () => {
    const { jobs } = await repository.run(`
on: push
jobs:
  list:
    runs-on: ubuntu-latest
    outputs: {all: "\${{ steps.s.outputs.all }}"}
    steps: [{id: s, run: "echo 'all=[1,2]' >> $GITHUB_OUTPUT"}]
  build:
    needs: list
    runs-on: ubuntu-latest
    strategy:
      fail-fast: false
      matrix:
        n: \${{ fromJSON(needs.list.outputs.all) }}
        os: [a, b]
        exclude: [{n: 2, os: a}]
        include: [{os: b, extra: x}, {n: 9, os: z}]
    steps:
      - run: echo "\${{ matrix.n }}\${{ matrix.os }}\${{ matrix.extra }} \${{ strategy.job-index }}/\${{ strategy.job-total }}"
      - {if: matrix.n == 9, run: exit 1}
  named:
    name: leg \${{ matrix.n }}
    runs-on: ubuntu-latest
    strategy: {matrix: {n: [5]}}
    steps: [{run: "true"}]
`);
    const build = jobs.filter(({ id }) => id === "build");
    expect(build.map(({ name, conclusion }) => `${name}: ${conclusion}`)).toEqual([
      "build (1, a): success",
      "build (1, b, x): success",
      "build (2, b, x): success",
      "build (9, z): failure",
    ]);
    expect(build.map((job) => printed(job)[0])).toEqual(["1a 0/4", "1bx 1/4", "2bx 2/4", "9z 3/4"]);
    expect(jobs.at(-1)?.name).toBe("leg 5");
  });

  test("run at the same time when asked to, with the same results", async () => {
    const { jobs } = await repository.run(
      `
on: push
jobs:
  a: {runs-on: ubuntu-latest, strategy: {matrix: {n: [1, 2, 3]}}, steps: [{run: 'echo \${{ matrix.n }}'}]}
  b: {needs: a, runs-on: ubuntu-latest, steps: [{run: echo b}]}
`,
      { parallel: true },
    );
    expect(jobs.map((job) => printed(job).join())).toEqual(["1", "2", "3", "b"]);
  });

  test("hashFiles, format, contains, vars, inputs and the event", async () => {
    repository.commit({ "a.lock": "a", "sub/b.lock": "b" });
    const job = await runSteps(
      `- uses: actions/checkout@v7
- run: echo "\${{ hashFiles('**/*.lock', '!sub/**') }}"
- run: echo "\${{ hashFiles('none') }}-\${{ format('{0}{{}}', vars.V) }}-\${{ contains(github.event.labels.*.name, 'Fast') }}"`,
      "",
      { vars: { V: "v" }, event: { name: "push", payload: { labels: [{ name: "fast" }] } } },
    );
    expect(printed(job).slice(1)).toEqual([
      "bf5d3affb73efd2ec6c36ad3112dd933efed63c4e1cbffcfa88e2759c144f2d8",
      "-v{}-true",
    ]);
  });

  test("have a timeout of their own", async () => {
    const job = await runSteps(
      "- run: sleep 30\n- run: echo no\n- {if: cancelled(), run: echo yes}",
      "timeout-minutes: 0.005",
    );
    expect(job.conclusion).toBe("cancelled");
    expect(job.steps.map(({ conclusion }) => conclusion)).toEqual(["failure", "skipped", "success"]);
  });
});

describe("permissions", () => {
  const ask = (path: string) =>
    `- run: |
    code=$(curl -s -o answer.json -w '%{http_code}' -H "Authorization: Bearer \${{ github.token }}" "$GITHUB_API_URL/repos/octo/lab/${path}")
    echo "$code $(grep -o 'not accessible' answer.json)"`;
  test.each<[string, string, string, string]>([
    ["what the job names is given", "permissions: {actions: read}", "actions/runs", "200 "],
    ["what it does not name is not", "permissions: {contents: write}", "actions/runs", "403 not accessible"],
    ["the default reads contents only", "", "actions/runs", "403 not accessible"],
    ["read-all", "permissions: read-all", "actions/runs", "200 "],
  ])("%s", async (_, permissions, path, expected) => {
    expect(printed(await runSteps(ask(path), permissions))[0]).toBe(expected);
  });

  test("a pull request from a fork gets no secrets and no write", async () => {
    const sha = repository.commit({
      ".github/workflows/fork.yml": `
on: pull_request
permissions: {contents: write, id-token: write, actions: read}
jobs:
  test:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v7
      - run: echo "<\${{ secrets.KEY }}> <$ACTIONS_ID_TOKEN_REQUEST_URL> \${{ github.head_ref }}"
      - run: git push origin HEAD:refs/heads/pwned
`,
    });
    const pull = {
      number: 7,
      head: { ref: "topic", sha, repo: { full_name: "fork/lab" } },
      base: { ref: "main", sha },
    };
    const { jobs } = await repository.run("", {
      workflow: ".github/workflows/fork.yml",
      sha,
      event: { name: "pull_request", payload: { action: "opened", number: 7, pull_request: pull } },
      ref: "refs/pull/7/merge",
      secrets: { KEY: "value" },
    });
    expect(printed(jobs[0]!)[1]).toBe("<> <> topic");
    expect(jobs[0]!.conclusion).toBe("failure");
    expect(repository.git("branch", "--list", "pwned")).toBe("");
  });
});
