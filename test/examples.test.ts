/** What readers copy is right and safe: the example workflows, and the workflows and steps in the documentation. */
import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join, sep } from "node:path";
import { describe, expect, test } from "vitest";
import { isMap, LineCounter, parse, parseDocument } from "yaml";

const root = dirname(import.meta.dirname);

interface Step {
  id?: string;
  uses?: string;
  run?: string;
  with?: Record<string, unknown>;
  env?: Record<string, unknown>;
}
interface Job {
  permissions?: string | Record<string, string>;
  uses?: string;
  steps?: Step[];
}
interface Workflow {
  on?: unknown;
  permissions?: unknown;
  jobs: Record<string, Job>;
}
interface Metadata {
  inputs?: Record<string, { required?: boolean }>;
  outputs?: Record<string, unknown>;
}

/** The metadata of `<action>[/<sub-action>]`, or undefined when there is no such action. */
function metadataOf(path: string): Metadata | undefined {
  const file = join(root, "actions", path, "action.yml");
  return existsSync(file) ? (parse(readFileSync(file, "utf8")) as Metadata) : undefined;
}

/** `<action>[/<sub-action>]` of a step that uses one of ours, or undefined. */
const ourAction = ({ uses = "" }: Step): string | undefined => uses.match(/^goatnote\/([^@]+)@/)?.[1];

/** Names of outputs that hold lists of tests, which are data from the project and no place for a shell to look at. */
const listsOfTests = /\.outputs\.(args|tests|tests-file|selected|plan|matrix)\b/;

/** Inputs of ours that are scripts. */
const scriptInputs = ["run", "build", "command"];

/** Everything in a step that a shell reads, or a program is started from. */
const scripts = (step: Step): string[] =>
  [step.run, ...(ourAction(step) ? scriptInputs.map((name) => step.with?.[name]) : [])]
    .filter((script) => script !== undefined)
    .map(String);

/** Problems of steps alone: the actions and inputs they name, and what reaches a shell. */
function problemsOfSteps(steps: Step[]): string[] {
  const problems: string[] = [];
  const ids = new Map(steps.map((step) => [step.id, step]));
  for (const [i, step] of steps.entries()) {
    const what = `step ${i + 1} (${step.id ?? step.uses ?? "run"})`;
    for (const script of scripts(step)) {
      if (listsOfTests.test(script)) problems.push(`${what} hands a list of tests to a shell`);
      if (script.includes("${{")) problems.push(`${what} has an expression in a script`);
    }
    const name = ourAction(step);
    if (name !== undefined) problems.push(...problemsOfUse(name, step).map((problem) => `${what} ${problem}`));
    for (const [, id, output = ""] of JSON.stringify(step).matchAll(/steps\.([\w-]+)\.outputs\.([\w-]+)/g)) {
      const ours = ourAction(ids.get(id) ?? {});
      if (ours !== undefined && !(output in (metadataOf(ours)?.outputs ?? {})))
        problems.push(`${what} reads the output ${output}, which ${ours} does not have`);
    }
  }
  return problems;
}

function problemsOfUse(name: string, step: Step): string[] {
  const metadata = metadataOf(name);
  if (!metadata) return ["uses an action that does not exist"];
  const inputs = metadata.inputs ?? {};
  const given = Object.keys(step.with ?? {});
  const required = Object.keys(inputs).filter((input) => inputs[input]?.required);
  return [
    ...(step.uses?.endsWith("@v1") ? [] : ["names another version than v1"]),
    ...given.filter((input) => !(input in inputs)).map((input) => `has no input ${input}`),
    ...required.filter((input) => !given.includes(input)).map((input) => `lacks the required input ${input}`),
  ];
}

/** Whether a job runs what the project, or who opens a pull request, wrote. */
const runsProjectCode = ({ steps = [] }: Job): boolean =>
  steps.some((step) => scripts(step).length > 0 || ourAction(step) === "ml-test-select/exec");

const writes = (permissions: Job["permissions"]): boolean =>
  typeof permissions === "string"
    ? permissions === "write-all"
    : Object.values(permissions ?? {}).some((access) => access === "write");

/** What runs at the wish of strangers. */
const strangers = /\b(pull_request|pull_request_target|workflow_run|issue_comment)\b/;

/**
 * Whether a secret is where the project's code meets it. A key of sops-decrypt is there to give secrets to a script, so it
 * may stand in such a job, unless a stranger can start it.
 */
function holdsSecret(job: Job, on: unknown): boolean {
  const steps = (job.steps ?? []).map((step) => {
    const decrypts = ourAction(step)?.startsWith("sops-decrypt") && !strangers.test(JSON.stringify(on));
    return decrypts ? { ...step, with: { ...step.with, "age-key": "", "age-key-passphrase": "" } } : step;
  });
  return /\bsecrets\b/.test(JSON.stringify({ ...job, steps }).replaceAll("secrets/", ""));
}

/**
 * Whether a job may write, or get what lets it. An ID token opens the secrets of sops-decrypt as its key does, so a job may
 * ask for one where no stranger can start it, and every script runs inside `exec`, which keeps the token from it.
 */
function mayWrite({ permissions, steps = [] }: Job, on: unknown): boolean {
  const opens = (step: Step): boolean =>
    ourAction(step) === "sops-decrypt/exec" && step.with?.["kms-allow"] !== undefined;
  const scripted = steps.filter((step) => scripts(step).length > 0);
  const kept = scripted.length > 0 && scripted.every(opens) && !strangers.test(JSON.stringify(on));
  if (!kept || typeof permissions !== "object") return writes(permissions);
  const { "id-token": _, ...rest } = permissions;
  return writes(rest);
}

/** Problems of permissions and secrets, which only a whole workflow shows. */
function problemsOfWorkflow({ on, permissions, jobs }: Workflow): string[] {
  const problems: string[] = [];
  if (JSON.stringify(permissions) !== "{}") problems.push("top-level permissions are not {}");
  for (const [name, job] of Object.entries(jobs)) {
    if (typeof job.permissions === "string") problems.push(`job ${name} asks for ${job.permissions}`);
    if (!runsProjectCode(job)) continue;
    if (mayWrite(job, on)) problems.push(`job ${name} runs the project's code and may write`);
    if (holdsSecret(job, on)) problems.push(`job ${name} runs the project's code and holds a secret`);
  }
  return problems;
}

/** Permissions without a reason behind them, as `job: permission`. */
function unexplained(text: string): string[] {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const jobs = document.get("jobs");
  if (!isMap(jobs)) return [];
  return jobs.items.flatMap(({ key: job }) => {
    const permissions = document.getIn(["jobs", String(job), "permissions"]);
    if (!isMap(permissions)) return [];
    return permissions.items
      .filter(({ key }) => {
        const { line } = lines.linePos((key as { range: [number] }).range[0]);
        return !/\s#\s*\S/.test(text.split("\n")[line - 1] ?? "");
      })
      .map(({ key }) => `job ${job} asks for ${key} without a reason behind it`);
  });
}

/** All problems of a workflow, or of a list of steps, or of an object with steps. Other YAML has none. */
function problemsOf(text: string): string[] {
  const { errors } = parseDocument(text);
  if (errors[0]) return [`is not valid YAML: ${errors[0].message.split("\n")[0]}`];
  const content: unknown = parse(text);
  if (Array.isArray(content)) return problemsOfSteps(content.filter((step) => step?.uses || step?.run));
  if (typeof content !== "object" || content === null) return [];
  if ("steps" in content && Array.isArray(content.steps)) return problemsOfSteps(content.steps);
  if (!("jobs" in content)) return [];
  const workflow = content as Workflow;
  return [
    ...Object.values(workflow.jobs).flatMap(({ steps = [] }) => problemsOfSteps(steps)),
    // A page may show jobs alone; what has a trigger is a workflow that somebody will copy whole.
    ...("on" in workflow ? [...problemsOfWorkflow(workflow), ...unexplained(text)] : []),
  ];
}

/** The fenced YAML blocks of a page, each with the line on which it starts. */
function fencedYaml(page: string): { line: number; text: string }[] {
  return [...page.matchAll(/^([ \t]*)```ya?ml[^\n]*\n([\s\S]*?)^\1```/gm)].map(
    ({ index, 1: indent = "", 2: text = "" }) => ({
      line: page.slice(0, index).split("\n").length,
      text: text.replaceAll(new RegExp(`^${indent}`, "gm"), ""),
    }),
  );
}

const files = (...globs: string[]): string[] =>
  globSync(globs, { cwd: root })
    .map((file) => file.replaceAll(sep, "/"))
    .sort();

const content = (file: string): string => readFileSync(join(root, file), "utf8");

test("there are examples, and all of them are workflows", () => {
  const examples = files("workflows-examples/*");
  expect(examples).not.toEqual([]);
  expect(examples.filter((file) => !/\.(yml|md)$/.test(file))).toEqual([]);
  expect(
    files("workflows-examples/*.yml").filter((file) => {
      const { on, jobs } = parse(content(file)) as Workflow;
      return !on || !jobs;
    }),
  ).toEqual([]);
});

test.each(files("workflows-examples/*.yml"))("%s", (file) => {
  expect(problemsOf(content(file))).toEqual([]);
});

test.each(files("README.md", "actions/*/README.md", "action-docs/**/*.md"))("the YAML in %s", (file) => {
  const problems = fencedYaml(content(file)).flatMap(({ line, text }) =>
    problemsOf(text).map((problem) => `${file}:${line}: ${problem}`),
  );
  expect(problems).toEqual([]);
});

test.each(files("actions/**/action.yml"))("%s is valid YAML", (file) => {
  expect(parseDocument(content(file)).errors.map(({ message }) => message)).toEqual([]);
});

describe("a bad example is noticed", () => {
  const good = `
on: push
permissions: {}
jobs:
  test:
    permissions:
      contents: read # the sources
    steps:
      - id: select
        uses: goatnote/ml-test-select@v1
        with:
          mode: select
      - uses: goatnote/ml-test-select/exec@v1
        with:
          plan: \${{ steps.select.outputs.plan }}
          runner: pytest
      - env:
          LIST: \${{ steps.select.outputs.tests-file }}
        run: wc "$LIST"
`;

  test("and a good one is not", () => {
    expect(problemsOf(good)).toEqual([]);
  });

  test.each([
    ["is not valid YAML", "on: push", "on: push: x"],
    ["top-level permissions", "permissions: {}", "permissions: read-all"],
    ["without a reason", " # the sources", ""],
    ["runs the project's code and may write", "contents: read", "contents: write"],
    ["asks for write-all", "permissions:\n      contents: read # the sources", "permissions: write-all"],
    ["holds a secret", "mode: select", "mode: select\n          token: ${{ secrets.TOKEN }}"],
    ["uses an action that does not exist", "ml-test-select@v1", "ml-test-selekt@v1"],
    ["names another version", "ml-test-select@v1", "ml-test-select@main"],
    ["has no input", "mode: select", "moode: select"],
    ["lacks the required input runner", "          runner: pytest\n", ""],
    ["reads the output tests_file", "outputs.tests-file", "outputs.tests_file"],
    ["has an expression in a script", 'wc "$LIST"', "echo ${{ github.ref }}"],
    ["hands a list of tests to a shell", 'wc "$LIST"', "pytest ${{ steps.select.outputs.args }}"],
    ["hands a list of tests to a shell", 'wc "$LIST"', "cat ${{ needs.select.outputs.plan }}"],
  ])("that %s", (problem, from, to) => {
    expect(good).toContain(from);
    expect(problemsOf(good.replace(from, () => to)).join("\n")).toContain(problem);
  });

  test("that gives a key to code of strangers", () => {
    const decrypting = good.replace(
      "      - env:",
      "      - uses: goatnote/sops-decrypt/exec@v1\n        with:\n          files: secrets/x.yaml\n          age-key: ${{ secrets.KEY }}\n          run: make\n      - env:",
    );
    expect(problemsOf(decrypting)).toEqual([]);
    for (const on of ["pull_request", "[push, pull_request_target]"])
      expect(problemsOf(decrypting.replace("on: push", `on: ${on}`)).join()).toContain("holds a secret");
    expect(problemsOf(decrypting.replace("LIST:", "KEY: ${{ secrets.KEY }}\n          LIST:")).join()).toContain(
      "holds a secret",
    );
  });

  test("that gives an ID token to more than the script of exec, or to code of strangers", () => {
    const kms = content("workflows-examples/sops-kms.yml");
    const noted = (text: string): string => problemsOf(text).join();
    expect(noted(kms)).toBe("");
    const mayWrite = "runs the project's code and may write";
    expect(noted(kms.replace(/ {2}push:\n.*\n/, "  pull_request:\n"))).toContain(mayWrite);
    expect(noted(`${kms.trimEnd()}\n      - run: ./more.sh\n`)).toContain(mayWrite);
    expect(noted(kms.replace("contents: read", "contents: write"))).toContain(mayWrite);
    expect(noted(kms.replace(/ {10}kms-allow: .*\n/, ""))).toContain(mayWrite);
  });

  test("in a page too, also where it is indented", () => {
    const page = "# X\n\n1. Do:\n   ```yaml\n   - run: echo ${{ github.ref }}\n   ```\n";
    const [block] = fencedYaml(page);
    expect(block?.line).toBe(4);
    expect(problemsOf(block?.text ?? "")).toEqual(["step 1 (run) has an expression in a script"]);
  });
});
