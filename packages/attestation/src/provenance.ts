/** SLSA provenance v1 of a GitHub Actions workflow. https://slsa.dev/spec/v1.2/build-provenance */
import { UserError } from "@goatnote/action-io";
import type { Claims } from "./claims.ts";
import type { DigestSet } from "./statement.ts";

export const PROVENANCE_TYPE = "https://slsa.dev/provenance/v1";
/** GitHub's own: https://github.com/actions/buildtypes/tree/main/workflow/v1 */
export const GITHUB_BUILD_TYPE = "https://actions.github.io/buildtypes/workflow/v1";
/** The community's, which also has the inputs: https://github.com/slsa-framework/github-actions-buildtypes */
export const COMMUNITY_BUILD_TYPE = "https://slsa-framework.github.io/github-actions-buildtypes/workflow/v1";
/** Both build types must not be used for any other event. */
export const BUILD_EVENTS = ["create", "push", "release", "workflow_dispatch"];

/** https://github.com/in-toto/attestation/blob/main/spec/v1/resource_descriptor.md */
export interface ResourceDescriptor {
  uri?: string;
  name?: string;
  digest?: DigestSet;
  annotations?: Record<string, unknown>;
}

export interface ProvenanceOptions {
  /** Such as `https://github.com`. */
  server: string;
  /** Inputs of a manual run. Given, they are recorded, and the build type is the community's. */
  inputs?: Record<string, unknown>;
  /** What the build used beside the commit, with digests. */
  resolvedDependencies?: readonly ResourceDescriptor[];
}

/** `owner/name/<path>@<ref>` as path and ref; both may contain `@`. */
function workflowPath({ workflow_ref, repository, ref }: Claims): string {
  const path = workflow_ref.startsWith(`${repository}/`) ? workflow_ref.slice(repository.length + 1) : workflow_ref;
  if (path.endsWith(`@${ref}`)) return path.slice(0, -ref.length - 1);
  return path.replace(/@(refs\/.*|[0-9a-f]{40})$/, "");
}

/** @throws UserError for an event that the build types forbid */
export function assertBuildEvent({ event_name }: Pick<Claims, "event_name">): void {
  if (BUILD_EVENTS.includes(event_name)) return;
  throw new UserError(
    `Provenance is not defined for the event ${event_name}: its build type allows only ${BUILD_EVENTS.join(", ")}. Attest in a workflow that one of these starts.`,
  );
}

/**
 * The predicate that the claims of a job give.
 * @throws UserError for an event that the build type forbids
 */
export function provenance(claims: Claims, { server, inputs, resolvedDependencies = [] }: ProvenanceOptions): object {
  assertBuildEvent(claims);
  const repository = `${server}/${claims.repository}`;
  const given = Object.fromEntries(Object.entries(inputs ?? {}).filter(([, value]) => value !== "" && value !== null));
  return {
    buildDefinition: {
      buildType: inputs ? COMMUNITY_BUILD_TYPE : GITHUB_BUILD_TYPE,
      externalParameters: {
        workflow: { ref: claims.ref, repository, path: workflowPath(claims) },
        ...(Object.keys(given).length > 0 && { inputs: given }),
      },
      internalParameters: {
        github: {
          event_name: claims.event_name,
          repository_id: claims.repository_id,
          repository_owner_id: claims.repository_owner_id,
          runner_environment: claims.runner_environment,
        },
      },
      resolvedDependencies: [
        { uri: `git+${repository}@${claims.ref}`, digest: { gitCommit: claims.sha } },
        ...resolvedDependencies,
      ],
    },
    runDetails: {
      builder: { id: `${server}/${claims.job_workflow_ref}` },
      metadata: { invocationId: `${repository}/actions/runs/${claims.run_id}/attempts/${claims.run_attempt}` },
    },
  };
}
