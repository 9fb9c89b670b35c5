/** Which signers are trusted: literal, anchored rules on the certificate. */
import type { Identity } from "./certificate.ts";
import { equal, type Rule, rule } from "./rules.ts";

/** What a bundle's certificate must say. Absent means: not asked. All names are compared literally and as a whole. */
export interface Policy {
  /** Such as `https://github.com`; names of repositories and workflows are below it. */
  server: string;
  /** The issuer of the identity tokens. */
  issuer: string;
  /** `owner/name`. */
  sourceRepository?: string;
  sourceRepositoryId?: string;
  /**
   * Full refs. `*` stands for any characters but `/`, `**` for any; git allows neither in a name. Absent, and without
   * `sourceDigest`: any branch or tag, but no pull request.
   */
  sourceRefs?: readonly string[];
  /** 40 or 64 hex digits. */
  sourceDigest?: string;
  /**
   * `owner/name/.github/workflows/<file>`, with or without `@<ref>`; without it, at any branch or tag. Absent: any workflow of
   * the source repository.
   */
  signerWorkflows?: readonly string[];
  /** Events. */
  triggers?: readonly string[];
  runner?: "github-hosted";
  maxAgeMs?: number;
  /** Reusable workflows that isolate the build, each with its ref: provenance that they signed counts as SLSA Build L3. */
  buildLevel3?: readonly string[];
}

/** The issuer of GitHub's identity tokens, or undefined for a server whose issuer is not known. */
export function issuerOf(server: string): string | undefined {
  const { hostname, protocol } = new URL(server);
  if (protocol !== "https:") return undefined;
  if (hostname === "github.com") return "https://token.actions.githubusercontent.com";
  return hostname.endsWith(".ghe.com") ? `https://token.actions.${hostname}` : undefined;
}

/** A pull request's ref, or a commit, may be of a fork, and still be named as of this repository: anyone can make those. */
const ownRef = /^refs\/(heads|tags)\/.+$/s;
const pinned = /\.ya?ml@(refs\/.+|[0-9a-f]{40})$/;
const workflowForm = /^[^/\s@]+\/[^/\s@]+\/\.github\/workflows\/[^/\s]+\.ya?ml(@(refs\/.+|[0-9a-f]{40}))?$/;

/** What is wrong with the name of a signer workflow, or undefined. */
export function workflowProblem(name: string): string | undefined {
  return workflowForm.test(name)
    ? undefined
    : `${JSON.stringify(name)} is no workflow; it has the form owner/name/.github/workflows/file.yml, and may end with @refs/… or @<40 hex digits>`;
}

/** What is wrong with the name of a workflow that has to name its ref, or undefined. */
export function pinnedWorkflowProblem(name: string): string | undefined {
  const problem = workflowProblem(name);
  if (problem !== undefined || pinned.test(name)) return problem;
  return `${JSON.stringify(name)} says no ref: end it with @refs/heads/…, @refs/tags/… or @<40 hex digits>, so that it is this workflow as you know it`;
}

/**
 * What is wrong with a policy that vouches for a workflow at any of its refs, or takes its signature for whatever repository
 * calls it there; or undefined.
 */
export function unpinnedProblem(policy: Policy): string | undefined {
  const { sourceRepository, sourceRepositoryId, signerWorkflows = [], buildLevel3 = [] } = policy;
  const needed = (sourceRepository ?? sourceRepositoryId) ? buildLevel3 : [...buildLevel3, ...signerWorkflows];
  return needed.map(pinnedWorkflowProblem).find((problem) => problem !== undefined);
}

/**
 * Whether an alternative name is this workflow, at the ref that `wanted` names or at any branch or tag. A file in `.github/workflows` has
 * no `/` in its name and ends with `.yml` or `.yaml`, so what follows the `@` of a match is the ref.
 */
export function isWorkflow(signer: string, server: string, wanted: string): boolean {
  const name = `${server}/${wanted}`;
  if (pinned.test(wanted)) return signer === name;
  return signer.startsWith(`${name}@`) && ownRef.test(signer.slice(name.length + 1));
}

/** A ref pattern as a regular expression over the whole ref. */
function refPattern(pattern: string): RegExp {
  const source = pattern
    .split(/(\*\*|\*)/)
    .map((part) => (part === "**" ? ".*" : part === "*" ? "[^/]*" : part.replace(/[\\^$.|?+()[\]{}]/g, "\\$&")))
    .join("");
  return new RegExp(`^${source}$`, "su");
}

/** Whether a policy says whose signature it wants. Without that anyone with an account could sign. */
export const namesSigner = ({ sourceRepository, sourceRepositoryId, signerWorkflows }: Policy): boolean =>
  Boolean(sourceRepository ?? sourceRepositoryId) || (signerWorkflows?.length ?? 0) > 0;

/**
 * Holds a signer against a policy.
 * @param signedAt when the signature was made, by its witnesses
 */
export function policyRules(policy: Policy, identity: Identity, signedAt: Date, now: Date): Rule[] {
  const { server } = policy;
  const rules: Rule[] = [
    equal("issuer", policy.issuer, identity.issuer, "Name it in `issuer` if you trust another issuer of identities."),
  ];
  if (policy.sourceRepository !== undefined) {
    const expected = `${server}/${policy.sourceRepository}`;
    rules.push(
      equal(
        "source repository",
        expected,
        identity.sourceRepository,
        expected.toLowerCase() === identity.sourceRepository?.toLowerCase()
          ? "The names differ in upper and lower case only: write it as the certificate does."
          : "It was built from another repository. Name that one in `source-repository` only if you trust it.",
      ),
    );
  }
  if (policy.sourceRepositoryId !== undefined)
    rules.push(
      equal(
        "source repository id",
        policy.sourceRepositoryId,
        identity.sourceRepositoryId,
        "A repository of this name may have been deleted and made anew by someone else.",
      ),
    );
  rules.push(signerRule(policy, identity));
  if (policy.sourceRefs)
    rules.push(
      rule(
        "source ref",
        policy.sourceRefs.some((pattern) => refPattern(pattern).test(identity.sourceRef ?? "")),
        policy.sourceRefs.join(" or "),
        identity.sourceRef,
        "It was built from another branch or tag.",
      ),
    );
  else if (policy.sourceDigest === undefined)
    rules.push(
      rule(
        "source ref",
        ownRef.test(identity.sourceRef ?? ""),
        "a branch or tag",
        identity.sourceRef,
        "What a pull request proposes may be of a fork. Name its ref in `source-ref` only if you trust that.",
      ),
    );
  if (policy.sourceDigest !== undefined)
    rules.push(equal("source commit", policy.sourceDigest, identity.sourceDigest, "It was built from another commit."));
  if (policy.triggers)
    rules.push(
      rule(
        "trigger",
        policy.triggers.includes(identity.trigger ?? ""),
        policy.triggers.join(" or "),
        identity.trigger,
        "The run was started by another event.",
      ),
    );
  if (policy.runner)
    rules.push(equal("runner", policy.runner, identity.runner, "It was not built on a runner of GitHub."));
  rules.push(...timeRules(policy, signedAt, now));
  return rules;
}

function signerRule({ server, signerWorkflows, buildLevel3 = [] }: Policy, identity: Identity): Rule {
  const mend = "Name the workflow in `signer-workflow` if you trust it.";
  const accepted = [...(signerWorkflows ?? []), ...buildLevel3];
  const listed = accepted.some((wanted) => isWorkflow(identity.signer, server, wanted));
  if (signerWorkflows) return rule("signer workflow", listed, accepted.join(" or "), identity.signer, mend);
  const own = `${identity.sourceRepository}/.github/workflows/`;
  const isOwn = identity.sourceRepository !== undefined && identity.signer.startsWith(own);
  const expected = ["a workflow of the source repository", ...buildLevel3].join(" or ");
  return rule("signer workflow", isOwn || listed, expected, identity.signer, mend);
}

const clockSkewMs = 10 * 60_000;

function timeRules({ maxAgeMs }: Policy, signedAt: Date, now: Date): Rule[] {
  const age = now.getTime() - signedAt.getTime();
  const rules: Rule[] = [];
  if (age < -clockSkewMs)
    rules.push(
      rule(
        "signing time",
        false,
        `not after ${now.toISOString()}`,
        signedAt.toISOString(),
        "Check this machine's clock.",
      ),
    );
  if (maxAgeMs !== undefined) {
    const oldest = new Date(now.getTime() - maxAgeMs).toISOString();
    rules.push(
      rule("age", age <= maxAgeMs, `signed after ${oldest}`, signedAt.toISOString(), "Build and attest it anew."),
    );
  }
  return rules;
}
