/** The job's identity: GitHub's ID token, and why there may be none. */
import { getIDToken } from "@actions/core";
import { registerSecret, UserError, type WorkflowContext } from "@goatnote/action-io";
import { type Claims, readClaims } from "@goatnote/attestation";

/** Nothing can be signed here; `on-unavailable` says what that means for the job. */
export class Unavailable extends UserError {
  override name = "Unavailable";
}

export interface JobIdentity {
  claims: Claims;
  /** A token that holds for a minute at least. */
  token: () => Promise<string>;
}

const audience = "sigstore";
const leftMs = 60_000;

/** @throws Unavailable when the job may not ask for an ID token */
export async function jobIdentity(context: WorkflowContext, environment: NodeJS.ProcessEnv): Promise<JobIdentity> {
  if (!environment.ACTIONS_ID_TOKEN_REQUEST_URL || !environment.ACTIONS_ID_TOKEN_REQUEST_TOKEN)
    throw new Unavailable(
      context.trust === "fork"
        ? "This run is about a pull request from a fork, and GitHub gives such runs no identity to sign with. Attest in a run of this repository, or set `on-unavailable: skip`."
        : "This job has no identity to sign with: give it `permissions: id-token: write` (runs of Dependabot and of forks never have it; for them set `on-unavailable: skip`).",
    );
  let token = await ask();
  return {
    claims: readClaims(token),
    async token() {
      const until = Number(readClaims(token).exp ?? 0) * 1000;
      if (until < Date.now() + leftMs) token = await ask();
      return token;
    },
  };
}

async function ask(): Promise<string> {
  try {
    const token = await getIDToken(audience);
    registerSecret(token);
    return token;
  } catch (error) {
    throw new Unavailable(`GitHub gave this job no ID token: ${(error as Error).message.replace(/\s+/g, " ").trim()}`);
  }
}
