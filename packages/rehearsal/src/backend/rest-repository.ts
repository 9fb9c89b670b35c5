import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { repositoryJson } from "./rest-actions.ts";
import { Refusal, type Router } from "./router.ts";
import type { PullRequest, State } from "./state.ts";

const git = (folder: string | null, ...args: string[]): Promise<string | null> =>
  folder === null
    ? Promise.resolve(null)
    : promisify(execFile)("git", ["-C", folder, ...args]).then(
        ({ stdout }) => stdout.trim(),
        () => null,
      );

/** The commit of a branch or an id. */
async function commitOf(folder: string | null, name: string): Promise<string | null> {
  const branch = await git(folder, "rev-parse", "--verify", "--quiet", `refs/heads/${name}^{commit}`);
  return branch ?? (/^[0-9a-f]{40}$/.test(name) ? git(folder, "rev-parse", "--verify", `${name}^{commit}`) : null);
}

/** How many commits `head` has that `base` lacks, and the other way round. */
async function countsBetween(folder: string | null, [base, head]: [string, string]): Promise<number[]> {
  const counts = await git(folder, "rev-list", "--left-right", "--count", `${head}...${base}`);
  return (counts ?? "").split(/\s+/).map(Number);
}

/** The REST API about the repository itself and its pull requests. */
export function repositoryRoutes(router: Router, state: State): void {
  const read = { permission: "pull-requests", level: "read" } as const;
  const at = (pull: PullRequest, path: string) =>
    path.split(".").reduce<unknown>((value, key) => (value as Record<string, unknown> | undefined)?.[key], pull);

  router.on("GET", `/repos/${state.repository}`, "rest", () => ({
    json: { ...repositoryJson(state), default_branch: state.defaultBranch, visibility: state.visibility },
  }));
  // https://docs.github.com/en/rest/commits/commits#compare-two-commits, as far as one commit leads to the other
  const contents = { permission: "contents", level: "read" } as const;
  router.on("GET", `/repos/${state.repository}/compare/:basehead`, contents, async ({ params }) => {
    const [base = "", head = ""] = (params.basehead ?? "").split("...");
    const commits = await Promise.all([base, head].map((name) => commitOf(state.gitDir, name)));
    if (commits.includes(null)) throw new Refusal(404, "Not Found");
    const [ahead = 0, behind = 0] = await countsBetween(state.gitDir, commits as [string, string]);
    const status = ahead > 0 && behind > 0 ? "diverged" : ahead > 0 ? "ahead" : behind > 0 ? "behind" : "identical";
    return { json: { status, ahead_by: ahead, behind_by: behind } };
  });
  router.on("GET", `/repos/${state.repository}/pulls/:number`, read, ({ params }) => {
    const pull = state.pulls.get(Number(params.number));
    if (!pull) throw new Refusal(404, "Not Found");
    return { json: pull };
  });
  router.on("GET", `/repos/${state.repository}/commits/:sha/pulls`, read, ({ params }) => ({
    json: [...state.pulls.values()].filter((pull) =>
      [at(pull, "head.sha"), pull.merge_commit_sha].includes(params.sha),
    ),
  }));
}
