/** Whether provenance says the same as the certificate. A workflow can write any predicate; it cannot choose its certificate. */
import type { Identity } from "./certificate.ts";
import { COMMUNITY_BUILD_TYPE, GITHUB_BUILD_TYPE, PROVENANCE_TYPE } from "./provenance.ts";
import { equal, type Rule, rule } from "./rules.ts";
import type { Statement } from "./statement.ts";
import { TEST_RESULT_TYPE } from "./test-result.ts";
import { VSA_TYPE } from "./vsa.ts";

type Json = Record<string, unknown>;

/** The value at a path of names, or undefined where something on the way is no object. */
function at(value: unknown, ...path: string[]): unknown {
  return path.reduce<unknown>(
    (inner, name) => (inner && typeof inner === "object" && !Array.isArray(inner) ? (inner as Json)[name] : undefined),
    value,
  );
}

const text = (value: unknown): string | undefined =>
  value === undefined || value === null ? undefined : typeof value === "string" ? value : JSON.stringify(value);

/** External parameters that a consumer of each build type knows. */
const parameters: Record<string, string[]> = {
  [GITHUB_BUILD_TYPE]: ["workflow"],
  [COMMUNITY_BUILD_TYPE]: ["workflow", "inputs", "release", "vars"],
};
// What npm writes for GitHub's hosted runners.
const hostedBuilder = "/actions/runner/github-hosted";

/** Whether `predicateRules` has anything to compare. */
export const isComparable = ({ predicateType }: Statement): boolean => predicateType === PROVENANCE_TYPE;

/** Holds SLSA provenance v1 against the certificate it was signed with; [] for other predicates, of which nothing is compared. */
export function predicateRules(statement: Statement, identity: Identity, server: string): Rule[] {
  if (!isComparable(statement)) return [];
  const { predicate } = statement;
  const definition = at(predicate, "buildDefinition");
  const buildType = text(at(definition, "buildType"));
  const known = Object.hasOwn(parameters, buildType ?? "") ? parameters[buildType ?? ""] : undefined;
  if (!known)
    return [
      rule(
        "build type",
        false,
        Object.keys(parameters).join(" or "),
        buildType,
        "Provenance of another build type cannot be compared with its certificate.",
      ),
    ];
  const forged = "The provenance says something else than its certificate: do not trust it.";
  const same = (name: string, expected: string | undefined, actual: unknown): Rule =>
    equal(`provenance: ${name}`, expected ?? "", text(actual), forged);
  const optional = (name: string, expected: string | undefined, actual: unknown): Rule[] =>
    actual === undefined ? [] : [same(name, expected, actual)];

  const external = at(definition, "externalParameters");
  const workflow = at(external, "workflow");
  const github = at(definition, "internalParameters", "github");
  const run = at(predicate, "runDetails");
  const { sourceRepository: repository, sourceRef: ref } = identity;
  const extra = Object.keys((external ?? {}) as Json).filter((name) => !known.includes(name));
  return [
    rule(
      "provenance: external parameters",
      extra.length === 0,
      known.join(", "),
      [...known, ...extra].join(", "),
      `It has parameters that its build type does not know: ${extra.join(", ")}.`,
    ),
    same("repository", repository, at(workflow, "repository")),
    same("ref", ref, at(workflow, "ref")),
    workflowRule(identity, text(at(workflow, "path")), forged),
    commitRule(at(definition, "resolvedDependencies"), identity, forged),
    builderRule(identity, server, buildType, text(at(run, "builder", "id")), forged),
    ...optional("run", identity.run, at(run, "metadata", "invocationId")),
    ...optional("event", identity.trigger, at(github, "event_name")),
    ...optional("repository id", identity.sourceRepositoryId, at(github, "repository_id")),
    ...optional("owner id", identity.sourceOwnerId, at(github, "repository_owner_id")),
    ...optional("runner", identity.runner, at(github, "runner_environment")),
  ];
}

/** What says itself that something failed vouches for nothing. */
export function resultRules({ predicateType, predicate }: Statement): Rule[] {
  const mend = "It is attested that this failed: mend that, and attest it anew.";
  const among = (name: string, good: string[]): Rule[] => {
    const result = text(at(predicate, name));
    return [rule(name, good.includes(result ?? ""), good.join(" or "), result, mend)];
  };
  if (predicateType === VSA_TYPE) return among("verificationResult", ["PASSED"]);
  return predicateType === TEST_RESULT_TYPE ? among("result", ["PASSED", "WARNED"]) : [];
}

/** The workflow that was started, at whatever ref. */
function workflowRule({ sourceRepository, buildConfig }: Identity, path: string | undefined, mend: string): Rule {
  const prefix = `${sourceRepository}/${path}@`;
  const ref = buildConfig?.startsWith(prefix) ? buildConfig.slice(prefix.length) : "";
  const passed = path !== undefined && /^(refs\/.+|[0-9a-f]{40})$/.test(ref);
  return rule("provenance: workflow", passed, buildConfig ?? "", path && `${prefix}…`, mend);
}

function commitRule(dependencies: unknown, identity: Identity, mend: string): Rule {
  const uri = `git+${identity.sourceRepository}@${identity.sourceRef}`;
  const commits = (Array.isArray(dependencies) ? (dependencies as unknown[]) : [])
    .filter((dependency) => at(dependency, "uri") === uri)
    .map((dependency) => text(at(dependency, "digest", "gitCommit") ?? at(dependency, "digest", "sha1")));
  const passed = commits.length > 0 && commits.every((commit) => commit === identity.sourceDigest);
  return rule("provenance: commit", passed, `${uri} ${identity.sourceDigest}`, commits.join(", ") || undefined, mend);
}

function builderRule(
  { signer, runner }: Identity,
  server: string,
  buildType: string | undefined,
  builder: string | undefined,
  mend: string,
): Rule {
  const byNpm =
    buildType === COMMUNITY_BUILD_TYPE && builder === `${server}${hostedBuilder}` && runner === "github-hosted";
  return rule("provenance: builder", builder === signer || byNpm, signer, builder, mend);
}
