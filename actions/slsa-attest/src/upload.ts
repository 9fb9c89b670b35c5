/** Where bundles go beside the folder. */
import { homedir } from "node:os";
import { join } from "node:path";
import { say, UserError, type WorkflowContext } from "@goatnote/action-io";
import {
  type Attested,
  attachToRelease,
  dockerCredentials,
  type ImageName,
  loadRegistry,
  parseImageName,
  type Subject,
  storeAttestation,
} from "@goatnote/attestation";
import type { MainInputs } from "./inputs.ts";
import { patienceOf } from "./signing.ts";

export interface Published {
  /** Of the first attestation; "" where there is none, or it was stored before. */
  id: string;
  url: string;
}

export const nowhere: Published = { id: "", url: "" };

/** Hands bundles to GitHub's store, to a release and to a registry, as is asked for. */
export async function publish(
  attested: readonly Attested[],
  files: readonly string[],
  predicateType: string,
  inputs: MainInputs,
  context: WorkflowContext,
): Promise<Published> {
  const { upload } = inputs;
  if (inputs.token === "" && !upload.includes("none")) throw new UserError("`upload` needs `token`.");
  if (inputs["push-to-registry"]) await push(attested, predicateType, inputs);
  if (upload.includes("release")) await attach(files, inputs, context);
  return upload.includes("github") ? store(attested, inputs, context) : nowhere;
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

/**
 * The image that the one subject is, and its digest.
 * @throws UserError when the subjects are no image of a registry
 */
export function imageAmong(subjects: readonly Subject[]): { image: ImageName; digest: string } {
  const [subject] = subjects;
  if (!subject || subjects.length > 1)
    throw new UserError(
      `\`push-to-registry\` is for one image at a time, and there are ${subjects.length} subjects. Give its digest in \`subject-digest\`, and its name in \`subject-name\`.`,
    );
  const { sha256 } = subject.digest;
  if (!sha256) throw new UserError("`push-to-registry` needs the SHA-256 digest of the image.");
  return { image: parseImageName(subject.name), digest: `sha256:${sha256}` };
}

async function push(attested: readonly Attested[], predicateType: string, inputs: MainInputs): Promise<void> {
  const { subjects, bundle } = attested[0]!;
  const { image, digest } = imageAmong(subjects);
  const credentials = await dockerCredentials(process.env.DOCKER_CONFIG || join(homedir(), ".docker"), image.registry);
  const { attachToImage } = await loadRegistry();
  const what = { bundle, predicateType, created: new Date() };
  const manifest = await attachToImage(image, digest, what, credentials, patienceOf(inputs));
  say(`Attached to ${image.registry}/${image.path}@${digest}, by the manifest ${manifest}.`);
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
