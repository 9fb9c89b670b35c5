/** Whose signature is wanted, by the inputs or by a policy file. */
import { createHash } from "node:crypto";
import { resolve } from "node:path";
import { UserError, type WorkflowContext } from "@goatnote/action-io";
import { issuerOf, loadPolicyFile, type Policy, type PolicyValues } from "@goatnote/attestation";
import { policyInputs, type VerifyInputs } from "./inputs.ts";
import { readText } from "./subjects-of.ts";

export interface Wanted {
  policy: Policy;
  /** The policy's file and SHA-256, where it is one. */
  file?: { uri: string; sha256: string };
}

/** @throws UserError when it is not said whose signature is wanted, or a name is none */
export async function policyOf(inputs: VerifyInputs, context: WorkflowContext): Promise<Wanted> {
  const { policyFrom, policyProblems, readPolicyFile } = await loadPolicyFile();
  const server = context.serverUrl;
  const text = inputs.policy === "" ? "" : await readText(resolve(context.workspace, inputs.policy));
  const values = inputs.policy === "" ? given(inputs, context.repository) : readPolicyFile(text, inputs.policy);
  const [wrong] = policyProblems(values);
  if (wrong) throw new UserError(`\`${wrong[0]}\`: ${wrong[1]}.`);
  const issuer = values.issuer?.[0] ?? issuerOf(server);
  if (!issuer) throw new UserError(`The issuer of identities at ${server} is not known here: name it in \`issuer\`.`);
  const policy = policyFrom(values, server, issuer);
  if (inputs.runner === "github-hosted") policy.runner = "github-hosted";
  if (inputs.policy === "") return { policy };
  return { policy, file: { uri: inputs.policy, sha256: createHash("sha256").update(text).digest("hex") } };
}

/** The inputs that are given; this repository, where they name none. */
function given(inputs: VerifyInputs, repository: string): PolicyValues {
  const values: PolicyValues = Object.fromEntries(
    policyInputs
      .map((name) => [name, [inputs[name]].flat().filter(Boolean)] as const)
      .filter(([, value]) => value.length > 0),
  );
  // A named signer alone would be trusted for whatever repository calls it; for that, a policy file has to say so.
  const named = "source-repository" in values || "source-repository-id" in values;
  return named || repository === "" ? values : { ...values, "source-repository": [repository] };
}
