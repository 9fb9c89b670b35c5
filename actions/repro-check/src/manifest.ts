/** `repro-check/manifest`: what this job has built, as digests. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { code, readContext, readInputs, say, setOutputs, UserError, writeSummary } from "@goatnote/action-io";
import {
  chooseArtifacts,
  encodeManifest,
  environmentOf,
  inputsOf,
  makeManifest,
  progressTeller,
  scan,
} from "@goatnote/build-comparison";
import { artifactContradictions, imageOf, manifestInputs } from "./inputs.ts";
import { outputFolder } from "./output.ts";

export async function manifest(): Promise<void> {
  const inputs = readInputs(manifestInputs, process.env, artifactContradictions);
  const context = await readContext(process.env);
  const { workspace } = context;
  const chosen = await chooseArtifacts(workspace, inputs.artifacts);
  if (chosen.length === 0)
    throw new UserError(
      `Nothing matches \`artifacts\` (${inputs.artifacts.join(", ")}). Put this step after the build.`,
    );
  const entries = await scan(workspace, chosen, progressTeller(say));
  if (!entries.some(({ type }) => type === "file"))
    throw new UserError(
      `What matches \`artifacts\` (${inputs.artifacts.join(", ")}) holds no file, only folders or links, which say nothing.`,
    );
  const environment = await environmentOf({ name: process.env.RUNNER_NAME ?? "", image: imageOf(process.env) });
  const made = makeManifest(entries, environment, await inputsOf(workspace, "", inputs.artifacts));
  const folder = await outputFolder(inputs["output-dir"], context, ["manifest.json"]);
  const file = join(folder, "manifest.json");
  await writeFile(file, encodeManifest(made));
  setOutputs({ manifest: file, digest: made.digest });
  await writeSummary(
    `### Manifest\n\n${entries.length} entries, ${code(made.digest)}\n`,
    process.env.GITHUB_STEP_SUMMARY,
  );
}
