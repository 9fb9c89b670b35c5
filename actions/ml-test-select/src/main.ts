/** `ml-test-select`: from history and change to a plan. Any doubt runs everything; only wrong inputs fail the step. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join, relative, resolve } from "node:path";
import { endGroup, startGroup, warning } from "@actions/core";
import {
  describe,
  everySeconds,
  readContext,
  readInputs,
  say,
  setOutputs,
  UserError,
  type Values,
  type WorkflowContext,
  writeSummary,
} from "@goatnote/action-io";
import {
  ancestors,
  type Change,
  changedTogether,
  changeEvent,
  listFiles,
  type ResolvedChange,
  resolveChange,
} from "@goatnote/change-facts";
import type { Run } from "@goatnote/ci-history";
import { depthOf, openHistory, openStore, storeContradictions, storeKind, uploadFile } from "@goatnote/history-access";
import {
  argumentsFor,
  choose,
  compiledIn,
  decodeModel,
  distil,
  encodePlan,
  type Locate,
  learn,
  type Past,
  type Plan,
  type Runner,
  readPast,
  runners,
  type Situation,
  unitsIn,
  type Wishes,
  whyUntold,
  withSettings,
} from "@goatnote/test-selection";
import { mainInputs } from "./inputs.ts";
import { secondsSaved, summarise } from "./report.ts";
import { sourcesIn } from "./sources.ts";

type Inputs = Values<typeof mainInputs>;

const runnerOf = ({ runner }: Inputs): Runner | null => (runner === "none" ? null : runners[runner]);

export async function main(): Promise<void> {
  const inputs = readInputs(mainInputs, process.env, (values) => [
    ...storeContradictions(values),
    ...contradictions(values),
  ]);
  const context = await readContext(process.env);
  const started = performance.now();
  const { plan, locate } = await decide(inputs, context);

  const folder = join(context.temp, "goatnote-test-plan");
  const [planFile, testsFile] = [join(folder, "test-plan.json"), join(folder, "tests.txt")];
  const chosen = plan.tests.filter((test) => plan.run === "all" || test.chosen);
  await mkdir(folder, { recursive: true });
  await writeFile(planFile, encodePlan(plan));
  await writeFile(testsFile, chosen.map(({ id }) => `${id}\n`).join(""));
  const runner = runnerOf(inputs);
  const told =
    runner === null
      ? null
      : withSettings(argumentsFor(plan, withoutBoundary(runner), locate), runner, context.workspace).args;
  setOutputs({
    mode: plan.run === "all" && plan.mode === "select" ? "all" : plan.mode,
    reason: plan.reason,
    args: told,
    "tests-file": testsFile,
    plan: planFile,
    selected: chosen.length,
    total: plan.tests.length,
    confidence: plan.confidence,
    "seconds-saved": secondsSaved(plan).toFixed(1),
    matrix: { shard: Array.from({ length: plan.shards }, (_, index) => index + 1) },
  });
  say(`${plan.reason} Decided in ${Math.round(performance.now() - started)} ms.`);
  await writeSummary(summarise(plan, runner), process.env.GITHUB_STEP_SUMMARY);
  startGroup("Upload the plan");
  await uploadFile(planFile).catch((error) => {
    warning(
      `The plan is only in this job, not an artifact of the run; a job that downloads it will run everything: ${describe(error)}`,
    );
  });
  endGroup();
}

function contradictions({ runner, tests, mode, shards, model, store }: Inputs): string[] {
  const problems: string[] = [];
  if (model !== "" && storeKind({ store }) === "artifact")
    problems.push(
      "Input `model` is given, but `store` is `artifact`, which learns anew each time; use `ref` or `branch`.",
    );
  if (runner === "none" && tests === "")
    problems.push(
      "Input `runner` is `none`, which needs `tests`: a file with the ids of the tests that exist. Or name the runner.",
    );
  if (mode === "prioritize" && shards !== null && shards > 1)
    problems.push(
      "Input `mode` is `prioritize` and `shards` is more than 1; an order over several jobs is not supported. Use one of the two.",
    );
  return problems;
}

/** The plan. What goes wrong on the way is a reason to run everything. */
async function decide(inputs: Inputs, context: WorkflowContext): Promise<{ plan: Plan; locate: Locate }> {
  const wishes = wishesOf(inputs, context);
  try {
    const past = await pastOf(inputs, context);
    const situation = await readSituation(inputs, context, past);
    situation.runAll ??= modelInChange(inputs, context, situation);
    const locate = locatorIn(situation);
    const { change, runner } = situation;
    let plan = choose(past, situation, wishes);
    const untold = runner === null || plan.run !== "chosen" ? null : whyUntold(plan, withoutBoundary(runner), locate);
    // `exec` will run everything, and the figures are of what it does.
    if (untold !== null) plan = choose(past, { ...situation, runAll: untold }, wishes);
    // It explains only: without it the plan is as good.
    plan.tree = await distil(past, change.kind === "known" ? change.files : [], situation.sources, plan).catch(
      (error) => {
        warning(`The plan has no tree that explains it: ${describe(error)}`);
        return null;
      },
    );
    return { plan, locate };
  } catch (error) {
    const reason = describe(error).replace(/\.$/, "");
    warning(`Everything runs: ${reason}`);
    const empty = await learn([]);
    const situation: Situation = { ...nothingKnown(reason), runner: runnerOf(inputs) };
    return { plan: choose(empty, situation, wishes), locate: () => null };
  }
}

/** Where files of the commit are, and the folders that the runner can be told. */
function locatorIn({ files, runner }: Situation): Locate {
  const byComposed = (paths: readonly string[]) => new Map(paths.map((path) => [path.normalize(), path]));
  const [told, compiled] = [byComposed([...files, ...unitsIn(runner, files)]), byComposed(compiledIn(runner, files))];
  return (path, isWhole) => told.get(path) ?? (isWhole ? compiled.get(path) : undefined) ?? null;
}

/** Which folder the runner will start in is known to `exec` alone. */
const withoutBoundary = ({ boundary: _, ...runner }: Runner): Runner => runner;

const nothingKnown = (reason: string): Omit<Situation, "runner"> => ({
  change: { kind: "unknown", reason },
  unrecorded: { kind: "unknown", reason },
  runAll: reason,
  files: [],
  tests: null,
  sources: null,
  companions: null,
});

function wishesOf(inputs: Inputs, context: WorkflowContext): Wishes {
  return {
    mode: inputs.mode,
    targetRecall: inputs["target-recall"] ?? 0.95,
    timeBudgetMs: inputs["time-budget"],
    maxFraction: inputs["max-fraction"],
    minTests: inputs["min-tests"] ?? 1,
    alwaysRun: inputs["always-run"],
    runAllWhen: inputs["run-all-when"],
    explore: inputs.explore ?? 0,
    shards: inputs.shards ?? 1,
    seed: inputs.seed || context.pullRequest?.headSha || context.sha,
  };
}

async function pastOf(inputs: Inputs, context: WorkflowContext): Promise<Past> {
  const unreadable: string[] = [];
  const onUnreadable = (path: string, error: Error): void => void unreadable.push(`${path}: ${describe(error)}`);
  const targetRecall = inputs["target-recall"] ?? 0.95;
  const { branch } = context;
  let past: Past;
  if (storeKind(inputs) === "artifact") {
    const runs = openHistory(inputs, context, onUnreadable);
    past = await learn(onOurLine(runs, await ancestors(context.workspace)), branch, targetRecall);
  } else {
    const model = inputs.model === "" ? undefined : decodeModel(await readNamed("model", inputs.model), inputs.model);
    const onProgress = everySeconds(5, (done: number, of: number) => say(`Read ${done} of ${of} runs.`));
    const options = { depth: depthOf(inputs), model, onUnreadable, onProgress };
    const { past: known, source } = await readPast(openStore(inputs, context), branch, targetRecall, options);
    say(
      `The history: ${source.read} runs read${source.derived > 0 ? `, ${source.derived} known from its state` : ""}.`,
    );
    past = known;
  }
  if (unreadable.length > 0)
    warning(
      `${unreadable.length} files of the history cannot be used and were passed over, the first is ${unreadable[0]}`,
    );
  return past;
}

/**
 * Without runs that claim the default branch for a commit that it never had, as a tag of the branch's name can. Of what
 * is appended to a ref, `record` has checked that.
 */
async function* onOurLine(runs: AsyncIterable<Run>, commits: Set<string> | null): AsyncGenerator<Run> {
  for await (const run of runs)
    if (!run.default_branch || commits === null || run.sha === null || commits.has(run.sha)) yield run;
}

async function readSituation(inputs: Inputs, context: WorkflowContext, past: Past): Promise<Situation> {
  const { workspace } = context;
  const change = await resolveChange(workspace, changeEvent(context, inputs.base));
  const files = await listFiles(workspace, "HEAD");
  const runner = runnerOf(inputs);
  const { unlinked, ...sources } =
    change.kind === "known"
      ? await sourcesIn(workspace, files, change, runner, testFiles(past, runner))
      : { sources: null, unlinked: null };
  return {
    change,
    unrecorded: await unrecordedChange(workspace, past),
    runAll: reasonForAll(inputs, context) ?? submoduleIn(change) ?? unlinked ?? null,
    files,
    tests: inputs.tests === "" ? null : (await readNamed("tests", inputs.tests)).split(/\r?\n/).filter(Boolean),
    runner,
    ...sources,
    companions: change.kind === "known" ? await companionsOf(workspace, change) : null,
  };
}

/** Tells the files of tests that the history knows, or that the runner would collect. */
function testFiles(past: Past, runner: Situation["runner"]): (path: string) => boolean {
  const known = new Set(past.memory.tests.values().map(({ file }) => file));
  return (path) => known.has(path.normalize()) || (runner?.isTestFile(path) ?? false);
}

/** It orders tests that no run knows yet; without it they keep the order of their names. */
async function companionsOf(workspace: string, change: Change): Promise<Situation["companions"]> {
  const paths = change.files.map(({ path }) => path);
  return change.base === null
    ? null
    : changedTogether(workspace, change.base, paths).catch((error) => {
        warning(`Which files changed together before is not known: ${describe(error)}`);
        return null;
      });
}

/** The text of a file that an input names. */
async function readNamed(input: string, path: string): Promise<string> {
  return readFile(path, "utf8").catch((cause: NodeJS.ErrnoException) => {
    const why = cause.code === "ENOENT" ? "there is no such file" : cause.message;
    throw new UserError(`input \`${input}\` names ${path}, which cannot be read: ${why}.`, { cause });
  });
}

/** A pull request that brings its own model would choose its own tests. */
function modelInChange({ model }: Inputs, { workspace }: WorkflowContext, { change }: Situation): string | null {
  const path = relative(workspace, resolve(model)).replaceAll("\\", "/");
  const touched = model !== "" && change.kind === "known" && change.files.some((file) => file.path === path);
  return touched ? `the change touches ${path}, the model that \`model\` names` : null;
}

/** What happened to the files since the latest full run that is recorded: tests may be new there. */
async function unrecordedChange(workspace: string, { lastSha }: Past): Promise<ResolvedChange> {
  if (lastSha === null) return { kind: "unknown", reason: "no recorded run names its commit" };
  const change = await resolveChange(workspace, { name: "since", previous: lastSha });
  if (change.kind === "known") return change;
  return { kind: "unknown", reason: `what changed since the latest recorded run is not known: ${change.reason}` };
}

/** What changed in a submodule is in another repository, so that nothing links a test to it. */
function submoduleIn(change: ResolvedChange): string | null {
  const submodule = change.kind === "known" ? change.files.find(({ isSubmodule }) => isSubmodule) : undefined;
  return submodule ? `the change moves the submodule ${submodule.path}, whose files are in another repository` : null;
}

/** Events whose payload says where the whole change begins. A push says only what its last commits are. */
const wholeChanges = new Set(["pull_request", "pull_request_target", "merge_group"]);

function reasonForAll(
  { "opt-out-label": label, base }: Inputs,
  { pullRequest, event, onDefaultBranch, defaultBranch, baseBranch }: WorkflowContext,
): string | null {
  if (onDefaultBranch)
    return `this is a ${event} on the default branch ${defaultBranch}, whose full runs teach and check the selection`;
  if (label !== "" && pullRequest?.labels.includes(label)) return `the pull request has the label ${label}`;
  // What another branch holds was tested by nobody, and the green check goes along when the base is changed.
  if (base === "" && wholeChanges.has(event) && baseBranch !== defaultBranch)
    return `this ${event} is not for the default branch ${defaultBranch}, and what it would be merged into was not tested`;
  if (base === "" && !wholeChanges.has(event))
    return `a ${event} does not say where the whole change begins; set \`base\`, or select in pull requests`;
  return null;
}
