/** Where bundles go beside the folder. */
import { say, UserError, type WorkflowContext } from "@goatnote/action-io";
import { type Attested, attachToRelease, storeAttestation } from "@goatnote/attestation";
import type { MainInputs } from "./inputs.ts";
import { patienceOf } from "./signing.ts";

export interface Published {
  /** Of the first attestation; "" where there is none, or it was stored before. */
  id: string;
  url: string;
}

export const nowhere: Published = { id: "", url: "" };

/** Hands bundles to GitHub's store and to a release, as is asked for. */
export async function publish(
  attested: readonly Attested[],
  files: readonly string[],
  inputs: MainInputs,
  context: WorkflowContext,
): Promise<Published> {
  if (inputs.upload.includes("none")) return nowhere;
  if (inputs.token === "") throw new UserError("`upload` needs `token`.");
  if (inputs.upload.includes("release")) await attach(files, inputs, context);
  return inputs.upload.includes("github") ? store(attested, inputs, context) : nowhere;
}

/**
 * The tag of the release that bundles are attached to; "" when there is none to attach to.
 * @throws UserError when there is one, and nobody said which
 */
export function releaseTag(inputs: MainInputs, { ref }: WorkflowContext): string {
  if (!inputs.upload.includes("release")) return "";
  const tag = inputs["release-tag"] || (ref.startsWith("refs/tags/") ? ref.slice("refs/tags/".length) : "");
  if (tag === "") throw new UserError("This run is not about a tag: name the release's in `release-tag`.");
  return tag;
}

async function attach(files: readonly string[], inputs: MainInputs, context: WorkflowContext): Promise<void> {
  const { apiUrl, repository } = context;
  const tag = releaseTag(inputs, context);
  const attached = await attachToRelease({ apiUrl, repository, token: inputs.token }, tag, files, patienceOf(inputs));
  say(`Attached ${attached.length} of ${files.length} files to the release ${tag}; the others are there already.`);
}

async function store(
  attested: readonly Attested[],
  inputs: MainInputs,
  { apiUrl, repository, serverUrl }: WorkflowContext,
): Promise<Published> {
  const target = { apiUrl, repository, token: inputs.token };
  const patience = patienceOf(inputs);
  let first: string | undefined;
  for (const [index, { subjects, bundle }] of attested.entries()) {
    const [[algorithm, hex] = ["", ""]] = Object.entries(subjects[0]!.digest);
    const id = await storeAttestation(target, bundle, `${algorithm}:${hex}`, patience);
    say(id === undefined ? "GitHub has this attestation already." : `GitHub stored attestation ${id}.`);
    if (index === 0) first = id;
  }
  const page = `${serverUrl}/${repository}/attestations`;
  return { id: first ?? "", url: first === undefined ? page : `${page}/${encodeURIComponent(first)}` };
}
