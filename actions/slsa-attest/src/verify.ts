/** `slsa-attest/verify`: artifacts and bundles become a verdict. Whatever is not verified fails. */
import { writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { annotate, readContext, readInputs, setOutputs, UserError, writeSummary } from "@goatnote/action-io";
import { loadVerification } from "@goatnote/attestation";
import { bundlesOf } from "./bundles-of.ts";
import { verifyContradictions, verifyInputs } from "./inputs.ts";
import { policyOf } from "./policy-of.ts";
import { verifiedSummary, whyNot } from "./report.ts";
import { readText, subjectsOf } from "./subjects-of.ts";

export async function verify(): Promise<void> {
  const inputs = readInputs(verifyInputs, process.env, verifyContradictions);
  const context = await readContext(process.env);
  const policy = await policyOf(inputs, context);
  const { publicRoot, readTrustedRoots, verifyArtifacts } = await loadVerification();
  const rootFile = inputs["trusted-root"];
  const roots =
    rootFile === "" ? [publicRoot()] : readTrustedRoots(await readText(resolve(context.workspace, rootFile)), rootFile);
  const { files, subjects } = await subjectsOf(inputs, context.workspace, "");
  const { bundles, unreadable } = await bundlesOf(inputs, files, context.workspace);
  const verdicts = await verifyArtifacts(subjects, bundles, {
    policy,
    roots,
    predicateType: inputs["predicate-type"],
    matchNames: inputs["match-names"],
    now: new Date(),
  });
  const bad = verdicts.filter(({ verified }) => !verified);
  const report = join(context.temp, "slsa-verify-report.json");
  await writeFile(report, `${JSON.stringify({ verified: bad.length === 0, verdicts }, null, 1)}\n`);
  await writeSummary(verifiedSummary(verdicts, unreadable), process.env.GITHUB_STEP_SUMMARY);
  if (verdicts.length === 0 || bad.length > 0) {
    setOutputs({ verified: 0, level: "", report, vsa: "" });
    annotate(
      bad.map((verdict) => ({
        kind: "error",
        title: "Not verified",
        message: `${verdict.artifact.name || "the digest"}: ${whyNot(verdict)}`,
      })),
    );
    throw new UserError(`${bad.length} of ${verdicts.length} artifacts are not verified. ${whyNot(bad[0]!)}`);
  }
  const level = Math.min(...verdicts.map((verdict) => verdict.level));
  setOutputs({ verified: verdicts.length, level: level === 0 ? "" : level, report, vsa: "" });
}
