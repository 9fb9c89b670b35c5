/** The job's identity: GitHub's ID token, and why there may be none. */
import { registerSecret, UserError, type WorkflowContext } from "@goatnote/action-io";
import { type Claims, Garbage, type Patience, persist, readClaims, requestJson } from "@goatnote/attestation";

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

/**
 * @throws Unavailable when the job may not ask for an ID token
 * @throws ServiceError when GitHub gives it none
 */
export async function jobIdentity(
  context: WorkflowContext,
  environment: NodeJS.ProcessEnv,
  patience: Patience,
): Promise<JobIdentity> {
  const { ACTIONS_ID_TOKEN_REQUEST_URL: url, ACTIONS_ID_TOKEN_REQUEST_TOKEN: bearer } = environment;
  if (!url || !bearer)
    throw new Unavailable(
      context.trust === "fork"
        ? "This run is about a pull request from a fork, and GitHub gives such runs no identity to sign with. Attest in a run of this repository, or set `on-unavailable: skip`."
        : "This job has no identity to sign with: give it `permissions: id-token: write` (runs of Dependabot and of forks never have it; for them set `on-unavailable: skip`).",
    );
  const ask = () => idToken(url, bearer, patience);
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

/** The toolkit's own function takes an error of 500, a cut connection or garbage for final, and waits for minutes. */
function idToken(url: string, bearer: string, patience: Patience): Promise<string> {
  return persist("GitHub", "GitHub gave this job no ID token", patience, async () => {
    const { value } = await requestJson(`${url}&audience=${audience}`, {
      method: "GET",
      headers: { authorization: `Bearer ${bearer}` },
      attemptMs: patience.attemptMs,
    });
    if (typeof value !== "string" || value.split(".").length !== 3) throw new Garbage("its answer holds no token");
    registerSecret(value);
    return value;
  });
}
