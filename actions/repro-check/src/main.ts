/** `repro-check`: builds twice under other conditions, compares, and names what makes the results differ. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { annotate, readContext, readInputs, say, setOutputs, UserError, writeSummary } from "@goatnote/action-io";
import { encodeManifest, environmentOf, inputsOf, makeManifest, variationNames } from "@goatnote/build-comparison";
import { check } from "./check.ts";
import { checkNix } from "./check-nix.ts";
import { askedVariations, contradictions, imageOf, isNamed, mainInputs } from "./inputs.ts";
import { outputFolder } from "./output.ts";
import { annotationsFor, reportOf, summarise } from "./report.ts";
import { appliedOf, judge, judgeNix } from "./verdict.ts";

export async function main(): Promise<void> {
  const inputs = readInputs(mainInputs, process.env, contradictions);
  const context = await readContext(process.env);
  const output = await outputFolder(inputs["output-dir"], context, [
    "different",
    "diffoscope.txt",
    "manifest.json",
    "report.json",
  ]);
  const made = await inputsOf(context.workspace, inputs.build || inputs.installable, inputs.artifacts);
  const environment = await environmentOf({ name: process.env.RUNNER_NAME ?? "", image: imageOf(process.env) });
  const asked = askedVariations(inputs.vary);
  const checked = inputs.installable
    ? await checkNix(inputs, asked, context)
    : await check(inputs, asked, context, output);
  const named = variationNames.filter((name) => isNamed(inputs.vary, name));
  const outcome = checked.problem
    ? { verdict: "not-checked" as const, sentence: checked.problem }
    : checked.nix
      ? judgeNix(checked.nix, named)
      : judge(checked.comparison!, checked.variations, named, checked.reference, checked.caveats);

  const manifest = checked.artifacts && makeManifest(checked.artifacts, environment, made);
  const [manifestFile, reportFile] = [join(output, "manifest.json"), join(output, "report.json")];
  if (manifest) await writeFile(manifestFile, encodeManifest(manifest));
  const report = reportOf(outcome, checked, manifest?.digest ?? null);
  await writeFile(reportFile, `${JSON.stringify(report, null, 2)}\n`);
  setOutputs({
    verdict: outcome.verdict,
    digest: manifest?.digest ?? "",
    varied: appliedOf(checked.variations).join(),
    causes: report.causes.join(),
    "closure-digest": checked.nix?.closureDigest ?? "",
    nondeterministic: (checked.nix?.derivations ?? [])
      .filter(({ verdict }) => verdict === "different")
      .map(({ derivation }) => derivation)
      .join("\n"),
    manifest: manifest ? manifestFile : "",
    report: reportFile,
  });
  say(`${outcome.verdict}: ${outcome.sentence}`);
  annotate(annotationsFor(outcome, report, inputs.mode));
  await writeSummary(summarise(outcome, report), process.env.GITHUB_STEP_SUMMARY);
  if (inputs.mode === "assert" && outcome.verdict !== "identical") throw new UserError(outcome.sentence);
}
