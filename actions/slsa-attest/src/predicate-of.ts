/** What is said of the subjects, by the inputs. */
import { resolve } from "node:path";
import { UserError, type WorkflowContext } from "@goatnote/action-io";
import { type Claims, PROVENANCE_TYPE, provenance, type ResourceDescriptor } from "@goatnote/attestation";
import type { MainInputs } from "./inputs.ts";
import { readJson } from "./subjects-of.ts";

export interface Predicate {
  type: string;
  content: unknown;
}

export async function predicateOf(inputs: MainInputs, claims: Claims, context: WorkflowContext): Promise<Predicate> {
  const path = (name: string): string => resolve(context.workspace, name);
  switch (inputs.predicate) {
    case "provenance": {
      const file = inputs["resolved-dependencies"];
      const options = {
        server: context.serverUrl,
        ...(inputs["include-inputs"] && { inputs: await eventInputs(process.env.GITHUB_EVENT_PATH) }),
        ...(file !== "" && { resolvedDependencies: await dependencies(path(file)) }),
      };
      return { type: PROVENANCE_TYPE, content: provenance(claims, options) };
    }
    case "custom":
      return { type: inputs["predicate-type"], content: await readJson(path(inputs["predicate-path"])) };
    default:
      throw new UserError(`\`predicate: ${inputs.predicate}\` is not made here.`);
  }
}

/** The inputs of a manual run; {} for other events. */
async function eventInputs(path: string | undefined): Promise<Record<string, unknown>> {
  const event = path ? ((await readJson(path)) as { inputs?: Record<string, unknown> | null }) : {};
  return event.inputs ?? {};
}

const isDescriptor = (value: unknown): value is ResourceDescriptor => {
  const { uri, name, digest } = (value ?? {}) as ResourceDescriptor;
  const named = typeof uri === "string" || typeof name === "string";
  const hex = digest && typeof digest === "object" ? Object.values(digest) : [];
  return named && hex.length > 0 && hex.every((each) => typeof each === "string");
};

async function dependencies(file: string): Promise<ResourceDescriptor[]> {
  const list = await readJson(file);
  const wrong = Array.isArray(list) ? list.findIndex((each) => !isDescriptor(each)) : 0;
  if (!Array.isArray(list) || wrong >= 0)
    throw new UserError(
      `${file} is no list of dependencies: entry ${wrong + 1} needs \`uri\` or \`name\`, and \`digest\` with a text for each algorithm.`,
    );
  return list as ResourceDescriptor[];
}
