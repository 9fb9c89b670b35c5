/** What `act` and our rehearsal say of one run, in the same words. */
import { execFile } from "node:child_process";
import type { JobResult } from "@goatnote/rehearsal";

/** Per job and leg its result, its steps' results, their outputs as `name=value`, and the lines that begin with SAY. */
export type Account = Record<string, { result: string; steps: string[]; outputs: string[]; said: string[] }>;

/** The account of a rehearsal, without what act does not report: skipped jobs, skipped steps, post steps. */
export function rehearsalAccount(jobs: readonly JobResult[]): Account {
  const ran = jobs.filter(({ conclusion }) => conclusion !== "skipped");
  return Object.fromEntries(
    ran.map(({ id, matrix, conclusion, steps, log }) => {
      const main = steps.filter(({ name, outcome }) => !name.startsWith("Post ") && outcome !== "skipped");
      const outputs = main.flatMap((step) => Object.entries(step.outputs).map(([name, value]) => `${name}=${value}`));
      return [
        key(id, matrix ?? {}),
        {
          result: conclusion,
          steps: main.map(({ outcome }) => outcome),
          outputs: outputs.sort(),
          said: log.split("\n").filter((line) => line.startsWith("SAY ")),
        },
      ];
    }),
  );
}

/** Where and how act runs. */
export interface ActRun {
  event: string;
  /** The workflow file, relative to the repository. */
  workflow: string;
  /** A git folder; what is checked out there is what jobs see. */
  repository: string;
  /** A folder that is act's own: its home and, in `cache`, the folders of jobs. */
  home: string;
  /** `owner/name@ref` of each action, and the folder it is taken from. */
  actions: Record<string, string>;
  args?: string[];
}

/** Runs a workflow by act on this machine, without containers and without fetching an action. */
export async function runAct(act: string, run: ActRun): Promise<Account> {
  const local = Object.entries(run.actions).flatMap(([name, folder]) => ["--local-repository", `${name}=${folder}`]);
  const offline = ["--action-offline-mode", "--pull=false", "--no-cache-server"];
  const folders = ["--action-cache-path", `${run.home}/cache`, "--json"];
  const where = ["-W", run.workflow, "-P", "ubuntu-latest=-self-hosted"];
  const args = [run.event, ...where, ...local, ...offline, ...folders, ...(run.args ?? [])];
  const env = { PATH: process.env.PATH, HOME: run.home, LANG: "C.UTF-8" };
  const options = { cwd: run.repository, env, maxBuffer: 64 * 1024 * 1024 };
  const output = await new Promise<string>((resolve) =>
    execFile(act, args, options, (_, stdout, stderr) => resolve(`${stdout}\n${stderr}`)),
  );
  return actAccount(output);
}

function actAccount(output: string): Account {
  const account: Account = {};
  for (const line of output.split("\n").filter((each) => each.startsWith("{"))) {
    const { jobID, matrix, jobResult, stepResult, stage, msg, raw_output, stepID, command, name, arg } =
      JSON.parse(line);
    if (!jobID) continue;
    account[key(jobID, matrix)] ??= { result: "", steps: [], outputs: [], said: [] };
    const job = account[key(jobID, matrix)]!;
    if (jobResult) job.result = jobResult;
    // A step inside a composite action has the ids of all around it.
    const isStep = stage === "Main" && stepID.length === 1;
    if (stepResult && isStep) job.steps.push(stepResult);
    if (command === "set-output" && isStep) job.outputs.push(`${name}=${arg}`);
    if (raw_output) job.said.push(...msg.split("\n").filter((each: string) => each.startsWith("SAY ")));
  }
  for (const { outputs } of Object.values(account)) outputs.sort();
  return Object.fromEntries(Object.entries(account).filter(([, { steps }]) => steps.length > 0));
}

/** A job and its leg, whatever the order of the leg's values. */
function key(job: string, matrix: object): string {
  const leg = Object.entries(matrix).sort(([a], [b]) => a.localeCompare(b));
  return [job, ...leg.map(([name, value]) => `${name}=${value}`)].join(" ");
}
