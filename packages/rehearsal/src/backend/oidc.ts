import { generateKeyPairSync, randomUUID, sign } from "node:crypto";
import { Refusal, type Router } from "./router.ts";
import { type JobIdentity, type Run, type State, stableId } from "./state.ts";

/**
 * The OIDC issuer: tokens signed with a key made for this back end, and the documents that let anyone verify them.
 * Claims: https://docs.github.com/en/actions/reference/security/oidc
 */
export function oidcRoutes(router: Router, state: State, url: () => string, jobs: Map<string, JobIdentity>): void {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const kid = randomUUID();
  const jwk = { ...publicKey.export({ format: "jwk" }), kid, alg: "ES256", use: "sig" };

  router.on("GET", "/.well-known/openid-configuration", "public", () => ({
    json: {
      issuer: url(),
      jwks_uri: `${url()}/.well-known/jwks`,
      response_types_supported: ["id_token"],
      subject_types_supported: ["public"],
      id_token_signing_alg_values_supported: ["ES256"],
    },
  }));
  router.on("GET", "/.well-known/jwks", "public", () => ({ json: { keys: [jwk] } }));

  router.on("GET", "/oidc/token", "runtime", ({ url: asked, grant }) => {
    const run = state.runs.get(grant.runId);
    if (grant.kind !== "oidc" || !run)
      throw new Refusal(403, "this token may not ask for an ID token; the job needs `id-token: write`");
    const environment = jobs.get(`${grant.runId}/${grant.job}`)?.environment;
    const audience = asked.searchParams.get("audience") ?? `https://github.com/${state.repository.split("/")[0]}`;
    const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
    const signed = `${part({ alg: "ES256", typ: "JWT", kid })}.${part(claims(state, run, url(), audience, environment))}`;
    const signature = sign("sha256", Buffer.from(signed), { key: privateKey, dsaEncoding: "ieee-p1363" });
    return { json: { count: 1, value: `${signed}.${signature.toString("base64url")}` } };
  });
}

function claims(state: State, run: Run, issuer: string, audience: string, environment?: string) {
  const owner = state.repository.split("/")[0] ?? "";
  const now = Math.floor(Date.now() / 1000);
  const workflowRef = `${state.repository}/${run.path}@${run.ref}`;
  const subject = environment
    ? `environment:${environment}`
    : run.event.startsWith("pull_request")
      ? "pull_request"
      : `ref:${run.ref}`;
  return {
    iss: issuer,
    aud: audience,
    sub: `repo:${state.repository}:${subject}`,
    jti: randomUUID(),
    iat: now,
    nbf: now - 5,
    exp: now + 300,
    ...(environment ? { environment } : {}),
    ref: run.ref,
    ref_type: run.ref.startsWith("refs/tags/") ? "tag" : "branch",
    ref_protected: "false",
    sha: run.sha,
    repository: state.repository,
    repository_id: String(state.repositoryId),
    repository_owner: owner,
    repository_owner_id: String(stableId(owner)),
    repository_visibility: state.visibility,
    run_id: String(run.id),
    run_number: String(run.number),
    run_attempt: String(run.attempt),
    runner_environment: run.selfHosted ? "self-hosted" : "github-hosted",
    actor: run.actor,
    actor_id: String(stableId(run.actor)),
    event_name: run.event,
    head_ref: run.headRef,
    base_ref: run.baseRef,
    workflow: run.workflow,
    workflow_ref: workflowRef,
    workflow_sha: run.sha,
    job_workflow_ref: run.calledWorkflow || workflowRef,
    // A reusable workflow that is called by its commit is of that one.
    job_workflow_sha: /@([0-9a-f]{40})$/.exec(run.calledWorkflow)?.[1] ?? run.sha,
  };
}
