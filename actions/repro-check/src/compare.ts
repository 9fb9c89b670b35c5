/** `repro-check/compare`: what several machines built from the same commit, side by side. Runs no project code. */
import { glob, readFile, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import {
  annotate,
  code,
  plain,
  prose,
  readContext,
  readInputs,
  say,
  setOutputs,
  table,
  UserError,
  writeSummary,
} from "@goatnote/action-io";
import {
  type AcrossPlatforms,
  compareLegs,
  decodeManifest,
  type Leg,
  type LegComparison,
} from "@goatnote/build-comparison";
import { compareContradictions, compareInputs } from "./inputs.ts";
import { outputFolder } from "./output.ts";
import { compareWithReference, type ReferenceResult, requireReference, unequalFirst, unequalIn } from "./reference.ts";

const largest = 256 * 1024 * 1024;

export async function compare(): Promise<void> {
  const inputs = readInputs(compareInputs, process.env, compareContradictions);
  const context = await readContext(process.env);
  const { workspace } = context;
  await requireReference(inputs.reference, workspace);
  const { legs, absent } = await readLegs(inputs.manifests, workspace);
  const comparison = compareLegs(legs, { minLegs: inputs["min-legs"] ?? 2, platforms: inputs.platforms, absent });
  const first = legs[0]?.manifest;
  // One leg of each platform stands for all of it, since its legs are equal or the verdict is no pass anyway.
  const results = [...Map.groupBy(legs, ({ manifest: { environment: e } }) => `${e.platform} ${e.arch}`).values()].map(
    ([each]) => each!.manifest.entries,
  );
  const reference =
    inputs.reference && comparison.verdict !== "not-checked"
      ? await compareWithReference(inputs.reference, workspace, results)
      : undefined;
  const { verdict, sentence } = withReference(comparison, reference);
  const folder = await outputFolder(inputs["output-dir"], context, ["comparison.json"]);
  const report = join(folder, "comparison.json");
  const content = { schema: "https://goatnote.dev/repro-check-comparison/v1", sentence, ...comparison, verdict };
  await writeFile(report, `${JSON.stringify({ ...content, reference: reference ?? null }, null, 2)}\n`);
  const digest = verdict === "identical" && comparison.platforms.length === 1 ? (first?.digest ?? "") : "";
  setOutputs({ verdict, digest, report });
  say(`${verdict}: ${sentence}`);
  if (verdict !== "identical")
    annotate([
      { kind: inputs.mode === "assert" ? "error" : "warning", title: "Not the same everywhere", message: sentence },
    ]);
  await writeSummary(summarise(verdict, sentence, comparison, legs, reference), process.env.GITHUB_STEP_SUMMARY);
  if (inputs.mode === "assert" && verdict !== "identical") throw new UserError(sentence);
}

/** The verdict on the legs, and on what is published beside them: all of it has to be what some leg made. */
function withReference(
  { verdict, reason }: LegComparison,
  reference: ReferenceResult | undefined,
): Pick<LegComparison, "verdict"> & { sentence: string } {
  if (verdict !== "identical" || !reference) return { verdict, sentence: reason };
  const { name, equal, notBuilt } = reference;
  if (!equal) {
    const unequal = unequalIn(reference);
    return { verdict: unequal.verdict, sentence: `${reason} ${name} is not what they built: ${unequal.words}.` };
  }
  if (notBuilt.length > 0) {
    const listed = notBuilt.slice(0, 5).join(", ") + (notBuilt.length > 5 ? ` and ${notBuilt.length - 5} more` : "");
    return { verdict: "not-checked", sentence: `${reason} ${name} holds files that no leg built: ${listed}.` };
  }
  return { verdict, sentence: `${reason} ${name} is the same.` };
}

/**
 * Each file that matches is a leg, named after its folder, where artifacts are downloaded to.
 * @returns `absent`: patterns that no file matches
 */
async function readLegs(
  patterns: readonly string[],
  workspace: string,
): Promise<{ legs: Leg[]; absent: readonly string[] }> {
  const found = new Set<string>();
  const absent: string[] = [];
  for (const pattern of patterns) {
    let files = 0;
    for await (const name of glob(pattern, { cwd: workspace })) {
      const path = resolve(workspace, name);
      const stats = await stat(path).catch(() => undefined);
      if (!stats?.isFile()) continue;
      if (stats.size > largest) throw new UserError(`${path} has ${stats.size} bytes, too many for a manifest.`);
      files += 1;
      found.add(path);
    }
    if (files === 0) absent.push(pattern);
  }
  const legs: Leg[] = [];
  for (const path of [...found].sort()) {
    const name = basename(dirname(path));
    const taken = legs.filter((leg) => leg.name.replace(/ \(\d+\)$/, "") === name).length;
    legs.push({
      name: taken ? `${name} (${taken + 1})` : name,
      manifest: decodeManifest(await readFile(path, "utf8"), path),
    });
  }
  return { legs, absent };
}

/** What platforms have in common, as far as they can. */
function acrossWords({ equal, different, only_on_some, derivations }: AcrossPlatforms): string {
  const of = derivations === "different" ? " (different derivations: the hash in store paths is passed over)" : "";
  return `Across platforms, of which nothing is required${of}: ${equal.length} files are the same everywhere, ${different.length} are not, and ${only_on_some.length} are not on all of them.`;
}

function summarise(
  verdict: string,
  sentence: string,
  { platforms, across }: LegComparison,
  legs: readonly Leg[],
  reference: ReferenceResult | undefined,
): string {
  const titles: Record<string, string> = {
    identical: "The same on all machines",
    different: "Not the same on all machines",
    "not-checked": "Not checked",
  };
  const differences = platforms.flatMap(({ differences: found }) =>
    Object.entries(found).flatMap(([leg, list]) =>
      list.map(({ path, kind }) => [plain(leg), code(path), plain(kind.replaceAll("-", " "))]),
    ),
  );
  return [
    `### ${titles[verdict]}\n\n${prose(sentence)}\n`,
    table(
      ["platform", "legs", "result"],
      platforms.map(({ platform, legs: own, reason }) => [plain(platform), own.map(plain).join(", "), prose(reason)]),
    ),
    table(
      ["leg", "machine", "image", "digest"],
      legs.map(({ name, manifest: { environment, digest } }) => [
        plain(name),
        code(environment.machine.slice(7, 19)),
        plain(environment.image || environment.release),
        code(digest),
      ]),
    ),
    table(["leg", "path", "difference"], differences.slice(0, 100)),
    across ? `\n${acrossWords(across)}\n` : "",
    reference
      ? table(
          ["file", `beside ${plain(reference.name)}`],
          [
            ...unequalFirst(reference.rows).map(({ path, result }) => [code(path), result]),
            ...reference.notBuilt.slice(0, 100).map((path) => [code(path), "published, and not built by any leg"]),
          ],
        )
      : "",
    verdict === "different"
      ? "\nTo learn the cause, run `repro-check` on one of the machines, or compare the artifacts themselves.\n"
      : "",
  ].join("");
}
