/** GitHub's own language service, as editors use it, which knows our actions by their `action.yml`. */
import { existsSync, readFileSync } from "node:fs";
import { registerHooks } from "node:module";
import { join } from "node:path";
import { TextDocument } from "vscode-languageserver-textdocument";
import { parse } from "yaml";
import { root } from "./pages.ts";

// The official packages import their JSON without the `type: "json"` attribute that Node asks for.
registerHooks({
  load: (url, context, next) =>
    /\/@actions\/(workflow-parser|languageservice)\/.*\.json$/.test(url)
      ? next(url, { ...context, importAttributes: { type: "json" } })
      : next(url, context),
});
const { validate } = await import("@actions/languageservice");

const provider = {
  async fetchActionMetadata({ owner, name, path = "" }: { owner: string; name: string; path?: string }) {
    const file = join(root, "actions", name, path, "action.yml");
    return owner === "goatnote" && existsSync(file) ? parse(readFileSync(file, "utf8")) : undefined;
  },
};

// The service remembers what it has parsed by its name.
let documents = 0;

/**
 * What the service says of a workflow. Actions of others are not there to be asked for their inputs.
 * @param asCopied false for a fragment, whose expressions may name what is around it
 */
async function findings(workflow: string, asCopied: boolean): Promise<string[]> {
  // In our own workflows an action is named by its place here; the service asks for metadata by repository only.
  const text = workflow.replace(/uses: \$\/dist\/([\w/-]+)/g, "uses: goatnote/$1@v1");
  const document = TextDocument.create(`file:///.github/workflows/${++documents}.yml`, "yaml", 1, text);
  const diagnostics = await validate(document, { actionsMetadataProvider: provider });
  return diagnostics
    .map(({ message, range }) => `line ${range.start.line + 1}: ${message}`)
    .filter((message) => !/Unable to resolve action `(?!goatnote\/)/.test(message))
    .filter((message) => asCopied || !message.includes("Context access might be invalid"));
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
