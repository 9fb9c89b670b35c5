/**
 * Writes the reference of each action from its `action.yml` and its declared inputs: `action-docs/<action>.md`,
 * the same tables between the markers of `actions/<action>/README.md`, and the index `action-docs/README.md`.
 *
 *   node scripts/docs.ts            writes
 *   node scripts/docs.ts --check    fails when a file would change
 */
import { existsSync, globSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { parse } from "yaml";
import { actionNames } from "./action-names.ts";

const root = dirname(import.meta.dirname);

/** What `action.yml` says, as far as readers of the reference need it. */
interface Metadata {
  description: string;
  inputs?: Record<string, { description?: string; required?: boolean; default?: string | number | boolean }>;
  outputs?: Record<string, { description?: string }>;
}

/** One thing that `uses:` can name: an action, or a sub-action of it. */
export interface Entry {
  /** Such as `ml-test-select` or `ml-test-select/exec`. */
  name: string;
  metadata: Metadata;
  /** For each input what is allowed, in words, as declared in `src/inputs.ts`. */
  allowed: Record<string, string>;
}

/** The names of `src/inputs.ts`: `mainInputs` for the action itself, `testRunInputs` for a sub-action `test-run`. */
const declarationOf = (subAction: string): string =>
  `${(subAction || "main").replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase())}Inputs`;

/** Reads an action and its sub-actions, the action first. */
async function entriesOf(action: string): Promise<Entry[]> {
  const folder = join(root, "actions", action);
  const declarations = join(folder, "src/inputs.ts");
  const declared: Record<string, Record<string, { allowed: string }>> = existsSync(declarations)
    ? await import(pathToFileURL(declarations).href)
    : {};
  const subActions = globSync("*/action.yml", { cwd: folder }).map((file) => dirname(file));
  return ["", ...subActions.sort()].map((subAction) => {
    const file = join(folder, subAction, "action.yml");
    const fields = Object.entries(declared[declarationOf(subAction)] ?? {});
    return {
      name: [action, subAction].filter(Boolean).join("/"),
      metadata: metadataOf(file),
      allowed: Object.fromEntries(fields.map(([name, { allowed }]) => [name, allowed])),
    };
  });
}

function metadataOf(file: string): Metadata {
  const name = file.slice(root.length + 1);
  let metadata: Metadata | null;
  try {
    metadata = parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new Error(`${name} is not valid YAML: ${(error as Error).message}`);
  }
  if (!metadata?.description) throw new Error(`${name} has no description`);
  return metadata;
}

/** Text for a cell: nothing in it ends the cell or the row, or is taken for HTML. */
export function cell(text: string): string {
  return text
    .trim()
    .split(/(`[^`]*`)/)
    .map((part, i) => (i % 2 === 1 ? part : part.replaceAll("<", "&lt;")))
    .join("")
    .replaceAll("|", "\\|")
    .replace(/\r?\n/g, "<br>");
}

const table = (head: string[], rows: string[][]): string =>
  [head, head.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n");

const lines = (text: string): string[] => text.split(/\r?\n/).filter(Boolean);

/** The reference of one entry: its description, inputs and outputs. */
export function reference({ name, metadata, allowed }: Entry): string {
  const { description, inputs = {}, outputs = {} } = metadata;
  const inputRows = Object.entries(inputs).map(([input, { description = "", required, default: standard = "" }]) => [
    `\`${input}\`${required ? " (required)" : ""}`,
    lines(String(standard))
      .map((line) => cell(`\`${line}\``))
      .join("<br>"),
    cell(allowed[input] ?? ""),
    cell(description),
  ]);
  const outputRows = Object.entries(outputs).map(([output, { description = "" }]) => [
    `\`${output}\``,
    cell(description),
  ]);
  return [
    `### \`uses: goatnote/${name}@v1\``,
    `${description.trim().replace(/\.$/, "")}.`,
    inputRows.length > 0 ? table(["Input", "Default", "Allowed", "Meaning"], inputRows) : "No inputs.",
    outputRows.length > 0 ? table(["Output", "Meaning"], outputRows) : "No outputs.",
  ].join("\n\n");
}

const [start, end] = ["<!-- reference:start -->", "<!-- reference:end -->"];

/**
 * Puts the reference between the markers of a README.
 * @throws when the README does not have both markers, once and in order
 */
export function between(readme: string, text: string): string {
  const [before, inside, more] = readme.split(start);
  const [, after, extra] = inside?.split(end) ?? [];
  if (after === undefined || more !== undefined || extra !== undefined) {
    throw new Error(`README.md needs the markers ${start} and ${end} once, in this order.`);
  }
  return `${before}${start}\n\n${text}\n\n${end}${after}`;
}

const generatedNote = "<!-- Written by `npm run docs` from action.yml and src/inputs.ts. Change those. -->";

/** The first heading of a hand-written page, or its path. */
const titleOf = (file: string): string => readFileSync(join(root, file), "utf8").match(/^# (.+)$/m)?.[1] ?? file;

/**
 * All generated files.
 * @returns the wanted content by path from the root, and what stands in the way of others
 */
async function generate(): Promise<{ files: Map<string, string>; problems: string[] }> {
  const files = new Map<string, string>();
  const problems: string[] = [];
  const index: string[][] = [];
  for (const action of actionNames()) {
    try {
      const readme = `actions/${action}/README.md`;
      const entries = await entriesOf(action);
      const text = entries.map(reference).join("\n\n");
      files.set(
        `action-docs/${action}.md`,
        `${generatedNote}\n# ${action}\n\nHow to use it: [README](../${readme}).\n\n${text.replace(/^###/gm, "##")}\n`,
      );
      for (const { name, metadata } of entries) index.push([`[\`${name}\`](${action}.md)`, cell(metadata.description)]);
      files.set(readme, between(readFileSync(join(root, readme), "utf8"), text));
    } catch (error) {
      problems.push(`${action}: ${(error as Error).message}`);
    }
  }
  const written = new Set([...actionNames(), "README"].map((name) => `action-docs/${name}.md`));
  const guides = globSync("action-docs/*.md", { cwd: root })
    .map((file) => file.replaceAll("\\", "/"))
    .filter((file) => !written.has(file))
    .sort()
    .map((file) => `- [${titleOf(file)}](${file.slice("action-docs/".length)})\n`);
  files.set(
    "action-docs/README.md",
    `${generatedNote}\n# Documentation\n\n${guides.length > 0 ? `${guides.join("")}\n` : ""}## Reference\n\n${table(["Action", "What it does"], index)}\n`,
  );
  return { files, problems };
}

if (import.meta.main) {
  const { files, problems } = await generate();
  const stale = [...files].filter(([file, wanted]) => {
    const path = join(root, file);
    return !existsSync(path) || readFileSync(path, "utf8") !== wanted;
  });
  if (process.argv.includes("--check")) {
    problems.push(...stale.map(([file]) => `${file} is not current; npm run docs`));
  } else {
    mkdirSync(join(root, "action-docs"), { recursive: true });
    for (const [file, wanted] of stale) {
      writeFileSync(join(root, file), wanted);
      console.log(`docs: wrote ${file}`);
    }
  }
  for (const problem of problems) console.error(`docs: ${problem}`);
  process.exitCode = problems.length > 0 ? 1 : 0;
}
