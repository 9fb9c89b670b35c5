/** What GitHub says of a job in its OIDC token. https://docs.github.com/en/actions/reference/security/oidc */
import { UserError } from "@goatnote/action-io";

const needed = [
  "iss",
  "sub",
  "ref",
  "sha",
  "repository",
  "event_name",
  "job_workflow_ref",
  "workflow_ref",
  "repository_id",
  "repository_owner_id",
  "runner_environment",
  "run_id",
  "run_attempt",
] as const;

/** The claims that provenance is made from. */
export type Claims = Record<(typeof needed)[number], string> & {
  repository_visibility?: string;
  /** Seconds since 1970. */
  exp?: number;
};

/**
 * Reads the claims of a token. Its signature is not checked here: Fulcio checks it before it issues a certificate, and the
 * certificate is compared with the provenance before anything is published.
 * @throws UserError that never holds the token
 */
export function readClaims(token: string): Claims {
  let payload: Record<string, unknown>;
  try {
    payload = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString()) as Record<string, unknown>;
  } catch {
    throw new UserError("GitHub's ID token cannot be read: it is no JSON Web Token.");
  }
  const missing = needed.filter((name) => typeof payload?.[name] !== "string" || payload[name] === "");
  if (missing.length > 0) throw new UserError(`GitHub's ID token lacks the claims ${missing.join(", ")}.`);
  return payload as unknown as Claims;
}
