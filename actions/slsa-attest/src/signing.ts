/** From subjects to signed bundles that have been verified before anyone else sees them. */
import { resolve } from "node:path";
import { warning } from "@actions/core";
import { say, UserError, type WorkflowContext } from "@goatnote/action-io";
import {
  type Attested,
  type Claims,
  chunks,
  encodeStatement,
  githubServices,
  type Identity,
  loadSigning,
  loadVerification,
  logsPublicly,
  MAX_SUBJECTS,
  type Patience,
  publicServices,
  type Root,
  type SerializedBundle,
  type Services,
  type Subject,
} from "@goatnote/attestation";
import type { JobIdentity } from "./identity.ts";
import type { MainInputs } from "./inputs.ts";
import type { Predicate } from "./predicate-of.ts";
import { readText } from "./subjects-of.ts";

/**
 * @throws UserError when a private repository's names would become public, or the host has no Sigstore of its own
 */
export function chooseServices(inputs: MainInputs, claims: Claims, server: string): Services {
  const isPublic = claims.repository_visibility === "public";
  const chosen = inputs.sigstore === "auto" ? (isPublic ? "public" : "github") : inputs.sigstore;
  const services =
    chosen === "public" ? publicServices : chosen === "github" ? githubServices(server) : customServices(inputs);
  if (!isPublic && logsPublicly(services) && !inputs["allow-public-log"])
    throw new UserError(
      `This repository is ${claims.repository_visibility ?? "not public"}, and ${services.name} would publish its name, its workflow's, branches' and artifacts' digests forever. Use \`sigstore: github\`, or set \`allow-public-log: true\`.`,
    );
  return services;
}

function customServices(inputs: MainInputs): Services {
  const { "fulcio-url": fulcioUrl, "rekor-url": rekorUrl, "tsa-url": tsaUrl } = inputs;
  const plain = (url: string): string => url.replace(/\/+$/, "");
  return {
    name: `the Sigstore at ${new URL(fulcioUrl).host}`,
    fulcioUrl: plain(fulcioUrl),
    ...(rekorUrl && { rekorUrl: plain(rekorUrl), rekorVersion: inputs["rekor-version"] === "2" ? 2 : 1 }),
    ...(tsaUrl && { tsaUrl: plain(tsaUrl) }),
  };
}

export interface SignedParts {
  attested: Attested[];
  identity: Identity;
  /** The text of the trusted root that the bundles were verified with, if it is known. */
  trustedRoot?: string;
  /** The same, as it is verified with; [] where it is not known. */
  roots: Root[];
  hasLog: boolean;
  hasTimestamp: boolean;
}

interface Job {
  inputs: MainInputs;
  context: WorkflowContext;
  identity: JobIdentity;
  services: Services;
}

// Witnesses are public services: a few questions at a time.
const atOnce = 4;

/** How long services are asked. */
export function patienceOf(inputs: MainInputs): Patience {
  return { retryMs: inputs["retry-for"] ?? 0, attemptMs: inputs["attempt-timeout"] ?? 20_000, say };
}

/** Signs one statement for each part of the subjects. */
export async function signAll(subjects: readonly Subject[], predicate: Predicate, job: Job): Promise<SignedParts> {
  const { inputs, identity, services } = job;
  const { statementSigner } = await loadSigning();
  const sign = statementSigner({
    services,
    getToken: identity.token,
    ...patienceOf(inputs),
    warn: (line) => warning(line),
  });
  const parts = chunks(subjects, inputs.bundle === "per-subject" ? 1 : MAX_SUBJECTS);
  const attested: Attested[] = [];
  for (const group of chunks(parts, atOnce)) {
    const bundles = await Promise.all(
      group.map((part) => sign(encodeStatement(part, predicate.type, predicate.content))),
    );
    for (const [index, bundle] of bundles.entries()) attested.push({ subjects: group[index]!, bundle });
    if (parts.length > atOnce) say(`Signed ${attested.length} of ${parts.length} bundles.`);
  }
  const signed = await checked(attested, job);
  if (signed.roots.length === 0)
    warning(
      `The trusted root of ${services.name} is not known, so what it signed was not verified before it is published, and no root is kept with it. Name it in \`trusted-root\`; \`gh attestation trusted-root\` prints GitHub's.`,
    );
  return signed;
}

/** Nothing is published that would not verify, or whose certificate says something else than its provenance. */
async function checked(attested: Attested[], { inputs, context, services }: Job): Promise<SignedParts> {
  const { peekIdentity, peekStatement, predicateRules, publicRootText, readTrustedRoots, verifyBundle } =
    await loadVerification();
  const trustedRoot =
    inputs["trusted-root"] !== ""
      ? await readText(resolve(context.workspace, inputs["trusted-root"]))
      : services.fulcioUrl === publicServices.fulcioUrl
        ? publicRootText()
        : undefined;
  const roots =
    trustedRoot === undefined ? [] : readTrustedRoots(trustedRoot, inputs["trusted-root"] || "the trusted root");
  for (const { bundle } of attested) {
    if (roots.length > 0) verifyBundle(bundle, roots);
    const rules = predicateRules(peekStatement(bundle), peekIdentity(bundle), context.serverUrl);
    const wrong = rules.find(({ passed }) => !passed);
    if (wrong)
      throw new UserError(
        `The certificate does not say what GitHub's token says (${wrong.name}: ${wrong.actual} beside ${wrong.expected}), so nothing is published. Is \`fulcio-url\` an instance for ${context.serverUrl}?`,
      );
  }
  const first: SerializedBundle = attested[0]!.bundle;
  // Serialised, a list without entries is left out.
  const { tlogEntries, timestampVerificationData } = first.verificationMaterial as Partial<
    SerializedBundle["verificationMaterial"]
  >;
  return {
    attested,
    roots,
    identity: peekIdentity(first),
    hasLog: (tlogEntries?.length ?? 0) > 0,
    hasTimestamp: (timestampVerificationData?.rfc3161Timestamps?.length ?? 0) > 0,
    ...(trustedRoot !== undefined && { trustedRoot }),
  };
}
