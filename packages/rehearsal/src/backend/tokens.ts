import { randomBytes } from "node:crypto";
import { type Access, Refusal } from "./router.ts";

/** The scopes of a job's token, as in a workflow's `permissions`. */
export type Permission =
  | "actions"
  | "artifact-metadata"
  | "attestations"
  | "checks"
  | "contents"
  | "deployments"
  | "discussions"
  | "id-token"
  | "issues"
  | "models"
  | "packages"
  | "pages"
  | "pull-requests"
  | "repository-projects"
  | "security-events"
  | "statuses";
export type Permissions = Partial<Record<Permission, "read" | "write" | "none">>;

/** What a token stands for: one job of one run, and what it may do. */
export interface Grant {
  kind: "runtime" | "rest" | "oidc";
  runId: number;
  job: string;
  permissions: Permissions;
}

const nobody: Grant = { kind: "rest", runId: 0, job: "", permissions: {} };

/** Issues the tokens of jobs and says what each may do. */
export class Tokens {
  readonly #grants = new Map<string, Grant>();

  /** A new token. Its shape is that of the real one: an (unsigned) JWT with `scp` for the runtime, `ghs_…` for REST. */
  issue(grant: Grant): string {
    const token = grant.kind === "rest" ? `ghs_${randomBytes(18).toString("hex")}` : runtimeToken(grant);
    this.#grants.set(token, grant);
    return token;
  }

  /** Forgets a token, as GitHub does when the job ends. */
  revoke(token: string): void {
    this.#grants.delete(token);
  }

  /**
   * The grant behind an Authorization header: `Bearer`, `token`, or `Basic` with the token as password (git).
   * @throws Refusal 401 without a known token, 403 where its permissions do not reach.
   */
  check(header: string | undefined, access: Access): Grant {
    if (access === "public") return nobody;
    const [scheme = "", value = ""] = (header ?? "").split(" ");
    const token = scheme.toLowerCase() === "basic" ? Buffer.from(value, "base64").toString().split(":")[1] : value;
    const grant = this.#grants.get(token ?? "");
    const wanted = access === "runtime" ? "runtime" : "rest";
    if (!grant || (grant.kind !== wanted && !(access === "runtime" && grant.kind === "oidc")))
      throw new Refusal(401, header ? "Bad credentials" : "Requires authentication", "unauthenticated");
    if (typeof access === "object" && !allows(grant.permissions, access.permission, access.level))
      throw new Refusal(403, "Resource not accessible by integration", "permission_denied");
    return grant;
  }
}

/** Whether these permissions reach that far; `write` includes `read`. */
export function allows(permissions: Permissions, permission: Permission, level: "read" | "write"): boolean {
  const given = permissions[permission] ?? "none";
  return given === "write" || given === level;
}

function runtimeToken({ runId, job, kind }: Grant): string {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const jobKey = Buffer.from(job).toString("hex");
  const scope = kind === "oidc" ? "OIDC" : `Actions.Results:${runId}:${jobKey}`;
  const payload = { scp: `Actions.ExampleScope ${scope}`, jti: randomBytes(8).toString("hex") };
  return `${part({ alg: "none" })}.${part(payload)}.${randomBytes(16).toString("base64url")}`;
}
