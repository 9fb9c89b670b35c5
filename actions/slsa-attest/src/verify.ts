/** `slsa-attest/verify`: artifacts and bundles become a verdict. Whatever is not verified fails. */
import { mkdtemp, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { warning } from "@actions/core";
import {
  annotate,
  readContext,
  readInputs,
  setOutputs,
  UserError,
  type WorkflowContext,
  writeSummary,
} from "@goatnote/action-io";
import {
  digestOf,
  loadVerification,
  lowestLevel,
  resourceOf,
  type Verdict,
  type VerifyOptions,
  verificationSummary,
} from "@goatnote/attestation";
import { verifyArchives } from "./archives.ts";
import { bundlesOf } from "./bundles-of.ts";
import { type VerifyInputs, verifyContradictions, verifyInputs } from "./inputs.ts";
import { onlineStore } from "./online.ts";
import { policyOf, type Wanted } from "./policy-of.ts";
import { reportOf, verifiedSummary, whyNot } from "./report.ts";
import { readText, subjectsOf } from "./subjects-of.ts";

export async function verify(): Promise<void> {
  const inputs = readInputs(verifyInputs, process.env, verifyContradictions);
  const context = await readContext(process.env);
  const { policy, file } = await policyOf(inputs, context);
  const now = new Date();
  const { publicRoot, readTrustedRoots } = await loadVerification();
  const rootFile = inputs["trusted-root"];
  const roots =
    rootFile === "" ? [publicRoot()] : readTrustedRoots(await readText(resolve(context.workspace, rootFile)), rootFile);
  const options = { policy, roots, now };
  const archives = inputs["archive-path"];
  const { verdicts, aged, unreadable, unattested } =
    archives.length > 0
      ? { ...(await verifyArchives(archives, context.workspace, options)), unreadable: [] }
      : { ...(await verifyFiles(inputs, context, options)), aged: [], unattested: [] };
  if (verdicts.length === 0) throw new UserError("There is nothing to verify.");
  const bad = verdicts.filter(({ verified }) => !verified);
  const folder = await mkdtemp(join(context.temp, "slsa-verify-"));
  const report = join(folder, "report.json");
  await writeFile(report, `${JSON.stringify(reportOf(verdicts, aged))}\n`);
  await writeSummary(verifiedSummary(verdicts, { unreadable, aged, unattested }), process.env.GITHUB_STEP_SUMMARY);
  annotate([
    ...aged.map(({ archive, what, end, note }) => ({
      kind: "warning" as const,
      title: `Aged: ${archive}`,
      message: `${what}${end === "" ? "" : `, until ${end}`}. ${note}`,
    })),
    ...unattested.map((file) => ({
      kind: "warning" as const,
      title: "Not attested",
      message: `${file} lies in the archive, nothing there is about it, and it was not checked. Do not use it.`,
    })),
  ]);
  if (bad.length > 0) {
    setOutputs({ verified: 0, level: "", report, aged: aged.length, vsa: "" });
    annotate(
      bad.map((verdict) => ({
        kind: "error",
        title: "Not verified",
        message: `${verdict.artifact.name || "the digest"}: ${whyNot(verdict)}`,
      })),
    );
    throw new UserError(`${bad.length} of ${verdicts.length} artifacts are not verified. ${whyNot(bad[0]!)}`);
  }
  const level = lowestLevel(verdicts);
  const resource = resourceOf(verdicts);
  const vsa = resource === undefined ? "" : join(folder, "verification-summary.json");
  if (resource === undefined)
    warning(
      "There is no verification summary (output `vsa`): it is about one repository, and these artifacts are from several. Verify those of each in a step of their own.",
    );
  else await writeFile(vsa, `${JSON.stringify(summaryOf(verdicts, resource, context, now, file))}\n`);
  setOutputs({ verified: verdicts.length, level: level === 0 ? "" : level, report, aged: aged.length, vsa });
}

/** The artifacts and bundles that the inputs name one by one. */
async function verifyFiles(
  inputs: VerifyInputs,
  context: WorkflowContext,
  options: Pick<VerifyOptions, "policy" | "roots" | "now">,
): Promise<{ verdicts: Verdict[]; unreadable: string[] }> {
  const { otherAlgorithms, verifyArtifacts } = await loadVerification();
  const { files, subjects } = await subjectsOf(inputs, context.workspace, undefined, true);
  const { bundles, unreadable } = await bundlesOf(inputs, files, context.workspace);
  const store = inputs.online ? onlineStore(inputs.token, options.policy, context) : undefined;
  if (store) bundles.push(...(await store.bundlesAbout(subjects)));
  for (const algorithm of otherAlgorithms(bundles))
    for (const { path, subject, isLayout } of files)
      if (!isLayout) subject.digest[algorithm] = await digestOf(path, algorithm);
  const verdicts = await verifyArtifacts(subjects, bundles, {
    ...options,
    predicateType: inputs["predicate-type"],
    matchNames: inputs["match-names"],
    ...(store && { further: store.runRules }),
  });
  return { verdicts, unreadable };
}

/** The verification summary, of which the verifying workflow is the author. */
function summaryOf(
  verdicts: readonly Verdict[],
  resourceUri: string,
  context: WorkflowContext,
  now: Date,
  policy: Wanted["file"],
): object {
  return verificationSummary(verdicts, {
    verifier: `${context.serverUrl}/${process.env.GITHUB_WORKFLOW_REF || context.repository}`,
    now,
    resourceUri,
    ...(policy && { policy }),
  });
}
