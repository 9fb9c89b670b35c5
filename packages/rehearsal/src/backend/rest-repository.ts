import { repositoryJson } from "./rest-actions.ts";
import { Refusal, type Router } from "./router.ts";
import type { PullRequest, State } from "./state.ts";

/** The REST API about the repository itself and its pull requests. */
export function repositoryRoutes(router: Router, state: State): void {
  const read = { permission: "pull-requests", level: "read" } as const;
  const at = (pull: PullRequest, path: string) =>
    path.split(".").reduce<unknown>((value, key) => (value as Record<string, unknown> | undefined)?.[key], pull);

  router.on("GET", `/repos/${state.repository}`, "rest", () => ({
    json: { ...repositoryJson(state), default_branch: state.defaultBranch, visibility: state.visibility },
  }));
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
