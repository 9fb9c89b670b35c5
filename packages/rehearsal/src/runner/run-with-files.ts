import { delimiter } from "node:path";
import { declare, listed } from "./artifact-subjects.ts";
import { CommandReader } from "./commands.ts";
import { fileCommands } from "./file-commands.ts";
import type { Conclusion, JobState, Scope } from "./job-state.ts";
import { runProcess } from "./process.ts";

interface Process {
  command: string;
  args: string[];
  cwd: string;
  /** What this process gets beside the machine's and the job's variables. */
  env: Record<string, string>;
}

interface Effects {
  scope: Scope;
  outputs: Record<string, string>;
  timeout: number | undefined;
  /** Where an action's GITHUB_STATE goes. */
  state?: Record<string, string>;
}

/** Runs a step's process and applies what it wrote to the runner's files, also when it failed. */
export async function runWithFiles(
  job: JobState,
  effects: Effects,
  { command, args, cwd, env }: Process,
): Promise<Conclusion> {
  const files = fileCommands(job.temp, listed(job.artifacts));
  const reader = new CommandReader(job.log);
  const path = [...job.path, env.PATH ?? job.machine.PATH].join(delimiter);
  const code = await runProcess({
    command,
    args,
    cwd,
    env: { ...job.machine, ...env, ...job.defaults, ...actionFacts(env), ...files.env, PATH: path },
    ...(effects.timeout === undefined ? {} : { timeout: effects.timeout }),
    onLine: (line) => reader.line(line),
    onGroup: (pid) => job.groups.push(pid),
  });
  const written = files.read();
  Object.assign(job.env, written.env);
  for (const [name, value] of Object.entries(written.env))
    if (name in effects.scope.env) effects.scope.env[name] = value;
  Object.assign(effects.outputs, written.outputs);
  if (effects.state) Object.assign(effects.state, written.state);
  job.path.unshift(...written.path.toReversed());
  job.log.summarize(written.summary);
  declare(job.artifacts, written.artifacts, job.workspace);
  if (code === "timeout") throw new Error(`The action has timed out after ${(effects.timeout ?? 0) / 60_000} minutes.`);
  if (reader.refused) throw new Error(reader.refused);
  if (code !== 0) throw new Error(`Process completed with exit code ${code}.`);
  return "success";
}

/** The GITHUB_ACTION* variables differ from step to step; the job's defaults do not overrule them. */
function actionFacts(env: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(env).filter(([name]) => /^GITHUB_ACTION(_|$)/.test(name)));
}
