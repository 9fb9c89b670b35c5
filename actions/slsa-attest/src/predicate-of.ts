/** What is said of the subjects, by the inputs. */
import { resolve } from "node:path";
import { say, UserError, type WorkflowContext } from "@goatnote/action-io";
import {
  assertBuildEvent,
  type Claims,
  digestOf,
  notDescribed,
  PROVENANCE_TYPE,
  provenance,
  type ResourceDescriptor,
  readSbom,
  type Subject,
} from "@goatnote/attestation";
import type { MainInputs } from "./inputs.ts";
import { lockFiles } from "./lock-files.ts";
import { type Found, readJson } from "./subjects-of.ts";

export interface Predicate {
  type: string;
  content: unknown;
}

export async function predicateOf(
  inputs: MainInputs,
  claims: Claims,
  context: WorkflowContext,
  { subjects, files }: Found,
): Promise<Predicate> {
  const path = (name: string): string => resolve(context.workspace, name);
  switch (inputs.predicate) {
    case "provenance": {
      const file = inputs["resolved-dependencies"];
      const resolvedDependencies = [
        ...(await lockFiles(inputs["lock-files"], context.workspace, claims, context.serverUrl)),
        ...(file === "" ? [] : await dependencies(path(file))),
      ];
      const options = {
        server: context.serverUrl,
        resolvedDependencies,
        ...(inputs["include-inputs"] && { inputs: await eventInputs(process.env.GITHUB_EVENT_PATH) }),
      };
      return { type: PROVENANCE_TYPE, content: provenance(claims, options) };
    }
    case "custom":
      if (inputs["predicate-type"] === PROVENANCE_TYPE) assertBuildEvent(claims);
      return { type: inputs["predicate-type"], content: await customPredicate(path(inputs["predicate-path"])) };
    case "sbom":
      return sbomPredicate(path(inputs["sbom-path"]), { subjects, files });
    case "test-result": {
      const { testResultOf } = await import("./test-results.ts");
      const plan = inputs.plan === "" ? "" : path(inputs.plan);
      return testResultOf(path(inputs.segment), plan, claims, context.serverUrl);
    }
  }
}

/** https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md: a predicate is an object. */
async function customPredicate(file: string): Promise<unknown> {
  const content = await readJson(file);
  if (content === null || typeof content !== "object" || Array.isArray(content))
    throw new UserError(`${file} is no predicate: it has to hold a JSON object, in braces.`);
  return content;
}

/** An SBOM that does not describe each of the subjects is refused; one that states no digest is taken, and that is said. */
async function sbomPredicate(file: string, { subjects, files }: Found): Promise<Predicate> {
  const content = await readJson(file);
  const sbom = readSbom(content, file);
  const paths = new Map(files.filter(({ isLayout }) => !isLayout).map(({ path, subject }) => [subject.name, path]));
  const digest = async ({ name }: Subject, algorithm: string) => {
    const path = paths.get(name);
    return path === undefined ? undefined : digestOf(path, algorithm);
  };
  const missing = await notDescribed(sbom, subjects, digest);
  if (missing === undefined)
    say(`${file} states no digest of what it describes, so it was not compared with the subjects.`);
  else if (missing.length > 0) {
    const names = missing.slice(0, 3).map(({ name }) => JSON.stringify(name));
    const more = missing.length > names.length ? ` and ${missing.length - names.length} more` : "";
    throw new UserError(
      `${file} is about something else than ${names.join(", ")}${more}: it describes ${few(sbom.described)}. Attest an SBOM together with the artifacts that it is about; one that states digests has to state one of each.`,
    );
  }
  return { type: sbom.predicateType, content };
}

/** For a message: some of many. */
function few(digests: readonly string[]): string {
  const more = digests.length > 5 ? ` and ${digests.length - 5} more` : "";
  return `${digests.slice(0, 5).join(", ")}${more}`;
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
