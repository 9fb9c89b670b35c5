/**
 * `npm start`: a small project lives through a few days of changes, and workflows-examples/ci.yml is its CI.
 * Every commit is rehearsed on this machine with GitHub's semantics: real actions, real git, real vitest runs.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { rehearse, startBackend } from "@goatnote/rehearsal";
import { failingRunsNeeded } from "@goatnote/test-selection";
import { build } from "./build.ts";
import { landed, proposed } from "./demo/changes.ts";
import { Project } from "./demo/project.ts";
import { type Change, conclude, describeChange, header, type Kind, lineOf } from "./demo/report.ts";

const repository = "numerics/numerics";
const targetRecall = 0.8;
// A minute's history has five commits that broke something, which is too few to state what the example asks for.
const example = readFileSync(join(import.meta.dirname, "../workflows-examples/ci.yml"), "utf8");
const workflow = example.replace("target-recall: 0.95", `target-recall: ${targetRecall}`);
if (workflow === example)
  throw new Error("workflows-examples/ci.yml no longer says `target-recall: 0.95`; change scripts/start.ts with it.");

const temp = mkdtempSync(join(tmpdir(), "goatnote-start-"));
// Jobs work below this folder, where the project finds the clone's vitest as packages of a monorepo find theirs.
Object.assign(process.env, { TMPDIR: temp, TEMP: temp, TMP: temp });
symlinkSync(join(import.meta.dirname, "../node_modules"), join(temp, "node_modules"), "junction");
const backend = await startBackend({ repository, defaultBranch: "main" });
const changes: Change[] = [];
try {
  console.log("Building the actions from source.");
  const actions = await build();
  const folder = join(temp, "numerics");
  mkdirSync(folder);
  const project = await Project.create(folder, workflow);
  let redOnMain: string[] = [];

  const run = async (
    kind: Kind,
    title: string,
    event: { name: string; payload: Record<string, unknown> },
    ref: string,
    sha: string,
  ): Promise<Change> => {
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
    const change = describeChange(kind, title, redOnMain, result, backend);
    changes.push(change);
    console.log(lineOf(change));
    return change;
  };
  const push = async (kind: Kind, title: string, before: string, sha: string): Promise<Change> => {
    const payload = {
      ref: "refs/heads/main",
      before,
      after: sha,
      repository: { full_name: repository, default_branch: "main" },
    };
    const change = await run(kind, title, { name: "push", payload }, "refs/heads/main", sha);
    redOnMain = change.failed;
    return change;
  };
  const pullRequest = (title: string, number: number, base: string, sha: string): Promise<Change> => {
    const side = (branch: string, sha: string) => ({ ref: branch, sha, repo: { full_name: repository } });
    const pull_request = { number, labels: [], base: side("main", base), head: side(`change-${number}`, sha) };
    const payload = {
      action: "opened",
      number,
      pull_request,
      repository: { full_name: repository, default_branch: "main" },
    };
    return run("pull", title, { name: "pull_request", payload }, `refs/pull/${number}/merge`, sha);
  };

  console.log(
    [
      "",
      "A project's CI is workflows-examples/ci.yml with one word changed. The example asks for a recall of",
      `0.95, which needs ${failingRunsNeeded(0.95)} commits that broke something. This short history has ${landed.length / 2}, so it asks for`,
      `${targetRecall}, which needs ${failingRunsNeeded(targetRecall)}.`,
      "",
      "Commits land on main; every test runs, and every result is recorded.",
      "",
      header,
    ].join("\n"),
  );
  let main = await project.head();
  await push("push", "Start", "0".repeat(40), main);
  for (const edit of landed) {
    const before = main;
    main = await project.apply(edit, "main");
    await push("push", edit.title, before, main);
  }

  console.log(
    `\nPull requests run what the history chooses. One that broke nothing is merged; main runs everything.\n\n${header}`,
  );
  const merged = new Set<string>();
  for (const [index, edit] of proposed.entries()) {
    if (edit.undoes !== undefined && !merged.has(edit.undoes)) {
      console.log(`  pull   ${edit.title}: not proposed: the change it undoes was not merged`);
      continue;
    }
    if (!project.fits(edit)) {
      console.log(`  pull   ${edit.title}: not proposed: the text it replaces is not in ${edit.file}`);
      continue;
    }
    const branch = `change-${index + 1}`;
    const head = await project.apply(edit, branch);
    const proposal = await pullRequest(edit.title, index + 1, main, head);
    await project.checkoutMain();
    if (proposal.broke.length > 0) continue;
    const before = main;
    main = await project.merge(branch);
    proposal.missed = (await push("merge", edit.title, before, main)).broke;
    merged.add(edit.title);
  }
} finally {
  if (changes.length > 0) console.log(conclude(changes));
  await backend.close();
  rmSync(temp, { recursive: true, force: true });
}
