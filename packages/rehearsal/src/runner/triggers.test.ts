import { afterAll, describe, expect, test } from "vitest";
import { TestRepository } from "./test-repository.ts";
import { filterPattern, whyNotTriggered } from "./triggers.ts";
import type { Workflow } from "./workflow.ts";

describe("filter patterns", () => {
  test.each([
    ["main", "main", true],
    ["main", "maine", false],
    ["releases/**", "releases/1/x", true],
    ["releases/*", "releases/1/x", false],
    ["**/docs/**", "docs/a.md", true],
    ["**.js", "src/js/app.js", true],
    ["*.jsx?", "page.js", true],
    ["v[12].[0-9]+.[0-9]+", "v1.10.1", true],
    ["v[12].[0-9]+.[0-9]+", "v3.0.0", false],
  ])("%s and %s: %s", (pattern, name, expected) => {
    expect(filterPattern(pattern).test(name)).toBe(expected);
  });
});

describe("an event starts a workflow", async () => {
  const repository = await TestRepository.make();
  const before = repository.commit({ "src/a.ts": "1" });
  const after = repository.commit({ "docs/a.md": "1" });
  afterAll(() => repository.close());
  const push = { name: "push", payload: { before, after } };
  const pull = (action: string) => ({
    name: "pull_request",
    payload: { action, pull_request: { base: { ref: "main" } } },
  });

  test.each<[Workflow["on"], { name: string; payload: Record<string, unknown> }, string, string | null]>([
    ["push", push, "refs/heads/x", null],
    [["push"], pull("opened"), "refs/pull/1/merge", "not on pull_request"],
    [{ push: { branches: ["main"] } }, push, "refs/heads/main", null],
    [{ push: { branches: ["main"] } }, push, "refs/heads/topic", "branches does not match topic"],
    [{ push: { branches: ["**", "!topic"] } }, push, "refs/heads/topic", "branches does not match topic"],
    [{ push: { "branches-ignore": ["to*"] } }, push, "refs/heads/topic", "branches-ignore matches topic"],
    [{ push: { branches: ["main"] } }, push, "refs/tags/v1", "not on the tag v1"],
    [{ push: { tags: ["v*"] } }, push, "refs/tags/v1", null],
    [{ push: { tags: ["v*"] } }, push, "refs/heads/main", "not on the branch main"],
    [{ push: { paths: ["docs/**"] } }, push, "refs/heads/main", null],
    [{ push: { paths: ["src/**"] } }, push, "refs/heads/main", "no changed file matches paths"],
    [{ push: { "paths-ignore": ["docs/**"] } }, push, "refs/heads/main", "all changed files match paths-ignore"],
    [{ pull_request: null }, pull("labeled"), "refs/pull/1/merge", "does not include the type labeled"],
    [{ pull_request: { types: ["labeled"] } }, pull("labeled"), "refs/pull/1/merge", null],
    [{ pull_request: { branches: ["next"] } }, pull("opened"), "refs/pull/1/merge", "branches does not match main"],
    [
      { workflow_run: { workflows: ["CI"] } },
      { name: "workflow_run", payload: { workflow_run: { name: "Other" } } },
      "refs/heads/main",
      "workflows does not include Other",
    ],
  ])("%o by %o on %s: %s", (on, event, ref, expected) => {
    const why = whyNotTriggered({ on, jobs: {} }, event, ref, repository.folder);
    if (expected === null) expect(why).toBeNull();
    else expect(why).toContain(expected);
  });
});
