/** No workflow of ours, and none that readers copy, gives the code of a pull request anything to steal or spoil. */
import { globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { dangers } from "./workflow-safety.ts";

const root = dirname(import.meta.dirname);
const workflows = globSync([".github/workflows/*.{yml,yaml}", "workflows-examples/*.{yml,yaml}"], { cwd: root }).sort();

test("there are workflows of ours and examples", () => {
  for (const folder of [".github", "workflows-examples"])
    expect(workflows.filter((file) => file.startsWith(folder)).length).toBeGreaterThan(1);
});

test.each(workflows)("%s", (file) => {
  expect(dangers(readFileSync(join(root, file), "utf8"))).toEqual([]);
});

/** A workflow of one job. */
const workflow = (on: string, job: string, top = "permissions: {}"): string => `
on: ${on}
${top}
jobs:
  a:
    runs-on: ubuntu-latest
${job.replace(/^/gm, "    ")}
`;
const checkout = "  - uses: actions/checkout@v7\n";
const readOnly = "permissions:\n  contents: read\n";
const head = "  - uses: actions/checkout@v7\n    with:\n      ref: ${{ github.event.pull_request.head.sha }}\n";

describe("is noticed", () => {
  const token = "with a token that writes";
  test.each([
    [
      "a token that writes",
      token,
      workflow("pull_request", `permissions:\n  contents: write\nsteps:\n${checkout}  - run: make`),
    ],
    [
      "an identity",
      token,
      workflow("pull_request", `permissions:\n  id-token: write\nsteps:\n${checkout}  - run: make`),
    ],
    ["write-all", token, workflow("[push, pull_request]", `permissions: write-all\nsteps:\n${checkout}`)],
    [
      "permissions of the whole workflow",
      token,
      workflow("pull_request", `steps:\n${checkout}`, "permissions:\n  packages: write"),
    ],
    ["permissions that nobody has set", token, workflow("pull_request", `steps:\n${checkout}`, "")],
    [
      "a local action of the change",
      token,
      workflow("pull_request", "permissions:\n  contents: write\nsteps:\n  - uses: ./record"),
    ],
    [
      "an action of this repository at the change",
      token,
      workflow("pull_request", "permissions:\n  contents: write\nsteps:\n  - uses: $/dist/telemetry-upload/record"),
    ],
    [
      "a local workflow",
      token,
      workflow("pull_request", "permissions:\n  contents: write\nuses: ./.github/workflows/x.yml"),
    ],
    [
      "the base's token at the head",
      token,
      workflow("pull_request_target", `permissions:\n  contents: write\nsteps:\n${head}`),
    ],
    [
      "a comment that starts it",
      token,
      workflow("issue_comment", "permissions:\n  issues: write\nsteps:\n  - run: gh pr checkout 1 && make"),
    ],
    [
      "what the change's run has left",
      token,
      workflow(
        "workflow_run",
        "permissions:\n  contents: write\nsteps:\n  - uses: actions/download-artifact@v8\n  - run: ./left.sh",
      ),
    ],
    [
      "a condition that does not keep it out",
      token,
      workflow(
        "pull_request",
        `if: \${{ github.event_name == 'push' || github.ref == 'refs/pull/1/merge' }}\npermissions:\n  contents: write\nsteps:\n${checkout}`,
      ),
    ],
    [
      "a condition that cannot be told",
      token,
      workflow("pull_request", `if: needs.x.outputs.y == '1'\npermissions:\n  contents: write\nsteps:\n${checkout}`),
    ],
    [
      "a secret",
      "with a secret",
      workflow("pull_request", `${readOnly}env:\n  KEY: \${{ secrets.KEY }}\nsteps:\n${checkout}  - run: make`),
    ],
    [
      "a secret by another way of writing",
      "with a secret",
      workflow(
        "pull_request",
        `${readOnly}steps:\n${checkout}  - run: make\n    env:\n      KEY: \${{ secrets['KEY'] }}`,
      ),
    ],
    [
      "all secrets",
      "with a secret",
      workflow("pull_request", `${readOnly}uses: ./.github/workflows/x.yml\nsecrets: inherit`),
    ],
    [
      "the default branch's cache",
      "the default branch's cache",
      workflow(
        "pull_request_target",
        `${readOnly}steps:\n${head}  - uses: actions/cache@v5\n    with: {path: x, key: y}`,
      ),
    ],
    [
      "the default branch's cache, by a set-up",
      "the default branch's cache",
      workflow("workflow_run", `${readOnly}steps:\n${head}  - uses: actions/setup-node@v7`),
    ],
    [
      "a cache before a token",
      "reads a cache",
      workflow("push", `permissions:\n  contents: write\nsteps:\n${checkout}  - uses: actions/setup-go@v6`),
    ],
    [
      "a cache before a secret",
      "reads a cache",
      workflow(
        "release",
        `${readOnly}steps:\n  - uses: actions/cache/restore@v5\n    with: {path: x, key: y}\n  - run: make\n    env:\n      KEY: \${{ secrets.KEY }}`,
      ),
    ],
  ])("%s", (_, danger, text) => {
    expect(dangers(text).join("\n")).toContain(danger);
  });
});

describe("is left alone", () => {
  test.each([
    [
      "a job that only reads",
      workflow("pull_request", `${readOnly}steps:\n${checkout}  - uses: actions/setup-node@v7\n  - run: make`),
    ],
    [
      "a job that writes on main only",
      workflow(
        "[push, pull_request]",
        `if: github.event_name == 'push'\npermissions:\n  contents: write\nsteps:\n${checkout}`,
      ),
    ],
    [
      "a job that writes and runs nothing of the change",
      workflow(
        "pull_request",
        "permissions:\n  contents: write\nsteps:\n  - uses: goatnote/telemetry-upload/record@v1",
      ),
    ],
    [
      "the base's own code",
      workflow("workflow_run", "permissions:\n  contents: write\nsteps:\n  - uses: $/dist/telemetry-upload/record"),
    ],
  ])("%s", (_, text) => {
    expect(dangers(text)).toEqual([]);
  });
});
