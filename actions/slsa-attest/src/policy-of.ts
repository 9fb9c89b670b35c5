/** Whose signature is wanted, by the inputs. */
import { UserError, type WorkflowContext } from "@goatnote/action-io";
import { issuerOf, type Policy, workflowProblem } from "@goatnote/attestation";
import type { VerifyInputs } from "./inputs.ts";

/** @throws UserError when the inputs do not say whose signature is wanted, or are no names */
export async function policyOf(inputs: VerifyInputs, context: WorkflowContext): Promise<Policy> {
  const server = context.serverUrl;
  const issuer = inputs.issuer || issuerOf(server);
  if (!issuer) throw new UserError(`The issuer of identities at ${server} is not known here: name it in \`issuer\`.`);
  const sourceRepository =
    inputs["source-repository"] ||
    (inputs["source-repository-id"] || inputs["signer-workflow"].length > 0 ? "" : context.repository);
  const given = <T>(value: readonly T[]): readonly T[] | undefined => (value.length > 0 ? value : undefined);
  const policy: Policy = { server, issuer };
  if (sourceRepository) policy.sourceRepository = sourceRepository;
  if (inputs["source-repository-id"]) policy.sourceRepositoryId = inputs["source-repository-id"];
  const [refs, workflows, triggers] = [
    given(inputs["source-ref"]),
    given(inputs["signer-workflow"]),
    given(inputs.trigger),
  ];
  if (refs) policy.sourceRefs = refs;
  if (workflows) policy.signerWorkflows = workflows;
  if (triggers) policy.triggers = triggers;
  if (inputs["source-digest"]) policy.sourceDigest = inputs["source-digest"];
  if (inputs["max-age"] !== null) policy.maxAgeMs = inputs["max-age"];
  if (inputs.runner === "github-hosted") policy.runner = "github-hosted";
  const wrong = policy.signerWorkflows?.map(workflowProblem).find((problem) => problem !== undefined);
  if (wrong) throw new UserError(`\`signer-workflow\`: ${wrong}.`);
  return policy;
}
