/**
 * What the actions of others take and give: the names of their inputs and outputs, for each one that a workflow of ours, an
 * example or a page uses, at the commit that it names. `.github/other-actions.json` holds it, and the tests hold each `with:`
 * against it (`test/documentation`).
 *
 *   node scripts/other-actions.ts                                   asks GitHub for each action.yml that is not known yet
 *   node scripts/other-actions.ts --from '/clones/{owner}+{name}'   asks clones, or any other address that git knows
 */
import { execFileSync } from "node:child_process";
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { parse } from "yaml";

const root = dirname(import.meta.dirname);
const file = join(root, ".github/other-actions.json");

/** What is known of one action at one commit. */
export interface OtherAction {
  /** The version that the comment behind its use names. */
  version: string;
  /** The repository and commit whose `action.yml` was read. */
  read: string;
  /** Why that is another commit than the one that is used: what was read may differ from it. */
  unchecked?: string;
  inputs: string[];
  /** Those of the inputs that must be given: required, and without a default. */
  required?: string[];
  outputs: string[];
}

/** By `owner/name[/path]@<commit>`. */
export type OtherActions = Record<string, OtherAction>;

export const knownActions = (): OtherActions => JSON.parse(readFileSync(file, "utf8"));

/** Everything that names actions and is run or copied. */
const places = [
  ".github/workflows/*.{yml,yaml}",
  "workflows-examples/*.{yml,yaml}",
  "actions/**/action.yml",
  "*.md",
  "action-docs/**/*.md",
  "{actions,packages}/*/*.md",
];

/** Actions of others at a commit, with the version that the comment names. */
export function usedActions(): Map<string, string> {
  const files = globSync(places, { cwd: root, exclude: (path) => /(^|[\\/])node_modules$/.test(path) });
  const uses = /\buses: *["']?([\w.-]+\/[\w./-]+@[0-9a-f]{40})["']?(?: *# *(\S+))?/g;
  const found = files.flatMap((each) => [...readFileSync(join(root, each), "utf8").matchAll(uses)]);
  return new Map(found.map(([, used = "", version = ""]) => [used, version] as const).toSorted());
}

/** Reads `action.yml` at a commit, or, where that commit cannot be had, at the newest one. @param repository a clone, or an address */
function readMetadata(repository: string, path: string, commit: string) {
  const isClone = existsSync(repository);
  const folder = isClone ? repository : mkdtempSync(join(tmpdir(), "other-actions-"));
  const git = (...args: string[]): string =>
    execFileSync("git", ["-C", folder, ...args], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  const commitAt = (name: string): string | undefined => {
    try {
      if (isClone) return git("rev-parse", "--verify", `${name}^{commit}`);
      git("fetch", "--quiet", "--depth=1", "--no-tags", repository, name);
      return git("rev-parse", "FETCH_HEAD");
    } catch {
      return undefined;
    }
  };
  try {
    if (!isClone) git("init", "--quiet", "--bare");
    const at = commitAt(commit) ?? commitAt("HEAD");
    if (!at) throw new Error(`${repository} cannot be read.`);
    const [name] = git("ls-tree", "--name-only", at, `${path}action.yml`, `${path}action.yaml`).split("\n");
    return { at, text: git("show", `${at}:${name}`) };
  } finally {
    if (!isClone) rmSync(folder, { recursive: true });
  }
}

interface Metadata {
  inputs?: Record<string, { required?: boolean | string; default?: unknown } | null>;
  outputs?: Record<string, unknown>;
}

/** @param from an address with `{owner}` and `{name}` */
function lookUp(used: string, version: string, from: string): OtherAction {
  const [name = "", commit = ""] = used.split("@");
  const [owner = "", repository = "", ...path] = name.split("/");
  const address = from.replaceAll("{owner}", owner).replaceAll("{name}", repository);
  const { at, text } = readMetadata(address, path.map((part) => `${part}/`).join(""), commit);
  const { inputs = {}, outputs = {} } = parse(text) as Metadata;
  const required = Object.entries(inputs).filter(
    ([, input]) => String(input?.required) === "true" && input?.default === undefined,
  );
  return {
    version,
    read: `${owner}/${repository}@${at}`,
    ...(at !== commit && { unchecked: "the commit that is used could not be had; this is the newest one that could" }),
    inputs: Object.keys(inputs).sort(),
    ...(required.length > 0 && { required: required.map(([input]) => input).sort() }),
    outputs: Object.keys(outputs).sort(),
  };
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: { from: { type: "string", default: "https://github.com/{owner}/{name}.git" } },
  });
  const known = knownActions();
  const next = [...usedActions()].map(([used, version]) => {
    const before = known[used];
    return [used, before && !before.unchecked ? { ...before, version } : lookUp(used, version, values.from)] as const;
  });
  writeFileSync(file, `${JSON.stringify(Object.fromEntries(next), null, 1)}\n`);
}
