/**
 * `npm start`: a small project lives through a few days of changes, and workflows-examples/ci.yml is its CI.
 * Every commit is rehearsed on this machine with GitHub's semantics: real actions, real git, real vitest runs.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { rehearse, startBackend } from "@goatnote/rehearsal";
import { build } from "./build.ts";
import { landed, proposed } from "./demo/changes.ts";
import { Project } from "./demo/project.ts";
import { type Change, conclude, describeChange } from "./demo/report.ts";

const repository = "numerics/numerics";
// The example asks for 0.95, which needs 19 failing runs to be stated. A minute's history has five.
const example = readFileSync(join(import.meta.dirname, "../workflows-examples/ci.yml"), "utf8");
const workflow = example.replace("target-recall: 0.95", "target-recall: 0.8");
if (workflow === example)
  throw new Error("workflows-examples/ci.yml no longer says `target-recall: 0.95`; change scripts/start.ts with it.");

const temp = mkdtempSync(join(tmpdir(), "goatnote-start-"));
// Jobs work below this folder, where the project finds the clone's vitest as packages of a monorepo find theirs.
Object.assign(process.env, { TMPDIR: temp, TEMP: temp, TMP: temp });
symlinkSync(join(import.meta.dirname, "../node_modules"), join(temp, "node_modules"), "junction");
const backend = await startBackend({ repository, defaultBranch: "main" });
try {
  console.log("Building the actions from source.");
  const actions = await build();
  const folder = join(temp, "numerics");
  mkdirSync(folder);
  const project = await Project.create(folder, workflow);
  const changes: Change[] = [];

  const run = async (
    title: string,
    event: { name: string; payload: Record<string, unknown> },
    ref: string,
    sha: string,
  ): Promise<Change> => {
    const started = performance.now();
    const result = await rehearse({
      workflow: ".github/workflows/ci.yml",
      repository: folder,
      event,
      ref,
      sha,
      backend,
      actions,
      actor: "ada",
    });
    const change = describeChange(title, event.name, result, (performance.now() - started) / 1000);
    changes.push(change);
    console.log(change.line);
    return change;
  };
  const push = (title: string, before: string, sha: string): Promise<Change> =>
    run(
      title,
      {
        name: "push",
        payload: {
          ref: "refs/heads/main",
          before,
          after: sha,
          repository: { full_name: repository, default_branch: "main" },
        },
      },
      "refs/heads/main",
      sha,
    );
  const pullRequest = (title: string, number: number, base: string, sha: string): Promise<Change> => {
    const side = (branch: string, sha: string) => ({ ref: branch, sha, repo: { full_name: repository } });
    const pull_request = { number, labels: [], base: side("main", base), head: side(`change-${number}`, sha) };
    return run(
      title,
      {
        name: "pull_request",
        payload: {
          action: "opened",
          number,
          pull_request,
          repository: { full_name: repository, default_branch: "main" },
        },
      },
      `refs/pull/${number}/merge`,
      sha,
    );
  };

  console.log("\nCommits land on main; every test runs, and every result is recorded.\n");
  let main = await project.head();
  await push("Start", "0".repeat(40), main);
  for (const edit of landed) {
    const before = main;
    main = await project.apply(edit, "main");
    await push(edit.title, before, main);
  }

  console.log(
    "\nChanges come as pull requests; the history chooses their tests. A green one is merged, and main runs everything.\n",
  );
  for (const [index, edit] of proposed.entries()) {
    const branch = `change-${index + 1}`;
    const head = await project.apply(edit, branch);
    const proposal = await pullRequest(edit.title, index + 1, main, head);
    await project.checkoutMain();
    if (proposal.failedTests.length > 0) continue;
    const before = main;
    main = await project.merge(branch);
    proposal.missed = (await push(`  merged: ${edit.title}`, before, main)).failedTests;
  }
  console.log(conclude(changes));
} finally {
  await backend.close();
  rmSync(temp, { recursive: true, force: true });
}
