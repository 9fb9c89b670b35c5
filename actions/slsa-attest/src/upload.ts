/** Where bundles go beside the folder. */
import { say, UserError, type WorkflowContext } from "@goatnote/action-io";
import { type Attested, storeAttestation } from "@goatnote/attestation";
import type { MainInputs } from "./inputs.ts";
import { patienceOf } from "./signing.ts";

export interface Published {
  /** Of the first attestation; "" where there is none, or it was stored before. */
  id: string;
  url: string;
}

export const nowhere: Published = { id: "", url: "" };

/** Hands bundles to GitHub's store, when it is asked for. */
export async function publish(
  attested: readonly Attested[],
  inputs: MainInputs,
  { apiUrl, repository, serverUrl }: WorkflowContext,
): Promise<Published> {
  if (inputs.upload === "none") return nowhere;
  if (inputs.token === "") throw new UserError("`upload: github` needs `token`.");
  const store = { apiUrl, repository, token: inputs.token };
  const patience = patienceOf(inputs);
  let first: string | undefined;
  for (const [index, { subjects, bundle }] of attested.entries()) {
    const [[algorithm, hex] = ["", ""]] = Object.entries(subjects[0]!.digest);
    const id = await storeAttestation(store, bundle, `${algorithm}:${hex}`, patience);
    say(id === undefined ? "GitHub has this attestation already." : `GitHub stored attestation ${id}.`);
    if (index === 0) first = id;
  }
  const page = `${serverUrl}/${repository}/attestations`;
  return { id: first ?? "", url: first === undefined ? page : `${page}/${encodeURIComponent(first)}` };
}
