/** The builds themselves, in a folder of their own that is gone afterwards. */
import { randomUUID } from "node:crypto";
import { lstatSync, readdirSync } from "node:fs";
import { mkdir, mkdtemp, realpath } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, sep } from "node:path";
import { endGroup, info, startGroup } from "@actions/core";
import { childEnvironment, say, type Values, type WorkflowContext } from "@goatnote/action-io";
import {
  adviceFor,
  BuildProblem,
  buildVaried,
  compareBuilds,
  type Explained,
  endLeftovers,
  examineMachine,
  type Group,
  listSources,
  ofRunner,
  placesOf,
  removeFolder,
  type VariationName,
  within,
} from "@goatnote/build-comparison";
import { requireDiffoscope, runDiffoscope } from "./diffoscope.ts";
import type { mainInputs } from "./inputs.ts";
import { keepDifferent } from "./keep.ts";
import { compareWithReference, explainReference, requireReference } from "./reference.ts";
import type { Checked } from "./report.ts";

/** Builds twice and compares. What stands in the way is a `problem` in the result, and no error. */
export async function check(
  inputs: Values<typeof mainInputs>,
  asked: readonly VariationName[],
  { workspace, temp }: WorkflowContext,
  output: string,
): Promise<Checked> {
  const checked: Checked = { variations: [], notes: [], caveats: [] };
  const mark = randomUUID();
  const deadline = Date.now() + (inputs.timeout ?? 3_600_000);
  const cleaning: (() => Promise<void>)[] = [];
  const cancel = new AbortController();
  const abort = (): void => cancel.abort();
  process.on("SIGINT", abort).on("SIGTERM", abort);
  const root = await realpath(workspace);
  await requireReference(inputs.reference, root);
  await requireDiffoscope(inputs.diffoscope);
  if ([workspace, root].some((path) => within(path).test(inputs.build))) {
    checked.problem = `Input \`build\` names the checkout (${root}), where both builds would find the same files. Use paths relative to the working directory, or $GITHUB_WORKSPACE.`;
    return checked;
  }
  const base = await mkdtemp(join(await outside(root, temp), "repro-check-"));
  cleaning.push(() => removeFolder(base));
  try {
    const sources = await listSources(root, inputs["include-ignored"], [base, output]);
    if (!sources.git)
      checked.caveats.push(
        "the workspace is no git checkout and was copied as a whole, so leftovers of an earlier build in it may have served both builds",
      );
    if (sources.untracked.length > 0)
      checked.notes.push(
        `Not copied, since git does not track it and it may be left of an earlier build: ${few(sources.untracked)}. Name in \`include-ignored\` what the build needs.`,
      );
    if (sources.leftOut.length > 0)
      checked.notes.push(
        `Caches are not copied, since a build that is served from one is not built again: ${few(sources.leftOut)}. Name in \`include-ignored\` what is none.`,
      );
    const before = fingerprint(root, [base, output]);
    const keep = inputs["keep-env"];
    // Tokens are withheld by the same rule as all else, so that the note names them too.
    const offered = Object.keys(process.env).filter((name) => !ofRunner.test(name));
    const machine = await examineMachine(childEnvironment(process.env, offered), keep);
    if (machine.withheld.length > 0) {
      const note = `Not given to the builds, since it looks like a secret: ${machine.withheld.join(", ")}. Name in \`keep-env\` what they need.`;
      checked.notes.push(note);
      say(note);
    }
    const folder = join(base, "workshop");
    await mkdir(folder);
    const workshop = { machine, sources, folder, onClean: (clean: () => Promise<void>) => cleaning.push(clean) };
    const recipe = {
      sources,
      script: inputs.build,
      artifacts: inputs.artifacts,
      machine,
      base,
      deadline,
      cancelled: cancel.signal,
      mark,
    };
    const builds = await buildVaried(recipe, workshop, asked, grouped, say);
    checked.variations = builds.variations;
    if (builds.leftOutside.length > 0)
      checked.caveats.push(
        `outside of its folders the first build, or something beside it, changed what the second can read (${few(builds.leftOutside)})`,
      );
    if (builds.lookedInPart)
      checked.notes.push(
        "Of what the builds share outside of their folders (the home, and what variables name) only a part was looked at, since it holds too much.",
      );
    const changed = changedSince(before, fingerprint(root, [base, output]));
    if (changed !== undefined) {
      checked.problem = `A build wrote into the checkout (${changed}), where both builds can find it. Have it write below its working directory or $GITHUB_WORKSPACE.`;
      return checked;
    }
    checked.artifacts = builds.first.artifacts;
    const comparison = await compareBuilds(builds, inputs.bisect, say);
    checked.comparison = comparison;
    let findings: Explained[] = comparison.findings;
    if (inputs.reference) {
      const reference = await compareWithReference(inputs.reference, root, [builds.first.artifacts]);
      checked.reference = reference;
      const found = await explainReference(reference, builds.first);
      findings = [...findings, ...found.map((each) => ({ ...each, provokedBy: [], always: false, sometimes: false }))];
    }
    const places = await placesOf(root, sources.paths, findings);
    checked.findings = findings.map((finding, i) => ({
      ...finding,
      advice: adviceFor(finding),
      ...(places[i] && { mend: places[i] }),
    }));
    if (comparison.differences.length > 0) {
      await keepDifferent(comparison.differences, builds.first.tree, builds.second.tree, output);
      const note = await runDiffoscope(inputs.diffoscope, builds.first.tree, builds.second.tree, output, deadline);
      if (note) checked.notes.push(note);
    }
  } catch (error) {
    const full = /^(ENOSPC|EDQUOT)$/.test((error as NodeJS.ErrnoException).code ?? "");
    if (!full && !(error instanceof BuildProblem)) throw error;
    checked.problem = full
      ? "The disk is full: there is no room for the copies of the checkout."
      : (error as Error).message;
  } finally {
    await endLeftovers(mark, 0, base);
    for (const clean of cleaning.reverse())
      await clean().catch((error: unknown) => {
        // What was found stands.
        if (!(error instanceof BuildProblem)) throw error;
        checked.notes.push(error.message);
      });
    process.off("SIGINT", abort).off("SIGTERM", abort);
  }
  return checked;
}

const few = (paths: readonly string[]): string =>
  paths.slice(0, 5).join(", ") + (paths.length > 5 ? ` and ${paths.length - 5} more` : "");

/** What a build prints is folded in the log, and nothing in it is a command. */
const grouped: Group = async (title, build) => {
  const token = randomUUID();
  startGroup(title);
  info(`::stop-commands::${token}`);
  try {
    return await build();
  } finally {
    // What the build printed last may have no line end.
    info(`\n::${token}::`);
    endGroup();
  }
};

/** A folder for temporary files that is not itself copied. */
async function outside(workspace: string, temp: string): Promise<string> {
  const real = await realpath(temp).catch(() => realpath(tmpdir()));
  return `${real}${sep}`.startsWith(workspace + sep) ? realpath(tmpdir()) : real;
}

type Fingerprint = Map<string, string>;

/** All of the checkout, ignored files and the repository too, by size, time and permissions. No link is followed. */
function fingerprint(root: string, skip: readonly string[]): Fingerprint {
  const found: Fingerprint = new Map();
  const left = new Set(skip);
  const visit = (path: string): void => {
    // One call at a time without promises: many times as fast, and nothing else goes on meanwhile.
    for (const name of readdirSync(join(root, path))) {
      const below = join(path, name);
      const full = join(root, below);
      // git writes its index anew when it only looks.
      if (left.has(full) || below === join(".git", "index")) continue;
      const stats = lstatSync(full, { throwIfNoEntry: false });
      if (!stats) continue;
      // A folder's own time changes with any file in it, git's index too.
      found.set(below, stats.isDirectory() ? String(stats.mode) : `${stats.size} ${stats.mtimeMs} ${stats.mode}`);
      if (stats.isDirectory()) visit(below);
    }
  };
  visit("");
  return found;
}

/** A path of the checkout that was changed, added or removed; undefined when none was. */
const changedSince = (before: Fingerprint, after: Fingerprint): string | undefined =>
  [...before.keys(), ...after.keys()].find((path) => before.get(path) !== after.get(path));
