/** GitHub's own language service, as editors use it, which knows our actions by their `action.yml`, and others by what was read of theirs. */
import { existsSync, readFileSync } from "node:fs";
import { registerHooks } from "node:module";
import { join } from "node:path";
import { TextDocument } from "vscode-languageserver-textdocument";
import { parse } from "yaml";
import { knownActions } from "../../scripts/other-actions.ts";
import { root } from "./pages.ts";

// The official packages import their JSON without the `type: "json"` attribute that Node asks for.
registerHooks({
  load: (url, context, next) =>
    /\/@actions\/(workflow-parser|languageservice)\/.*\.json$/.test(url)
      ? next(url, { ...context, importAttributes: { type: "json" } })
      : next(url, context),
});
const { validate } = await import("@actions/languageservice");

const others = knownActions();

interface Metadata {
  name: string;
  description: string;
  inputs?: Record<string, { description: string; required?: boolean; default?: string }>;
  outputs?: Record<string, { description: string }>;
}

/** What is known of the action that a `uses:` names, ours by its place here or as it is published; undefined of one that nobody has looked at. */
function metadataOf(uses: string): Metadata | undefined {
  const [, path] = /^(?:goatnote\/|\$\/dist\/)([\w/-]+)/.exec(uses) ?? [];
  if (path) {
    const file = join(root, "actions", path, "action.yml");
    return existsSync(file) ? parse(readFileSync(file, "utf8")) : undefined;
  }
  const other = others[uses];
  if (!other) return undefined;
  const inputs = other.inputs.map((name) => [name, { description: name, required: other.required?.includes(name) }]);
  const about = { name: uses, description: other.read };
  return {
    ...about,
    inputs: Object.fromEntries(inputs),
    outputs: Object.fromEntries(other.outputs.map((name) => [name, { description: name }])),
  };
}

const provider = {
  async fetchActionMetadata({ owner, name, ref, path }: { owner: string; name: string; ref: string; path?: string }) {
    return metadataOf(`${owner}/${name}${path ? `/${path}` : ""}@${ref}`);
  },
};

// The service remembers what it has parsed by its name.
let documents = 0;

interface Step {
  id?: string;
  uses?: string;
}

/** Outputs of steps that are read and that the action there does not have, which the service does not look for. */
function unknownOutputs(steps: Step[], readers: unknown): string[] {
  const actions = new Map(steps.map(({ id, uses }) => [id, uses]));
  const reads = JSON.stringify(readers).matchAll(/\bsteps\.([\w-]+)\.outputs\.([\w-]+)/g);
  return [...reads].flatMap(([, id, output = ""]) => {
    const uses = actions.get(id);
    const known = uses === undefined ? undefined : metadataOf(uses);
    return known && !(output in (known.outputs ?? {})) ? [`${uses} has no output ${output}`] : [];
  });
}

/**
 * What the service says of a workflow.
 * @param asCopied false for a fragment, whose expressions may name what is around it
 */
async function findings(workflow: string, asCopied: boolean): Promise<string[]> {
  // In our own workflows an action is named by its place here; the service asks for metadata by repository only.
  const text = workflow.replace(/uses: \$\/dist\/([\w/-]+)/g, "uses: goatnote/$1@v1");
  const document = TextDocument.create(`file:///.github/workflows/${++documents}.yml`, "yaml", 1, text);
  const diagnostics = await validate(document, { actionsMetadataProvider: provider });
  const said = diagnostics
    .map(({ message, range }) => `line ${range.start.line + 1}: ${message}`)
    .filter((message) => asCopied || !message.includes("Context access might be invalid"));
  const jobs = Object.values((parse(text) as { jobs: Record<string, { steps?: Step[] }> }).jobs);
  return [...said, ...jobs.flatMap((each) => unknownOutputs(each.steps ?? [], each))];
}

const indented = (text: string, by: number): string => text.replace(/^(?=.)/gm, " ".repeat(by));

interface Job {
  needs?: string | string[];
}

/** A workflow of these jobs, and of those that they need and that are not shown. */
function around(jobs: Record<string, Job>, text: string): string {
  const needed = Object.values(jobs).flatMap(({ needs = [] }) => needs);
  const absent = [...new Set(needed)].filter((name) => !(name in jobs));
  const stub = (name: string) => `  ${name}:\n    runs-on: ubuntu-latest\n    steps:\n      - run: "true"\n`;
  return `on: push\njobs:\n${absent.map(stub).join("")}${indented(text, 2)}`;
}

/** A job of what is shown of it. */
const job = (text: string, shown: object): string =>
  `job:\n${"runs-on" in shown ? "" : "  runs-on: ubuntu-latest\n"}${indented(text, 2)}`;

/**
 * What is wrong with a YAML block: a workflow, jobs, a job, or steps. Null for other YAML, such as a policy.
 * @throws YAMLParseError for what is no YAML
 */
export async function problems(text: string): Promise<string[] | null> {
  const content: unknown = parse(text);
  if (Array.isArray(content)) {
    const isSteps = content.every((step) => step?.uses || step?.run);
    return isSteps ? findings(around({}, job(`steps:\n${indented(text, 2)}`, {})), false) : null;
  }
  if (typeof content !== "object" || content === null) return null;
  if ("on" in content && "jobs" in content) return findings(text, true);
  if ("jobs" in content) return findings(`on: push\n${text}`, false);
  if ("steps" in content) return findings(around({ job: content as Job }, job(text, content)), false);
  const jobs = Object.values(content);
  const isJobs = jobs.length > 0 && jobs.every((each) => each?.steps);
  return isJobs ? findings(around(content as Record<string, Job>, text), false) : null;
}
