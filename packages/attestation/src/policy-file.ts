/** A policy as a file in the repository: YAML, whose every value is text, a list of texts, or a duration. */
import { duration, UserError } from "@goatnote/action-io";
import { parseDocument } from "yaml";
import { type Policy, pinnedWorkflowProblem, workflowProblem } from "./policy.ts";

interface Key {
  isList?: boolean;
  /** What is wrong with a value, or undefined. */
  problem: (value: string) => string | undefined;
}

const form =
  (pattern: RegExp, what: string): Key["problem"] =>
  (value) =>
    pattern.test(value) ? undefined : `${JSON.stringify(value)} is no ${what}`;

/** Names of repositories, refs and events, which the inputs of `verify` check by the same rules. */
export const policyKeys: Record<string, Key> = {
  "source-repository": { problem: form(/^[^/\s]+\/[^/\s]+$/, "repository; it has the form owner/name") },
  "source-repository-id": { problem: form(/^[1-9]\d*$/, "numeric id") },
  "source-ref": { isList: true, problem: form(/^refs\/\S+$/, "full ref, such as refs/heads/main or refs/tags/v*") },
  "source-digest": { problem: form(/^([0-9a-f]{40}|[0-9a-f]{64})$/, "full commit: 40 or 64 lower-case hex digits") },
  "signer-workflow": { isList: true, problem: workflowProblem },
  "build-level-3": { isList: true, problem: pinnedWorkflowProblem },
  issuer: { problem: form(/^https?:\/\/\S+$/, "URL") },
  trigger: { isList: true, problem: form(/^[a-z_]+$/, "event, such as push") },
  "max-age": {
    problem: (value) =>
      duration().parse(value) === undefined ? `${JSON.stringify(value)} is no duration such as 720h` : undefined,
  },
  runner: { problem: form(/^(any|github-hosted)$/, "runner; allowed: any, github-hosted") },
};

/** What a policy says, by its keys. */
export type PolicyValues = Record<string, readonly string[]>;

/**
 * Reads a policy file. All of its mistakes are told at once.
 * @throws UserError
 */
export function readPolicyFile(content: string, file: string): PolicyValues {
  // Every scalar stays text: no numbers that lose digits, no `no` that means false.
  const document = parseDocument(content, { schema: "failsafe", uniqueKeys: true, strict: true });
  if (document.errors.length > 0)
    throw new UserError(`The policy ${file} is not valid YAML: ${document.errors[0]!.message.split("\n")[0]}`);
  let values: unknown;
  try {
    values = document.toJS({ maxAliasCount: 0 });
  } catch {
    throw new UserError(`The policy ${file} cannot be used: it has aliases, which a policy does without.`);
  }
  if (values === null || typeof values !== "object" || Array.isArray(values))
    throw new UserError(`The policy ${file} is no mapping of ${Object.keys(policyKeys).join(", ")}.`);
  const problems: string[] = [];
  const read: PolicyValues = {};
  for (const [key, value] of Object.entries(values as Record<string, unknown>)) {
    const known = Object.hasOwn(policyKeys, key) ? policyKeys[key] : undefined;
    if (!known) problems.push(`there is no key ${JSON.stringify(key)}; allowed: ${Object.keys(policyKeys).join(", ")}`);
    else if (
      typeof value !== "string" &&
      !(known.isList && Array.isArray(value) && value.every((each) => typeof each === "string"))
    )
      problems.push(`\`${key}\` is no text${known.isList ? " or list of texts" : ""}`);
    else read[key] = [value].flat() as string[];
  }
  problems.push(...policyProblems(read).map(([key, problem]) => `\`${key}\`: ${problem}`));
  if (problems.length > 0) throw new UserError(`The policy ${file} cannot be used: ${problems.join("; ")}.`);
  return read;
}

/** What is wrong with the values of a policy, by key. */
export function policyProblems(values: PolicyValues): [key: string, problem: string][] {
  return Object.entries(values).flatMap(([key, of]) => {
    if (of.length === 0) return [[key, "is an empty list, which nothing could match"] as [string, string]];
    return of.flatMap((value) => {
      const problem = policyKeys[key]?.problem(value);
      return problem === undefined ? [] : [[key, problem] as [string, string]];
    });
  });
}

/** The policy that checked values give. */
export function policyFrom(values: PolicyValues, server: string, issuer: string): Policy {
  const one = (key: string): string | undefined => values[key]?.[0];
  const policy: Policy = { server, issuer: one("issuer") ?? issuer };
  const [repository, id, digest, age] = ["source-repository", "source-repository-id", "source-digest", "max-age"].map(
    one,
  );
  if (repository !== undefined) policy.sourceRepository = repository;
  if (id !== undefined) policy.sourceRepositoryId = id;
  if (digest !== undefined) policy.sourceDigest = digest;
  if (age !== undefined) policy.maxAgeMs = duration().parse(age)!;
  if (one("runner") === "github-hosted") policy.runner = "github-hosted";
  const { "source-ref": refs, "signer-workflow": workflows, trigger, "build-level-3": level3 } = values;
  if (refs) policy.sourceRefs = refs;
  if (workflows) policy.signerWorkflows = workflows;
  if (trigger) policy.triggers = trigger;
  if (level3) policy.buildLevel3 = level3;
  return policy;
}
