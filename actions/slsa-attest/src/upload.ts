/** Where bundles go beside the folder. */
import { mkdtemp, readFile, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { basename, join } from "node:path";
import { say, UserError, type WorkflowContext } from "@goatnote/action-io";
import {
  type Archive,
  type Attested,
  attachToRelease,
  dockerCredentials,
  type ImageName,
  loadRegistry,
  loadVerification,
  parseImageName,
  type Subject,
  storeAttestation,
  uploadArtifact,
  zip,
} from "@goatnote/attestation";
import type { MainInputs } from "./inputs.ts";
import { patienceOf, type SignedParts } from "./signing.ts";

export interface Published {
  /** Of the first attestation; "" where there is none, or it was stored before. */
  id: string;
  url: string;
}

export const nowhere: Published = { id: "", url: "" };

/** Hands bundles to GitHub's store, to a release, an artifact and a registry, as is asked for. */
export async function publish(
  parts: SignedParts,
  archive: Archive,
  predicateType: string,
  inputs: MainInputs,
  context: WorkflowContext,
): Promise<Published> {
  const { upload } = inputs;
  if (inputs.token === "" && (upload.includes("github") || upload.includes("release")))
    throw new UserError("`upload` needs `token`.");
  if (inputs["push-to-registry"]) await push(parts.attested, predicateType, inputs);
  if (upload.includes("artifact")) await keepInRun(archive, inputs);
  if (upload.includes("release")) await attach(archive, inputs, context);
  return upload.includes("github") ? store(parts, inputs, context) : nowhere;
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

/** All files of the archive in one, with the checksums of what these bundles are about. */
async function zipped({ files, sums }: Archive): Promise<Buffer<ArrayBuffer>> {
  const content = (name: string, file: string) => (name === "SHA256SUMS" ? Buffer.from(sums) : readFile(file));
  const named = files.map((file) => ({ name: basename(file), file }));
  return zip(await Promise.all(named.map(async ({ name, file }) => ({ name, content: await content(name, file) }))));
}

async function keepInRun(archive: Archive, inputs: MainInputs): Promise<void> {
  const { ACTIONS_RESULTS_URL: url = "", ACTIONS_RUNTIME_TOKEN: token = "" } = process.env;
  if (url === "" || token === "")
    throw new UserError(
      "The runner offers no artifacts to this job (GitHub Enterprise Server has others), so `upload: artifact` cannot be done.",
    );
  const kind = inputs.predicate === "provenance" ? "" : `-${inputs.predicate}`;
  const name = inputs["artifact-name"] || `attestations${kind}`;
  const id = await uploadArtifact({ url, token }, name, await zipped(archive), patienceOf(inputs));
  say(`Uploaded ${archive.files.length} files as the artifact ${name} (${id}).`);
}

/** The bundles under names that others look for, and everything in one archive. */
async function attach(archive: Archive, inputs: MainInputs, context: WorkflowContext): Promise<void> {
  const { apiUrl, repository } = context;
  const tag = releaseTag(inputs, context);
  const all = join(await mkdtemp(join(context.temp, "slsa-attest-")), basename(archive.all, ".intoto.jsonl"));
  const whole = `${all}.attestations.zip`;
  await writeFile(whole, await zipped(archive));
  const files = [...archive.bundles, whole];
  const attached = await attachToRelease({ apiUrl, repository, token: inputs.token }, tag, files, patienceOf(inputs));
  say(`Attached ${attached.length} of ${files.length} files to the release ${tag}; the others are there already.`);
}

async function store(
  { attested, roots }: SignedParts,
  inputs: MainInputs,
  { apiUrl, repository, serverUrl }: WorkflowContext,
): Promise<Published> {
  const target = { apiUrl, repository, token: inputs.token };
  const { standsFor } = await loadVerification();
  let first: string | undefined;
  for (const [index, { subjects, bundle }] of attested.entries()) {
    const [[algorithm, hex] = ["", ""]] = Object.entries(subjects[0]!.digest);
    const isSame = (stored: unknown): boolean => standsFor(stored, bundle, roots);
    const { id } = await storeAttestation(target, bundle, `${algorithm}:${hex}`, isSame, patienceOf(inputs));
    say(id === undefined ? "GitHub has this attestation already." : `GitHub stored attestation ${id}.`);
    if (index === 0) first = id;
  }
  const page = `${serverUrl}/${repository}/attestations`;
  return { id: first ?? "", url: first === undefined ? page : `${page}/${encodeURIComponent(first)}` };
}
