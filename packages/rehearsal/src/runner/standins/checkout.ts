import { execFile } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import type { StandIn, StandInCall } from "./stand-in.ts";

const run = promisify(execFile);
const uploadPack = "git -c uploadpack.allowFilter=true -c uploadpack.allowAnySHA1InWant=true upload-pack";

/** actions/checkout of this repository, from the folder on this machine; `origin` is the back end's git service. */
export const checkout: StandIn = {
  inputs: {
    repository: "",
    ref: "",
    token: "",
    path: "",
    "fetch-depth": "1",
    "fetch-tags": "false",
    filter: "",
    "persist-credentials": "true",
    clean: "true",
    "show-progress": "true",
    "set-safe-directory": "true",
    submodules: "false",
    lfs: "false",
    "sparse-checkout": "",
  },
  only: { submodules: ["false"], lfs: ["false"], "sparse-checkout": [""] },
  async main(call) {
    const { input, job, output, log } = call;
    const github = job.contexts.github as Record<string, string>;
    const name = input("repository") || job.backend.repository;
    if (name !== job.backend.repository)
      throw new Error(`The rehearsal checks out ${job.backend.repository} only, not ${name}.`);
    const folder = join(job.workspace, input("path"));
    mkdirSync(folder, { recursive: true });
    const origin = `${job.backend.serverUrl}/${name}`;
    const source = `file://${job.repository}`;
    const git = async (...args: string[]) => (await run("git", args, { cwd: folder, env: job.machine })).stdout.trim();

    await git("init", "--quiet", "--initial-branch", job.backend.state.defaultBranch);
    // A second checkout in the same folder finds the remote there.
    await git("remote", "add", "origin", origin).catch(() => git("remote", "set-url", "origin", origin));
    const given = input("ref");
    const ref = given || github.ref!;
    const sha = given ? await commitOf(job.repository, given, job.machine) : github.sha!;
    const depth = Number(input("fetch-depth"));
    const everything = ["+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*"];
    await git(
      ...["-c", `url.${source}.insteadOf=${origin}`, "fetch", "--quiet", "--no-write-fetch-head"],
      ...["--upload-pack", uploadPack, ...(input("filter") ? [`--filter=${input("filter")}`] : [])],
      ...(depth > 0 ? [`--depth=${depth}`] : []),
      ...(depth > 0 && input("fetch-tags") !== "true" ? ["--no-tags"] : []),
      ...["origin", sha, ...(depth === 0 ? everything : [])],
    );
    if (input("persist-credentials") === "true") await persistCredentials(call, git);
    const branch = /^refs\/heads\/(.+)$/.exec(ref)?.[1] ?? (await branchNamed(given, job.repository, job.machine));
    if (branch) {
      await git("update-ref", `refs/remotes/origin/${branch}`, sha);
      await lazily(call, git, "checkout", "--quiet", "--force", "-B", branch, `refs/remotes/origin/${branch}`);
    } else {
      await lazily(call, git, "checkout", "--quiet", "--force", "--detach", sha);
    }
    log(`Checked out ${sha}${branch ? ` as ${branch}` : ""}.`);
    output("ref", given || ref);
    output("commit", sha);
  },
};

type Git = (...args: string[]) => Promise<string>;

const header = (origin: string) => `http.${origin}/.extraheader`;

/** Checking out a filtered clone fetches what is missing, which needs the token even where it is not kept. */
function lazily({ job, input }: StandInCall, git: Git, ...args: string[]): Promise<string> {
  return git("-c", `${header(job.backend.serverUrl)}=${credentials(input("token") || job.token)}`, ...args);
}

const credentials = (token: string) =>
  `AUTHORIZATION: basic ${Buffer.from(`x-access-token:${token}`).toString("base64")}`;

async function persistCredentials({ job, input, post }: StandInCall, git: Git): Promise<void> {
  const value = credentials(input("token") || job.token);
  job.log.mask(value.split(" ").at(-1)!);
  await git("config", "--local", header(job.backend.serverUrl), value);
  post(async () => void (await git("config", "--local", "--unset-all", header(job.backend.serverUrl)).catch(() => "")));
}

async function commitOf(repository: string, ref: string, env: Record<string, string>): Promise<string> {
  const names = [`refs/heads/${ref}`, `refs/tags/${ref}`, ref].map((name) => `${name}^{commit}`);
  for (const name of names) {
    const found = await run("git", ["-C", repository, "rev-parse", "--verify", "--quiet", name], { env }).catch(
      () => null,
    );
    if (found) return found.stdout.trim();
  }
  throw new Error(`A branch or tag with the name '${ref}' could not be found.`);
}

async function branchNamed(ref: string, repository: string, env: Record<string, string>): Promise<string | undefined> {
  if (!ref) return undefined;
  const args = ["-C", repository, "show-ref", "--verify", "--quiet", `refs/heads/${ref}`];
  return run("git", args, { env }).then(
    () => ref,
    () => undefined,
  );
}
