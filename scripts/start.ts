/**
 * `npm start`: a small project from its first day to a learned selection, with the workflows of workflows-examples.
 * Every commit is rehearsed on this machine with GitHub's semantics: real actions, real git, real vitest runs.
 */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { decodeRuns, encodeSegment, HISTORY_REF, readHistory, refStore, segmentPath } from "@goatnote/ci-history";
import { rehearse, startBackend } from "@goatnote/rehearsal";
import { replay, replayWishes } from "@goatnote/test-selection";
import { sampleGit } from "../packages/ci-history/src/ref-store-sample.ts";
import { build } from "./build.ts";
import { type Edit, first, proposed } from "./demo/changes.ts";
import { Project } from "./demo/project.ts";
import { type Change, conclude, curve, describeChange, header, type Kind, lineOf } from "./demo/report.ts";
import { storedFiles } from "./stored-files.ts";

const repository = "numerics/numerics";
const workflows = ["ci.yml", "nightly-train.yml"];
const recorded = join(import.meta.dirname, "demo/history.ndjson.zst");

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
  const project = await Project.create(folder, workflows);
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
    const change = describeChange(kind, title, redOnMain, result, backend, folder);
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

  /** Proposes an edit, and merges it when it broke nothing. @returns main's commit */
  const propose = async (edit: Edit, number: number, main: string): Promise<string> => {
    const branch = `change-${number}`;
    const head = await project.apply(edit, branch);
    const proposal = await pullRequest(edit.title, number, main, head);
    await project.checkoutMain();
    if (proposal.broke.length > 0) return main;
    const merged = await project.merge(branch);
    proposal.missed = (await push("merge", edit.title, main, merged)).broke;
    return merged;
  };

  console.log(
    [
      "",
      "Day one. The project's CI is workflows-examples/ci.yml, as it is. Nothing is known yet, and the tests are",
      "named after what they are about, not after the files that they test.",
      "",
      header,
    ].join("\n"),
  );
  let main = await project.head();
  await push("push", "Start", "0".repeat(40), main);
  main = await propose(first, 1, main);
  console.log(`  why: ${changes.find(({ kind }) => kind === "pull")?.plan.reason}`);

  const past = await Array.fromAsync(readHistory(recorded));
  const store = refStore(sampleGit(join(temp, "history")), { url: pathToFileURL(folder).href, ref: HISTORY_REF });
  await store.appendAll(past.map((run) => ({ path: segmentPath(run), bytes: encodeSegment(run) })));
  const red = past.filter(({ tests }) => tests.some(({ status }) => status === "fail")).length;
  console.log(
    [
      "",
      `Weeks of commits, recorded before by scripts/demo/record-history.ts: ${past.length} full runs of vitest, ${red} of them red`,
      `by faults seeded into one line. They join the history in ${HISTORY_REF}, and at night`,
      "workflows-examples/nightly-train.yml learns from all of it.",
      "",
    ].join("\n"),
  );
  const event = { name: "schedule", payload: { repository: { full_name: repository, default_branch: "main" } } };
  const night = { event, ref: "refs/heads/main", sha: main, backend, actions, repository: folder };
  const trained = await rehearse({ ...night, workflow: ".github/workflows/nightly-train.yml" });
  if (trained.conclusion !== "success") throw new Error(trained.jobs.map(({ log }) => log).join("\n"));
  console.log(
    trained.jobs[0]!.summary.split("\n")
      .slice(0, 3)
      .filter(Boolean)
      .map((line) => `  ${line.replace(/^#+ /, "")}`)
      .join("\n"),
  );

  console.log(
    `\nPull requests run what the model chooses. One that broke nothing is merged, and main runs everything.\n\n${header}`,
  );
  for (const [index, edit] of proposed.entries()) {
    if (project.fits(edit)) main = await propose(edit, index + 2, main);
    else console.log(`  pull   ${edit.title}: not proposed: the text it replaces is not in ${edit.file}`);
  }
  const history = storedFiles(folder).filter(({ name }) => /^v1\/\d/.test(name));
  const all = history.flatMap(({ name, content }) => decodeRuns(content, name));
  const report = await replay(
    all.sort((a, b) => Number(a.run_id) - Number(b.run_id)),
    { evaluateFrom: 0.4, budgets: [0.05, 0.1, 0.2, 0.3, 0.5], wishes: replayWishes(0.95) },
  );
  console.log(`\nThe history once more (ml-test-select/replay)\n\n${curve(report)}`);
} finally {
  if (changes.length > 0) console.log(conclude(changes));
  await backend.close();
  rmSync(temp, { recursive: true, force: true });
}
