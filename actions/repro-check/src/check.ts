/** The builds themselves, in a folder of their own that is gone afterwards. */
import { randomUUID } from "node:crypto";
import { lstat, mkdir, mkdtemp, realpath, rm } from "node:fs/promises";
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
  placesOf,
  type Sources,
  type VariationName,
} from "@goatnote/build-comparison";
import { runDiffoscope } from "./diffoscope.ts";
import type { mainInputs } from "./inputs.ts";
import { keepDifferent } from "./keep.ts";
import { compareWithReference, explainReference } from "./reference.ts";
import type { Checked } from "./report.ts";

/** Builds twice and compares. What stands in the way is a `problem` in the result, and no error. */
export async function check(
  inputs: Values<typeof mainInputs>,
  asked: readonly VariationName[],
  { workspace, temp }: WorkflowContext,
  output: string,
): Promise<Checked> {
  const checked: Checked = { variations: [], notes: [] };
  const mark = randomUUID();
  const deadline = Date.now() + (inputs.timeout ?? 3_600_000);
  const cleaning: (() => Promise<void>)[] = [];
  const cancel = new AbortController();
  const abort = (): void => cancel.abort();
  process.on("SIGINT", abort).on("SIGTERM", abort);
  const root = await realpath(workspace);
  const base = await mkdtemp(join(await outside(root, temp), "repro-check-"));
  cleaning.push(() => removeAll(base));
  try {
    const sources = await listSources(root, inputs["include-ignored"], [base, output]);
    if (!sources.git)
      checked.notes.push(
        "The workspace is no git checkout, so all of it was copied. What an earlier build left in it, other than `artifacts`, may have been taken for a result.",
      );
    const before = await fingerprint(sources);
    const machine = await examineMachine(childEnvironment(process.env));
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
    checked.artifacts = builds.first.artifacts;
    const changed = await changedSince(before, sources, inputs["include-ignored"], [base, output]);
    if (changed !== undefined) {
      checked.problem = `A build wrote into the checkout (${changed}), where both builds can find it. Have it write below its working directory or $GITHUB_WORKSPACE.`;
      return checked;
    }
    const comparison = await compareBuilds(builds, inputs.bisect, say);
    checked.comparison = comparison;
    let findings: Explained[] = comparison.findings;
    if (inputs.reference) {
      const reference = await compareWithReference(inputs.reference, root, [builds.first.artifacts]);
      checked.reference = reference;
      const found = await explainReference(reference, builds.first);
      findings = [...findings, ...found.map((each) => ({ ...each, provokedBy: [], always: false }))];
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
    await endLeftovers(mark, 0);
    for (const clean of cleaning.reverse()) await clean();
    process.off("SIGINT", abort).off("SIGTERM", abort);
  }
  return checked;
}

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

async function removeAll(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true, maxRetries: 3 });
}

type Fingerprint = Map<string, string>;

async function fingerprint({ workspace, paths }: Sources): Promise<Fingerprint> {
  const entries = await Promise.all(
    paths
      .filter((path) => path !== ".git" && !path.startsWith(`.git${sep}`))
      .map(async (path): Promise<[string, string]> => {
        const stats = await lstat(join(workspace, path)).catch(() => undefined);
        // A folder's own time changes with any file in it, ignored ones too.
        return [path, stats?.isFile() ? `${stats.size} ${stats.mtimeMs} ${stats.mode}` : String(stats?.mode)];
      }),
  );
  return new Map(entries);
}

/** A path of the checkout that was changed, added or removed; undefined when none was. */
async function changedSince(
  before: Fingerprint,
  { workspace }: Sources,
  ignored: readonly string[],
  skip: readonly string[],
): Promise<string | undefined> {
  const after = await fingerprint(await listSources(workspace, ignored, skip));
  return [...new Set([...before.keys(), ...after.keys()])].find((path) => before.get(path) !== after.get(path));
}
