/** `ml-test-select/exec`: starts the runner on what the plan chose. Its exit code is the step's. */
import { existsSync, readdirSync, rmSync, statSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { constants } from "node:os";
import { join, relative, resolve } from "node:path";
import { warning } from "@actions/core";
import { describe, readContext, readInputs, run, say, UserError, type Values } from "@goatnote/action-io";
import { type Arguments, argumentsFor, decodePlan, type Runner, runners, withSettings } from "@goatnote/test-selection";
import { execInputs } from "./inputs.ts";
import { inputEnvironment, ofAction, startWithoutSecrets } from "./own-environment.ts";

type Inputs = Values<typeof execInputs>;

export async function exec(): Promise<void> {
  const inputs = readInputs(execInputs, inputEnvironment());
  startWithoutSecrets();
  const { workspace } = await readContext(process.env);
  const runner = runners[inputs.runner];
  const told = await readArguments(inputs, runner, workspace);
  if (told.args === null) say(`Everything runs: ${told.reason.replace(/^Everything runs: /, "")}`);
  const report = inputs.report === "" ? null : resolve(workspace, inputs.report);
  // One of an earlier step would be taken for this one's, where the runner ends before it writes.
  if (report !== null && existsSync(report) && statSync(report).isFile()) rmSync(report);
  if (told.args?.length === 0) {
    say("The plan has nothing for this job to run.");
    return;
  }
  let code = await start(inputs, runner, workspace, report, told.args ?? []);
  if (told.args !== null && runner.notFound(code)) {
    warning(`${runner.name} did not find what the plan names (exit code ${code}), so everything runs.`);
    code = await start(inputs, runner, workspace, report, []);
  }
  if (code === 0 && report !== null && !existsSync(report)) {
    const said = `${runner.name} ended with 0 and left no report at ${inputs.report}, so nothing shows that tests ran`;
    throw new UserError(`${said}. If \`command\` writes none, leave \`report\` empty.`);
  }
  process.exitCode = code;
}

async function readArguments(inputs: Inputs, runner: Runner, workspace: string): Promise<Arguments> {
  const folder = resolve(workspace, inputs["working-directory"]);
  const locate = (path: string, isWhole: boolean): string | null => {
    // Git may have composed another Unicode form than the history.
    const found = [path, path.normalize("NFD")].find((form) => isThere(runner, join(workspace, form), isWhole));
    return found === undefined ? null : relative(folder, join(workspace, found)).replaceAll("\\", "/");
  };
  try {
    const plan = decodePlan(await readFile(inputs.plan, "utf8"), inputs.plan);
    if (plan.runner !== null && plan.runner !== runner.name)
      throw new UserError(
        `It was made for ${plan.runner}, and \`runner\` is \`${runner.name}\`; name the same runner in both.`,
      );
    if (inputs.shard !== null && inputs.shard > plan.shards)
      throw new UserError(
        `Input \`shard\` is ${inputs.shard}, but the plan has ${plan.shards} shards; take both from its output \`matrix\`.`,
      );
    if (plan.shards > 1 && inputs.shard === null)
      say(`The plan has ${plan.shards} shards and \`shard\` is not given, so this job runs all of them.`);
    const shard = plan.shards > 1 ? (inputs.shard ?? undefined) : undefined;
    const chosen = argumentsFor(plan, runner, locate, shard);
    const told = namesSettings(inputs) ? chosen : withSettings(chosen, runner, folder);
    // Only a shard may be empty; a runner without arguments would run everything, and so do we.
    return told.args?.length === 0 && plan.shards === 1 ? { args: null, reason: "the plan names no test" } : told;
  } catch (error) {
    const absent = (error as NodeJS.ErrnoException).code === "ENOENT";
    const reason = absent ? `there is no file ${inputs.plan}` : describe(error);
    warning(`The plan cannot be used: ${reason}`);
    return { args: null, reason: "there is no plan" };
  }
}

/** Whether the user says which settings pytest takes. */
const namesSettings = ({ command, args }: Inputs): boolean =>
  [...command, ...args, ...(process.env.PYTEST_ADDOPTS ?? "").split(/\s+/)].some((word) =>
    /^(?:-c|--config-file(?:=|$)|--rootdir(?:=|$))/.test(word),
  );

/** A folder without test files is not there, or one that runs as a whole with nothing to compile: the runner would pass without having tested anything. */
function isThere({ isTestFile, compiles }: Runner, path: string, isWhole: boolean): boolean {
  if (!existsSync(path)) return false;
  const isWanted = (isWhole && compiles) || isTestFile;
  return !statSync(path).isDirectory() || readdirSync(path).some((name) => isWanted(name));
}

/** The runner's exit code; as shells do, 128 and the number of the signal that ended it. */
async function start(
  inputs: Inputs,
  runner: Runner,
  workspace: string,
  report: string | null,
  chosen: string[],
): Promise<number> {
  const folder = resolve(workspace, inputs["working-directory"]);
  const [program, ...first] = inputs.command;
  // npm takes the options that follow for itself, and the runner would be told nothing.
  const npm = inputs.command.findLastIndex((word) => /(?:^|[\\/])npm(?:\.cmd)?$/.test(word));
  if (npm >= 0 && !first.slice(npm).includes("--")) first.push("--");
  const { argv, env } = runner.start({
    folder,
    command: program === undefined ? null : [program, ...first],
    args: inputs.args,
    report,
    chosen,
  });
  say(`${argv.slice(0, 12).join(" ")}${argv.length > 12 ? ` … (${argv.length - 1} arguments)` : ""}`);
  const { code, signal } = await run(argv, {
    cwd: folder,
    env: { ...searchOfTests, ...env },
    output: "inherit",
    check: false,
    keep: keptForTests(process.env),
  });
  return code ?? 128 + (signal ? constants.signals[signal] : 0);
}

// `run` sets it for its own search for programs; tests keep theirs.
const { NoDefaultCurrentDirectoryInExePath } = process.env;
const searchOfTests = { NoDefaultCurrentDirectoryInExePath };

/** Tests get what a `run:` step would give them, but nothing that belongs to this action. */
function keptForTests(environment: NodeJS.ProcessEnv): string[] {
  return Object.keys(environment).filter((name) => !ofAction.test(name));
}
