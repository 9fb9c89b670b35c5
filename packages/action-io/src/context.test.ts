import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { readContext, type WorkflowContext } from "./context.ts";

const folder = mkdtempSync(join(tmpdir(), "context-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const [base, head, merge] = ["b", "a", "c"].map((digit) => digit.repeat(40)) as [string, string, string];
const repository = { full_name: "octo/lab", default_branch: "main" };

/** The context of an event; `payload` is the file's text where it is one. */
function contextOf(
  event: string,
  ref: string,
  payload: unknown,
  more: NodeJS.ProcessEnv = {},
): Promise<WorkflowContext> {
  const path = join(folder, "event.json");
  writeFileSync(path, typeof payload === "string" ? payload : JSON.stringify(payload));
  return readContext({
    GITHUB_EVENT_PATH: path,
    GITHUB_EVENT_NAME: event,
    GITHUB_REPOSITORY: "octo/lab",
    GITHUB_REF: ref,
    GITHUB_SHA: merge,
    GITHUB_RUN_ID: "17",
    GITHUB_RUN_ATTEMPT: "2",
    GITHUB_JOB: "test",
    ...more,
  });
}

const pull = (more: object = {}) => ({
  repository,
  pull_request: {
    number: 7,
    labels: [{ name: "bug" }, { name: "full-tests" }],
    base: { sha: base },
    head: { sha: head, ref: "topic", repo: { full_name: "octo/lab" } },
    ...more,
  },
});
const proposed = (payload: unknown, event = "pull_request", branch = "topic") =>
  contextOf(event, "refs/pull/7/merge", payload, { GITHUB_HEAD_REF: branch });

describe("a push", () => {
  test("to the default branch", async () => {
    expect(await contextOf("push", "refs/heads/main", { repository, before: base })).toMatchObject({
      trust: "push",
      branch: "main",
      defaultBranch: "main",
      onDefaultBranch: true,
      before: base,
      base: null,
      pullRequest: null,
      sha: merge,
      runId: "17",
      runAttempt: 2,
    });
  });

  test("to another branch, also one that begins like the default branch", async () => {
    for (const branch of ["topic", "main/2", "Main"])
      expect(await contextOf("push", `refs/heads/${branch}`, { repository })).toMatchObject({
        branch,
        onDefaultBranch: false,
      });
  });

  test("of a tag that is named like the default branch", async () => {
    expect(await contextOf("push", "refs/tags/main", { repository })).toMatchObject({
      branch: null,
      onDefaultBranch: false,
    });
  });
});

describe("a pull request", () => {
  test("of this repository: the merge is tested, the head is named, labels are known", async () => {
    expect(await proposed(pull())).toMatchObject({
      trust: "pull_request",
      branch: "topic",
      onDefaultBranch: false,
      base,
      sha: merge,
      before: null,
      pullRequest: { number: 7, baseSha: base, headSha: head, labels: ["bug", "full-tests"], fork: false },
    });
  });

  test("whose head branch is named like the default branch is not the default branch", async () => {
    expect((await proposed(pull(), "pull_request", "main")).onDefaultBranch).toBe(false);
  });

  test.each([
    ["a fork", { full_name: "stranger/lab" }],
    ["a repository that is gone", null],
    ["a repository without a name", {}],
    ["a name that is no text", { full_name: ["octo/lab"] }],
  ])("from %s is a fork's", async (_, repo) => {
    const { trust, onDefaultBranch } = await proposed(pull({ head: { sha: head, ref: "main", repo } }));
    expect([trust, onDefaultBranch]).toEqual(["fork", false]);
  });

  test("pull_request_target of a fork, which runs on the default branch, is the fork's", async () => {
    const payload = pull({ head: { sha: head, repo: { full_name: "stranger/lab" } } });
    expect(await contextOf("pull_request_target", "refs/heads/main", payload)).toMatchObject({
      trust: "fork",
      onDefaultBranch: false,
    });
  });

  test.each([[{ labels: "full-tests" }], [{ labels: null }], [{ labels: [null, 7, {}] }], [{ number: "x", base: 3 }]])(
    "with %j in its payload is read as far as it goes",
    async (odd) => {
      const { pullRequest, trust } = await proposed(pull(odd));
      expect(trust).toBe("pull_request");
      expect(pullRequest?.labels.filter(Boolean) ?? []).not.toContain("f");
    },
  );
});

describe("other events", () => {
  test("a merge group is a proposed change", async () => {
    const merge_group = { base_sha: base, head_sha: head };
    const context = await contextOf("merge_group", "refs/heads/gh-readonly-queue/main/pr-7", {
      repository,
      merge_group,
    });
    expect(context).toMatchObject({ trust: "pull_request", onDefaultBranch: false, base });
  });

  test.each(["workflow_run", "issue_comment", "pull_request_review"])(
    "%s does not say whose code it is, so it is a fork's, also on the default branch",
    async (event) => {
      expect(await contextOf(event, "refs/heads/main", { repository })).toMatchObject({
        trust: "fork",
        onDefaultBranch: false,
      });
    },
  );

  test.each([
    [
      { id: 4711, run_attempt: 2 },
      { id: "4711", attempt: 2 },
    ],
    [{ id: 4711 }, { id: "4711", attempt: 1 }],
    [{ id: "4711/../1" }, null],
    [{ id: 0 }, null],
    [{ id: 7, run_attempt: "x" }, null],
    [undefined, null],
  ])("workflow_run says whose end it tells: %j", async (workflow_run, expected) => {
    const payload = { repository, workflow_run };
    expect((await contextOf("workflow_run", "refs/heads/main", payload)).workflowRun).toEqual(expected);
    expect((await contextOf("push", "refs/heads/main", payload)).workflowRun).toBeNull();
  });

  test.each(["schedule", "workflow_dispatch"])("%s on the default branch", async (event) => {
    expect(await contextOf(event, "refs/heads/main", { repository })).toMatchObject({
      trust: "push",
      onDefaultBranch: true,
    });
  });
});

describe("an event that cannot be read does not make a stranger trusted", () => {
  test.each(["", "{", "null", "[]", '"text"', "7"])("%j", async (payload) => {
    expect(await proposed(payload)).toMatchObject({ trust: "fork", onDefaultBranch: false, pullRequest: null });
    // Which branch is the default one is not known, so that nothing counts as its full run.
    expect(await contextOf("push", "refs/heads/main", payload)).toMatchObject({
      onDefaultBranch: false,
      defaultBranch: null,
    });
  });

  test("a file that is not there", async () => {
    const gone = { GITHUB_EVENT_PATH: join(folder, "gone.json") };
    expect((await contextOf("pull_request", "refs/pull/7/merge", "{}", gone)).trust).toBe("fork");
    expect((await readContext({ GITHUB_EVENT_NAME: "pull_request" })).trust).toBe("fork");
  });
});

test("outside of a runner everything has a value", async () => {
  expect(await readContext({})).toMatchObject({
    repository: "",
    runAttempt: 1,
    branch: null,
    workspace: process.cwd(),
    temp: tmpdir(),
    apiUrl: "https://api.github.com",
    serverUrl: "https://github.com",
  });
});
