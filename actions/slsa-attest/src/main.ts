/** `slsa-attest`: subjects and what is said of them become signed, checked, kept and published bundles. */
import { mkdtemp } from "node:fs/promises";
import { join, resolve } from "node:path";
import { endGroup, startGroup, warning } from "@actions/core";
import {
  describe,
  plain,
  readContext,
  readInputs,
  say,
  setOutputs,
  UserError,
  type WorkflowContext,
  writeSummary,
} from "@goatnote/action-io";
import {
  type Archive,
  type ArchivePlace,
  alreadyAttested,
  distinct,
  ServiceError,
  writeArchive,
} from "@goatnote/attestation";
import { jobIdentity, Unavailable } from "./identity.ts";
import { attestContradictions, type MainInputs, mainInputs } from "./inputs.ts";
import { type Predicate, predicateOf } from "./predicate-of.ts";
import { attestedSummary } from "./report.ts";
import { chooseServices, patienceOf, type SignedParts, signAll } from "./signing.ts";
import { declaredSubjects, type Found, subjectsOf } from "./subjects-of.ts";
import { imageAmong, nowhere, type Published, publish, releaseTag } from "./upload.ts";

export async function main(): Promise<void> {
  const inputs = readInputs(mainInputs, process.env, attestContradictions);
  const context = await readContext(process.env);
  const found = await allSubjects(inputs, context);
  try {
    await attest(found, inputs, context);
  } catch (error) {
    if (!(error instanceof Unavailable || error instanceof ServiceError) || inputs["on-unavailable"] === "fail")
      throw error;
    if (inputs["on-unavailable"] === "warn") warning(`Nothing was attested. ${describe(error)}`);
    else say(`Nothing was attested. ${describe(error)}`);
    setOutputs(noOutputs);
    await writeSummary(`### Nothing was attested\n\n${plain(describe(error))}\n`, process.env.GITHUB_STEP_SUMMARY);
  }
}

const noOutputs = { "bundle-path": "", "bundle-paths": [], "attestation-id": "", "attestation-url": "", subjects: 0 };

async function allSubjects(inputs: MainInputs, context: WorkflowContext): Promise<Found> {
  const named = ["subject-path", "subject-checksums", "subject-digest"] as const;
  if (named.every((name) => inputs[name].length === 0))
    return { files: [], subjects: await declaredSubjects(process.env.GITHUB_ARTIFACTS_LIST) };
  const found = await subjectsOf(inputs, context.workspace, inputs["subject-base"]);
  const subjects = distinct(found.subjects);
  if (subjects.length === 0) throw new UserError("There is nothing to attest.");
  return { ...found, subjects };
}

async function attest(found: Found, inputs: MainInputs, context: WorkflowContext): Promise<void> {
  const { subjects } = found;
  // What is missing is said before anything is signed.
  releaseTag(inputs, context);
  if (inputs["push-to-registry"]) imageAmong(subjects);
  const identity = await jobIdentity(context, process.env, patienceOf(inputs));
  const services = chooseServices(inputs, identity.claims, context.serverUrl);
  const predicate = await predicateOf(inputs, identity.claims, context, found);
  const place = await placeFor(predicate, inputs, context);
  await alreadyAttested(subjects, place);
  startGroup(`Sign for ${subjects.length} ${subjects.length === 1 ? "artifact" : "artifacts"}`);
  const parts = await signAll(subjects, predicate, { inputs, context, identity, services }).finally(endGroup);
  const archive = await keep(parts, place);
  const report = ({ id, url }: Published): void =>
    setOutputs({
      "bundle-path": archive.all,
      "bundle-paths": archive.bundles,
      "attestation-id": id,
      "attestation-url": url,
      subjects: subjects.length,
    });
  // The bundles are there, whatever becomes of their publication.
  report(nowhere);
  const published = await publish(parts, archive, predicate.type, inputs, context).catch((error: unknown) => {
    if (!(error instanceof ServiceError) || inputs["on-unavailable"] === "fail") throw error;
    const message = `The attestations are in ${archive.all}, and not all are published. ${describe(error)}`;
    if (inputs["on-unavailable"] === "warn") warning(message);
    else say(message);
    return nowhere;
  });
  report(published);
  const shown = {
    predicate: inputs.predicate,
    services: services.name,
    signer: parts.identity.signer,
    url: published.url,
    bundles: parts.attested.length,
  };
  await writeSummary(attestedSummary(subjects, shown), process.env.GITHUB_STEP_SUMMARY);
}

async function placeFor(
  { type }: Predicate,
  inputs: MainInputs,
  { workspace, temp }: WorkflowContext,
): Promise<ArchivePlace> {
  const folder =
    inputs["output-dir"] === "" ? await mkdtemp(join(temp, "slsa-attest-")) : resolve(workspace, inputs["output-dir"]);
  return { folder, kind: inputs.predicate, predicateType: type, perSubject: inputs.bundle === "per-subject" };
}

async function keep(
  { attested, identity, trustedRoot, hasLog, hasTimestamp }: SignedParts,
  place: ArchivePlace,
): Promise<Archive> {
  try {
    return await writeArchive(attested, {
      ...place,
      signer: identity.signer,
      issuer: identity.issuer,
      sourceRepository: identity.sourceRepository ?? "",
      hasLog,
      hasTimestamp,
      ...(trustedRoot !== undefined && { trustedRoot }),
    });
  } catch (error) {
    throw new UserError(`The bundles could not be written to ${place.folder}: ${(error as Error).message}`);
  }
}
